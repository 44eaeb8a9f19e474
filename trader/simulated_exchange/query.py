"""Reading query parameters: instants, counts, lists; RefusalError (422) for what does not parse."""

from collections.abc import Mapping

from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.timestamps import parse_instant


def instant(query: Mapping[str, str], key: str) -> int | None:
    """Nanoseconds, None when absent."""
    text = query.get(key)
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        raise invalid(f"invalid {key}: {text}") from None


def count(query: Mapping[str, str], key: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    text = query.get(key)
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid(f"{key} must be a number from 1 to {most}")
    return int(text)


def listed(query: Mapping[str, str], key: str) -> list[str]:
    """The parts of a comma-separated value, empty when absent."""
    return [part.strip() for part in query.get(key, "").split(",") if part.strip()]


def ascending(query: Mapping[str, str], key: str, default: str) -> bool:
    """Whether `asc` rather than `desc` is wanted."""
    given = query.get(key) or default
    if given not in {"asc", "desc"}:
        raise invalid(f"{key} must be asc or desc")
    return given == "asc"

"""Answers as a later version of the broker's schema might have them."""

from collections.abc import Collection
from typing import Any

from trader.simulated_exchange.refusals import invalid

DRIFTS = frozenset({"no_easy_to_borrow", "extra_keys", "new_enum_values", "null_history"})


def read_drifts(given: Any) -> set[str]:
    """The names in a list; RefusalError (422) for an unknown one."""
    if not isinstance(given, list) or not DRIFTS.issuperset(map(str, given)):
        raise invalid(f"drifts is a list of some of {', '.join(sorted(DRIFTS))}")
    return set(given)


def drifted(drifts: Collection[str], path: str, body: Any) -> Any:
    """The body changed: keys gone, added or null, and in the first row of a list values unknown until now."""
    rows = [row for row in (body if isinstance(body, list) else [body]) if isinstance(row, dict)]
    if "null_history" in drifts and path.endswith("/portfolio/history"):
        for key in ("equity", "profit_loss", "profit_loss_pct"):
            body[key][:1] = [None]
    if "no_easy_to_borrow" in drifts and path.startswith("/v2/assets"):
        for row in rows:
            row.pop("easy_to_borrow", None)
    if "new_enum_values" in drifts and rows:
        for part, key, value in (("/v2/assets", "exchange", "NEWX"), ("/v2/orders", "asset_class", "ipo")):
            if path.startswith(part) and key in rows[0]:
                rows[0][key] = value
    if "extra_keys" in drifts and path.startswith(("/v2/", "/v1/")) and not path.startswith("/v2/stocks"):
        for row in rows:
            row["added_later"] = {"by": ["the broker"]}
    return body

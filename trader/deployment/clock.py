"""The host's time: the only place that asks for it."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This instant, UTC."""
    return datetime.now(UTC)


def stamp() -> str:
    """This instant as text, to the second."""
    return now().isoformat(timespec="seconds")


def ticking_s() -> float:
    """Seconds that only go forward, for waiting."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)

"""Reads are tried again; nothing else is."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from trader.adapters.alpaca.errors import Failed, attempt, unavailable
from trader.ports.clock import Clock

T = TypeVar("T")

PAUSES = (timedelta(seconds=1), timedelta(seconds=3))
_LONGEST = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


def read(operation: str, request: Callable[[], T], clock: Clock, pauses: Sequence[timedelta] = PAUSES) -> T:
    """The answer to `request`, asked again after each pause while it may succeed. Raises BrokerUnavailable."""
    try:
        return attempt(request)
    except Failed as failed:
        if not (pauses and failed.passing):
            raise unavailable(operation, failed) from None
        _log.warning("ALPACA asking again", operation=operation, cause=str(failed))
        _wait(clock, pauses[0], failed)
    return read(operation, request, clock, pauses[1:])


def _wait(clock: Clock, pause: timedelta, failed: Failed) -> None:
    now = clock.now()
    again_at = failed.again_at if failed.status == 429 and failed.again_at else now
    clock.wait_until(min(max(now + pause, again_at), now + _LONGEST))

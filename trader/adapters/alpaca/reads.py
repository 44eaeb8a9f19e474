"""Reads are tried again; nothing else is."""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import TypeVar

import structlog

from trader.adapters.alpaca.errors import Failed, attempt, unavailable
from trader.ports.clock import Clock

T = TypeVar("T")

_PAUSES = (timedelta(seconds=1), timedelta(seconds=3))
_LONGEST = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


def read(operation: str, request: Callable[[], T], clock: Clock) -> T:
    """The answer to `request`, asked up to three times. Raises BrokerUnavailable."""
    for pause in chain(_PAUSES, [None]):
        try:
            return attempt(request)
        except Failed as failed:
            if pause is None or not failed.passing:
                error = unavailable(operation, failed)
                break
            _log.warning("ALPACA asking again", operation=operation, cause=str(failed))
            _wait(clock, pause, failed)
    raise error


def _wait(clock: Clock, pause: timedelta, failed: Failed) -> None:
    now = clock.now()
    again_at = failed.again_at if failed.status == 429 and failed.again_at else now
    clock.wait_until(min(max(now + pause, again_at), now + _LONGEST))

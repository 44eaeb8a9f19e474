"""The account's request budget, shared by all processes through one locked file."""

import fcntl
import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trader.adapters import durable
from trader.domain.errors import BrokerUnavailable, ConfigurationError
from trader.ports.clock import Clock

WINDOW_US = 60_000_000
RESERVED_SHARE = 4
"""One token in so many is kept for orders and cancels."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def recent(taken_us: Sequence[int], now_us: int) -> list[int]:
    """The takes that still count, oldest first; those beyond a window ahead are of a clock that was set back."""
    return sorted(at for at in taken_us if now_us - WINDOW_US < at <= now_us + WINDOW_US)


def ready_at(counting_us: Sequence[int], now_us: int, budget: int) -> int:
    """The first instant, in microseconds, at which one more take leaves at most `budget` in any half-open minute."""
    if len(counting_us) < budget:
        return now_us
    return max(now_us, counting_us[-budget] + WINDOW_US)


class TokenBucket:
    """At most `per_minute` takes in any 60 s over all processes that use the file; orders first."""

    def __init__(self, path: Path, per_minute: int, clock: Clock) -> None:
        self._path = path
        self._per_minute = per_minute
        self._clock = clock

    def take(self, priority: bool = False) -> None:
        """Return when one request may be sent; `priority` may use the reserve.

        Raises BrokerUnavailable when the wait is ended early because the process is asked to stop.
        """
        while (ready := self._try(priority)) is not None:
            self._clock.wait_until(ready)
            if self._clock.now() < ready:
                raise BrokerUnavailable("request", "stopped while waiting for the request budget")

    def _try(self, priority: bool) -> datetime | None:
        """Take now and return None, or return when to try again."""
        now_us = (self._clock.now() - _EPOCH) // _MICROSECOND
        budget = self._per_minute if priority else self._per_minute - self._per_minute // RESERVED_SHARE
        with self._locked() as handle:
            counting = recent(_read(handle), now_us)
            ready_us = ready_at(counting, now_us, budget)
            if ready_us <= now_us:
                _write(handle, [*counting, now_us])
                return None
        return _EPOCH + ready_us * _MICROSECOND

    @contextmanager
    def _locked(self) -> Iterator[int]:
        with durable.explained(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with durable.explained(self._path):
                yield handle
        finally:
            os.close(handle)


class Unhindered:
    """A budget for emergencies: a file that cannot be read or written stops nothing."""

    def __init__(self, bucket: TokenBucket) -> None:
        self._bucket = bucket

    def take(self, priority: bool = False) -> None:
        """Return when one request may be sent. Raises BrokerUnavailable as the bucket does."""
        with suppress(ConfigurationError, OSError):
            self._bucket.take(priority)


def _read(handle: int) -> list[int]:
    taken = array("q")
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    taken.frombytes(content[: len(content) // taken.itemsize * taken.itemsize])
    return taken.tolist()


def _write(handle: int, taken_us: Sequence[int]) -> None:
    """In one write, and shortened only after it: killed in between, the file counts too many takes, never too few."""
    content = array("q", taken_us).tobytes()
    os.pwrite(handle, content, 0)
    os.ftruncate(handle, len(content))

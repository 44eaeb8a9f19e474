"""The orders lease: an flock, which the kernel releases however its holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trader.adapters import durable
from trader.domain.errors import LeaseHeld
from trader.ports.clock import Clock


class Lease:
    """`orders.<account>.lock` in `directory`; while it is held the file names the holder."""

    def __init__(self, directory: Path, account: str, clock: Clock) -> None:
        self._path = directory / f"orders.{account}.lock"
        self._account = account
        self._clock = clock

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lease for the block; raises LeaseHeld at once when another process has it."""
        since = self._clock.now()
        with durable.explained(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock(handle)
            _write(handle, f"pid {os.getpid()} since {since.isoformat(timespec='seconds')}")
            yield
            _write(handle, "")
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip()
            raise LeaseHeld(self._account, holder or "another process") from None


def _write(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)

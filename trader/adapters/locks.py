"""The orders lease: an flock, which the kernel releases however its holder ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trader.adapters import durable
from trader.domain.errors import LeaseHeld
from trader.ports.clock import Clock

_TRIES = 100
_PAUSE_S = 0.01


class Lease:
    """`orders.<account>.lock` in `directory`; the file names its newest holder.

    A look takes the lock shared for an instant. Whoever wants to hold it tells such a look from a holder by sharing it.
    """

    def __init__(self, directory: Path, account: str, clock: Clock) -> None:
        self._directory = directory
        self._account = account
        self._clock = clock
        self._mine = False

    @contextmanager
    def hold(self, role: str = "trader", right: str = "orders") -> Iterator[None]:
        """Hold the lease for the block; raises LeaseHeld at once when another process has it.

        `right` plan is a lease of its own: one process decides the day.
        """
        since = self._clock.now().isoformat(timespec="seconds")
        path = self._path(right)
        with durable.explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock(handle)
            holder = f"{role} pid {os.getpid()} since {since}"
            with durable.explained(path):
                _write(handle, holder)
            with self._known(right):
                yield
            with suppress(OSError):  # a note for people: on a full disk the work of the block is done all the same
                _write(handle, f"{holder} until {self._clock.now().isoformat(timespec='seconds')}")
        finally:
            os.close(handle)

    def seen(self) -> tuple[bool, str]:
        """Whether another process holds the orders lease, and the line of its newest holder, empty before the first."""
        try:
            handle = os.open(self._path("orders"), os.O_RDONLY)
        except FileNotFoundError:
            return False, ""
        try:
            held = not self._mine and not _locked(handle, fcntl.LOCK_SH)
            return held, _read(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _known(self, right: str) -> Iterator[None]:
        self._mine = self._mine or right == "orders"
        try:
            yield
        finally:
            self._mine = self._mine and right != "orders"

    def _path(self, right: str) -> Path:
        return self._directory / f"{right}.{self._account}.lock"

    def _lock(self, handle: int) -> None:
        for _ in range(_TRIES):
            if _locked(handle, fcntl.LOCK_EX):
                return
            if not _locked(handle, fcntl.LOCK_SH):
                break
            fcntl.flock(handle, fcntl.LOCK_UN)  # only looked at: the next try finds it free
            time.sleep(_PAUSE_S)
        raise LeaseHeld(self._account, _read(handle) or "another process")


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(handle: int) -> str:
    return os.pread(handle, 200, 0).decode(errors="replace").strip()


def _write(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)

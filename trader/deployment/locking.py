"""One operator at a time, and one process that carries an activation out."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trader.deployment.errors import Refused


def taken(path: Path) -> bool:
    """Whether a process holds this lock; a file that is none, or gone, is held by nobody."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def held(path: Path, who: str, wait: bool = False) -> Iterator[None]:
    """Hold the lock for the block; raises Refused, naming the holder, when another has it and `wait` is not said."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
            raise Refused(f"{holder} is at work on this host", "Wait until it is done, then run this again.") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{who} (pid {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(handle)

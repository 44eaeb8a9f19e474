"""SIGKILL at every change of a file that an act makes, one after the other."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count

_CHANGES = {
    f"os.{name}" for name in ("rename", "remove", "rmdir", "symlink", "mkdir", "chmod", "chown", "utime", "link")
}


def killed_everywhere(act: Callable[[], object]) -> Iterator[int]:
    """Run `act` in a child that dies before its first change, then its second, and so on until it lives to the end.

    The caller's turn comes after each death: to look at what is left, and to go on from there.
    """
    for place in count():
        child = os.fork()
        if child == 0:
            _act_and_exit(act, place)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == 0:
            return
        assert ended == -signal.SIGKILL, f"the act itself failed before change {place}"
        yield place


def _act_and_exit(act: Callable[[], object], place: int) -> None:
    seen = count()

    def look(event: str, arguments: tuple[object, ...]) -> None:
        opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (opens_to_write or event in _CHANGES) and next(seen) == place:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    try:
        act()
        os._exit(0)
    finally:
        os._exit(1)

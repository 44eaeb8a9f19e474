"""Swaps killed with SIGKILL at every call that touches a file, in a process of its own because it forks.

Prints one JSON document: how many calls were killed at, and what was wrong after going on, or after undoing, each time.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.backups import contents
from trader.deployment.backup.swap import swap, unswap
from trader.deployment.errors import Refused

TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chown", "os.chmod", "os.listdir", "shutil.")
REASON = "restored"


class Sandbox:
    """A state, a backup ready to be swapped in, and the directory for the former files, made anew for each kill."""

    def __init__(self, master: Path, directory: Path, kept: Path) -> None:
        self._master, self._directory, self.kept = master, directory, kept

    def renew(self) -> None:
        """As it was before anything."""
        for path in (self._directory, self.kept.parent):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self._master, self._directory, symlinks=True)
        self.state.chmod(0o750)

    @property
    def state(self) -> Path:
        """The host's state."""
        return self._directory / "state"

    def swap(self) -> None:
        """Swap the backup in."""
        swap(self._directory / "staged", self.state, self.kept, REASON)

    def unswap(self) -> None:
        """Undo it."""
        unswap(self.state, self.kept)

    def swap_if_whole(self) -> None:
        """Swap it in, or end the undoing of that first when it was begun."""
        try:
            self.swap()
        except Refused:
            self.unswap()

    def seen(self) -> dict[str, bytes]:
        """What the state holds, and who may enter it."""
        return {"": f"{self.state.stat().st_mode:o}".encode(), **contents(self.state)}


def killed_at(work: Callable[[], None], at: int) -> bool:
    """Do the work in a child that dies at its n-th touch of a file; False when it came to its end before."""
    pid = os.fork()
    if pid == 0:
        left = at

        def count(event: str, _arguments: object) -> None:
            nonlocal left
            if event.startswith(TOUCHES):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the child ended with {code}"
    return code != 0


def campaign(
    sandbox: Sandbox, begin: Callable[[], None], dies: str, then: tuple[str, ...], *wanted: dict[str, bytes]
) -> dict[str, object]:
    """Kill `dies` at each touch after `begin`, then do the rest; what the state is then must be what is wanted."""
    at, wrong = 0, []
    while True:
        at += 1
        sandbox.renew()
        begin()
        alive = not killed_at(getattr(sandbox, dies), at)
        for name in then:
            getattr(sandbox, name)()
        if sandbox.seen() not in wanted:
            wrong.append(at)
        if alive:
            return {"points": at - 1, "wrong": wrong}


def main() -> None:
    """Run every campaign."""
    sandbox = Sandbox(*map(Path, sys.argv[1:]))
    sandbox.renew()
    former = sandbox.seen()
    sandbox.swap()
    swapped = sandbox.seen()
    nothing = sandbox.renew
    found = {
        "swap, then again": campaign(sandbox, nothing, "swap", ("swap",), swapped),
        "swap, then undone": campaign(sandbox, nothing, "swap", ("unswap",), former),
        "undone, then again": campaign(sandbox, sandbox.swap, "unswap", ("unswap",), former),
        "undone, then swapped": campaign(sandbox, sandbox.swap, "unswap", ("swap_if_whole",), former, swapped),
        "swap, undone, swapped": campaign(sandbox, nothing, "swap", ("unswap", "swap"), swapped),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()

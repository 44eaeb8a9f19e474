"""Processes of the lab on this machine: a watcher, exchanges. In a control group of the lab, so that none is left."""

import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.errors import LabError

_GO = 'read go || exit; exec "$@" < /dev/null'
"""Waits until it stands in its group, and ends when nobody is there any more to put it there."""


class Helper:
    """One such process; it prints a line when it is ready."""

    def __init__(self, argv: Sequence[str], group: Group, log: Path, env: Mapping[str, str] | None = None) -> None:
        group.create()
        self._argv, self._group, self._log = argv, group, log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GO, "sh", *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        group.take(self._process.pid)
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(b"go\n")
        self._process.stdin = None  # communicate() would flush it

    def first_line(self, timeout_s: float = 30) -> str:
        """What it prints when it is ready."""
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            ready, _, _ = select.select([printed], [], [], timeout_s)
            line = printed.readline().decode() if ready else ""
        if not line:
            self.stop()
            said = self._log.read_text(errors="replace")[-2000:]
            raise LabError(f"{' '.join(self._argv)} did not get ready in {timeout_s:g} s: {said}")
        return line

    def finish(self, timeout_s: float) -> int | None:
        """Its exit code once it has ended; None when it had to be killed. What it prints goes to the log."""
        try:
            printed, _ = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            self._process.communicate()
            return None
        with self._log.open("ab") as log:
            log.write(printed)
        return self._process.returncode

    def stop(self) -> None:
        """End it, and take note of its end."""
        self._group.end()
        self.reap()

    def reap(self) -> None:
        """Take note that it has ended."""
        self._process.wait(10)

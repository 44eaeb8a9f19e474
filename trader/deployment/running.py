"""Programs, started from lists and bounded in time."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended; 124 when it ran out of time, 127 when it is not there."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The last lines, for people."""
        return "\n".join((self.err.strip() or self.out.strip()).splitlines()[-6:])


def run(
    command: Sequence[str], timeout_s: float = 120, environ: Mapping[str, str] | None = None, feed: str = ""
) -> Ended:
    """Run a program to its end."""
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "TZ": "UTC",
        "SYSTEMD_COLORS": "0",
        "SYSTEMD_PAGER": "",
        **(environ or {}),
    }
    try:
        ended = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout_s, env=environment, input=feed
        )
    except FileNotFoundError:
        return Ended(127, "", f"{command[0]} is not there")
    except subprocess.TimeoutExpired:
        return Ended(124, "", f"{command[0]} did not end within {timeout_s:.0f} s")
    return Ended(ended.returncode, ended.stdout, ended.stderr)

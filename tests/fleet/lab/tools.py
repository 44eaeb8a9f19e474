"""Programs of this machine, run with a bound on their time, and waiting with one."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tests.fleet.lab.errors import CommandFailed, LabError

_PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "gcc": "gcc",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_tools() -> str:
    """Why there can be no lab here, with the remedy; empty when there can."""
    if os.geteuid() != 0:
        return "the lab needs root: it mounts disks and makes network interfaces"
    packages = sorted({package for tool, package in _PACKAGES.items() if not shutil.which(tool, path=PATH)})
    return f"the lab needs: apt-get install {' '.join(packages)}" if packages else ""


def run(*argv: str, timeout_s: float = 30, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a program of this machine prints; raises CommandFailed, with all that was printed."""
    code, out, err = bounded(argv, timeout_s, stdin, env or {"PATH": PATH, "LC_ALL": "C.UTF-8"})
    if code != 0:
        raise CommandFailed("this machine", argv, code, (out + err).decode(errors="replace"))
    return out.decode(errors="replace")


def bounded(
    argv: Sequence[str], timeout_s: float, stdin: bytes | None, env: Mapping[str, str]
) -> tuple[int | None, bytes, bytes]:
    """Exit code (None: not in time), stdout and stderr; a program that is late, or whose caller leaves, is killed."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout_s)
        except subprocess.TimeoutExpired:
            _kill_session(process.pid)
            out, err = process.communicate()
            return None, out, err
        except BaseException:
            _kill_session(process.pid)
            raise
        return process.returncode, out, err


def _kill_session(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def wait_for(what: str, happened: Callable[[], object], timeout_s: float, pause_s: float = 0.01) -> None:
    """Ask until it has happened; raises LabError when the time is up."""
    end = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > end:
            raise LabError(f"waited {timeout_s:g} s in vain until {what}")
        time.sleep(pause_s)

"""The power switch of a host: systemd-nspawn in the host's cgroups, and what is known of the systemd inside."""

import os
import shlex
import signal
import subprocess
from pathlib import Path

from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.image import INIT
from tests.fleet.lab.tools import PATH, wait_for

_REBOOT = 133  # what systemd-nspawn exits with when the host asks for a reboot
_HALT = signal.SIGRTMIN + 3


class Power:
    """Starts and ends one host; `log` takes what systemd and systemd-nspawn print."""

    def __init__(self, name: str, root: Path, log: Path, group: Group, keeper: Group) -> None:
        self._name, self._root, self._log, self._group, self._keeper = name, root, log, group, keeper
        self._process: subprocess.Popen[bytes] | None = None

    def on(self, network: Path) -> None:
        """Start the host; a reboot from inside starts it again.

        The loop that does so stands in a group of its own: with version 2 of cgroups a process may not stand beside
        the groups that systemd-nspawn makes. It begins when it is in there, so that whoever cleans up will find it.
        """
        self._group.create()
        self._keeper.create()
        joins = "; ".join(f"echo 0 > {shlex.quote(path)}" for path in self._group.joins)
        once = f"( {joins}; exec {shlex.join(self._nspawn(network))} ) < /dev/null"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"read go || exit; while :; do {once}; [ $? = {_REBOOT} ] || exit; done"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PATH": PATH},
                cwd="/",
                start_new_session=True,
            )
        self._keeper.take(self._process.pid)
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(b"go\n")

    def off(self) -> None:
        """The power fails: everything dies at the same instant."""
        self._keeper.kill()
        self._group.kill()
        self.reap()
        self._keeper.remove()
        self._group.remove()

    def reap(self) -> None:
        """Take note that the host's keeper has ended, if it was started here."""
        if self._process is not None:
            self._process.wait(10)
            self._process = None

    def shut_down(self, timeout_s: float) -> None:
        """Ask systemd for an orderly end."""
        leader = self.leader()
        if leader is not None:
            os.kill(leader, _HALT)
            wait_for(f"{self._name} has shut down", lambda: not self._keeper.processes(), timeout_s)
        self.off()

    def leader(self) -> int | None:
        """The host's systemd as a process of this machine, or None when there is none."""
        for pid in self._group.processes():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            inside = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[2:]
            if inside == ["1"] and Path(f"/proc/{pid}/root/run/systemd/private").exists():
                return pid
        return None

    def said(self) -> str:
        """The last lines that systemd and systemd-nspawn printed."""
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""

    def await_leader(self, timeout_s: float) -> None:
        """Wait until systemd takes orders."""

        def there() -> bool:
            if not self._keeper.processes():
                raise LabError(f"{self._name} did not start: {self.said()}")
            return self.leader() is not None

        wait_for(f"{self._name} takes orders", there, timeout_s)

    def _nspawn(self, network: Path) -> list[str]:
        return [
            *("nsenter", f"--net={network}"),  # not an option of systemd-nspawn: /sys would show this machine's network
            "systemd-nspawn",
            "--quiet",
            f"--directory={self._root}",
            f"--machine={network.name}",
            f"--hostname={self._name}",
            "--register=no",
            "--keep-unit",
            "--settings=no",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
            "--capability=CAP_NET_ADMIN",
            "--system-call-filter=bpf",  # IPAddressDeny= of units
            INIT,
            *self._group.remounted,
        ]

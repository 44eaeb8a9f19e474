"""One host of a lab."""

import json
import os
import re
import socket
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tests.fleet.lab.clock import Clock
from tests.fleet.lab.disk import Disk
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.files import Files
from tests.fleet.lab.image import image
from tests.fleet.lab.network import Network
from tests.fleet.lab.power import Power
from tests.fleet.lab.registry import Record
from tests.fleet.lab.shell import Ran, Shell
from tests.fleet.lab.ssh import Ssh
from tests.fleet.lab.tools import wait_for

BOOT_S = 60.0
"""How long a boot may take, on a machine that has a lot else to do."""
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")


def proper_name(name: str) -> str:
    """The name, if a host or a snapshot can be called so."""
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name here: small letters, digits and dashes, at most 32, a letter first")
    return name


class Host:
    """A machine with its own systemd, disk, address and, if wanted, clock."""

    def __init__(self, name: str, record: Record, network: Network, ssh: Ssh) -> None:
        """A host whose disk is there already; `create` makes one."""
        self.name, self.address = name, network.addresses[name]
        self._folder, self._record, self._network, self._ssh = record.folder / "hosts" / name, record, network, ssh
        self._snapshots = record.folder / "snapshots"
        layers = json.loads((self._folder / "layers.json").read_text())
        self._disk = Disk(self._folder, [Path(layer) for layer in layers])
        self._power = Power(
            name,
            self._disk.root,
            self._folder / "console",
            record.group("hosts", name, "box"),
            record.group("hosts", name, "keeper"),
        )
        self._shell = Shell(name, self._disk.root, self._power.leader)
        self.files = Files(name, self._shell)
        self._clock = Clock(self._disk)

    @classmethod
    def create(cls, name: str, base: Path | None, record: Record, network: Network, ssh: Ssh) -> "Host":
        """A host with a new disk over the image, or over a snapshot."""
        folder = record.folder / "hosts" / name
        folder.mkdir(parents=True)
        below = json.loads(base.with_suffix(".json").read_text()) if base else [str(image())]
        (folder / "layers.json").write_text(json.dumps(below))
        host = cls(name, record, network, ssh)
        host._found()
        return host

    def _found(self) -> None:
        """Mount the disk and write on it who the host is."""
        self._disk.mount()
        etc = self._disk.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
        controller = self._network.controller
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n{controller} controller\n")
        (etc / "resolv.conf").write_text(f"nameserver {controller}\noptions attempts:1 timeout:1\n")
        self._ssh.introduce(self.name, self.address, self._disk)

    @property
    def running(self) -> bool:
        """Whether a systemd takes orders in it."""
        return self._power.leader() is not None

    @property
    def leader(self) -> int:
        """The host's systemd as a process of this machine: entering it by hand goes `nsenter -t PID -a`."""
        leader = self._power.leader()
        if leader is None:
            raise LabError(f"{self.name} is off: boot it first")
        return leader

    def start(self) -> None:
        """Switch on; see `wait_until_running`."""
        if self.running:
            raise LabError(f"{self.name} runs already")
        self._disk.mount()
        self._clock.own()
        self._power.on(self._network.plug(self.name))

    def wait_until_running(self, timeout_s: float = BOOT_S) -> str:
        """Wait until systemd has done all it starts at boot and sshd answers; `running`, or `degraded`."""
        end, state = time.monotonic() + timeout_s, ""
        while state not in ("running", "degraded"):  # one that reboots itself is `stopping` at first
            if (left_s := end - time.monotonic()) < 0:
                raise LabError(f"{self.name} is {state or 'off'} after {timeout_s:g} s: {self._power.said()}")
            self._power.await_leader(left_s)
            state = self.run("systemctl", "is-system-running", "--wait", check=False, timeout_s=timeout_s).out.strip()
        wait_for(f"sshd of {self.name} answers", self._sshd_answers, timeout_s)
        return state

    def boot(self, timeout_s: float = BOOT_S) -> str:
        """Switch on and wait."""
        self.start()
        return self.wait_until_running(timeout_s)

    def stop(self, timeout_s: float = 60) -> None:
        """Shut down in an orderly way."""
        self._power.shut_down(timeout_s)
        self._off()

    def kill(self) -> None:
        """The power fails: nobody is told anything, and every process dies at the same instant."""
        self._network.unplug(self.name)
        self._power.off()
        self._off()

    def _off(self) -> None:
        self._network.unplug(self.name)
        self._ssh.hang_up(self.address)

    def reset(self) -> None:
        """Take the disk back to how it was when the host was made; the host is off then."""
        self.kill()
        self._disk.wipe()
        self._folder.mkdir()
        (self._folder / "layers.json").write_text(json.dumps([str(layer) for layer in self._disk.layers]))
        self._found()

    def removed(self) -> None:
        """Take note that the lab has been removed with all its hosts."""
        self._power.reap()

    def destroy(self) -> None:
        """Remove the host; what snapshots hold stays."""
        self.kill()
        self._disk.wipe()
        self._record.group("hosts", self.name).remove()
        self._network.forget(self.name)

    def snapshot(self, name: str) -> Path:
        """Stop the host and keep its disk under that name, for `base=`; the host itself can go on from there."""
        place = self._snapshots / proper_name(name)
        if place.exists():
            raise LabError(f"there is a snapshot {name} already: choose another name")
        self.stop()
        self._disk.keep_as(place)
        layers = json.dumps([str(layer) for layer in self._disk.layers])
        place.with_suffix(".json").write_text(layers)
        (self._folder / "layers.json").write_text(layers)
        self._disk.mount()
        return place

    def run(
        self,
        *argv: str,
        user: str = "root",
        check: bool = True,
        timeout_s: float = 60,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a program in it; CommandFailed when it is late, or ends with another code than 0 and `check`."""
        return self._shell.run(*argv, user=user, check=check, timeout_s=timeout_s, stdin=stdin, env=env)

    def shell(self, script: str, user: str = "root", check: bool = True, timeout_s: float = 60) -> Ran:
        """Run a bash script in it."""
        return self.run("bash", "-c", script, user=user, check=check, timeout_s=timeout_s)

    def entering(self, *argv: str, user: str = "root") -> list[str]:
        """The command of this machine that runs `argv` in it, for subprocess or a terminal."""
        return self._shell.entering(*argv, user=user)

    def uptime_s(self) -> float:
        """For how long it has been running."""
        ticks = int(Path(f"/proc/{self.leader}/stat").read_text().rsplit(")", 1)[1].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")

    def set_clock(self, instant: datetime) -> None:
        """Change its wall clock, and nobody else's; the first change reboots it, if it runs.

        As with a real jump, timers whose time has come in between run at once.
        """
        if self._clock.installed:
            self._clock.set(instant)
            self._reload_managers()
            return
        running = self.running
        if running:
            self.stop()
        self._clock.install()
        if running:
            self.boot()
            self.set_clock(instant)
        else:
            self._clock.set(instant)

    def now(self) -> datetime:
        """What its wall clock shows."""
        return self._clock.now()

    def _reload_managers(self) -> None:
        """Timers are planned anew: systemd has no other way to hear of our jump."""
        leader = self._power.leader()
        if leader is None:
            return
        self.run("systemctl", "daemon-reload")
        for socket_of_one in Path(f"/proc/{leader}/root/run/user").glob("*/systemd/private"):
            owner = self.run("id", "-un", socket_of_one.parts[-3]).out.strip()
            self.run("systemctl", "--user", "daemon-reload", user=owner)

    def _sshd_answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

"""A control group for each host: its limits are real, and whatever runs in it is known to be the lab's."""

import errno
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.fleet.lab.errors import LabError
from tests.fleet.lab.tools import wait_for

_LIMITING = ("cpu", "cpuacct", "memory", "pids", "devices", "blkio")
_UNIFIED_LIMITING = ("cpu", "memory", "pids", "io")


@dataclass(frozen=True, slots=True)
class Mount:
    """A hierarchy of control groups: its name below /sys/fs/cgroup in a host, and where our groups go."""

    name: str
    base: Path
    unified: bool


def mounts() -> list[Mount]:
    """The hierarchies that matter; ours go below this process's own place, so that its limits hold for them, too."""
    places = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = {controllers: path.lstrip("/") for _, controllers, path in places}
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        point, kind, options = Path(before.split()[4]), after.split()[0], after.split()[2].split(",")
        if kind == "cgroup2":
            found.append(Mount(point.name, point, unified=True))
        elif kind == "cgroup" and {"name=systemd", *_LIMITING} & set(options):
            held = next(names for names in own if set(names.split(",")) & set(options) - {"rw"})
            found.append(Mount(point.name, point / own[held], unified=False))
    if not any(mount.unified for mount in found):
        raise LabError("no cgroup2 file system is mounted: mount one, or boot with systemd")
    return found


class Group:
    """One path in every hierarchy."""

    def __init__(self, path: str, within: Sequence[Mount]) -> None:
        self.path, self._mounts = path, within

    @property
    def remounted(self) -> list[str]:
        """Controllers that a host has to mount writable: those of the first version of cgroups, ours in every one."""
        return [m.name for m in self._mounts if not m.unified and m.name != "systemd"]

    @property
    def joins(self) -> list[str]:
        """Files to which a process writes 0 to get into the group."""
        return [str(mount.base / self.path / "cgroup.procs") for mount in self._mounts]

    def create(self) -> None:
        """Make it; with one hierarchy for everything, the controllers are handed down step by step."""
        for mount in self._mounts:
            place = mount.base
            for part in Path(self.path).parts:
                if mount.unified:
                    _hand_down(place)
                place /= part
                place.mkdir(exist_ok=True)

    def take(self, pid: int) -> None:
        """Move a process into it."""
        for path in self.joins:
            Path(path).write_text(str(pid))

    def processes(self) -> list[int]:
        """All in it and below."""
        found = []
        for place, _, _ in os.walk(self._unified):
            with suppress(OSError):  # groups of services come and go meanwhile
                found += [int(pid) for pid in (Path(place) / "cgroup.procs").read_text().split()]
        return found

    def kill(self) -> None:
        """SIGKILL to all in it at the same instant, and wait until they are gone."""
        if self._unified.exists():
            (self._unified / "cgroup.kill").write_text("1")
            wait_for(f"the processes of {self.path} are gone", lambda: not self.processes(), 10)

    def end(self) -> None:
        """Ask all in it to end, kill what has not after five seconds, and remove the group."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        with suppress(LabError):
            wait_for(f"the processes of {self.path} end", lambda: not self.processes(), 5)
        self.kill()
        self.remove()

    def remove(self) -> None:
        """Remove it and all below; nothing may run in it."""
        for mount in self._mounts:
            wait_for(f"{mount.base / self.path} can be removed", partial(_removed, mount.base / self.path), 10)

    @property
    def _unified(self) -> Path:
        return next(mount.base for mount in self._mounts if mount.unified) / self.path


def _removed(place: Path) -> bool:
    """False while the kernel still counts a process that has just ended."""
    try:
        for below in (*sorted(place.rglob("*/"), reverse=True), place):
            if below.is_dir():
                below.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _hand_down(place: Path) -> None:
    held = (place / "cgroup.controllers").read_text().split()
    wanted = [f"+{name}" for name in _UNIFIED_LIMITING if name in held]
    if wanted:
        (place / "cgroup.subtree_control").write_text(" ".join(wanted))

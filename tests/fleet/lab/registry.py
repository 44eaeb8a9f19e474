"""Which labs are on this machine: a number each, what they are made of, and how to remove all of it."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from tests.fleet.lab import places
from tests.fleet.lab.cgroups import Group, Mount, mounts
from tests.fleet.lab.disk import unmount_below
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.network import Network, in_use
from tests.fleet.lab.ssh import Ssh

_NUMBERS = range(1, 100)


@dataclass(frozen=True, slots=True)
class Record:
    """What must be known to remove a lab: written before the first part of it is made."""

    number: int
    folder: Path
    """Disks, keys, logs."""
    mounts: tuple[Mount, ...]
    boot_id: str
    kept: bool
    """It stays when the process ends that made it."""

    @property
    def run(self) -> Path:
        """Sockets and this record."""
        return _run(self.number)

    def group(self, *below: str) -> Group:
        """A control group of the lab."""
        return Group("/".join(("paper-trading-lab", str(self.number), *below)), self.mounts)

    def save(self) -> None:
        """Write it down."""
        self.run.mkdir(parents=True, exist_ok=True)
        fields = asdict(self) | {"folder": str(self.folder)}
        fields["mounts"] = [{**asdict(mount), "base": str(mount.base)} for mount in self.mounts]
        draft = self.run / "lab.draft"
        draft.write_text(json.dumps(fields))
        draft.rename(self.run / "lab.json")


class Claim:
    """A lab's number, held by this process: the lock goes when the process does, however it ends."""

    def __init__(self, record: Record, lock: IO[str]) -> None:
        self.record, self._lock = record, lock

    def release(self) -> None:
        """Remove all of the lab and give the number back."""
        remove(self.record)
        self._lock.close()

    def let_go(self) -> None:
        """Leave the lab as it is, for later calls."""
        self._lock.close()


def claim(kept: bool) -> Claim:
    """A free number; what dead labs have left is removed first."""
    sweep()
    for number in _NUMBERS:
        with suppress(BlockingIOError):
            lock = _lock(number, fcntl.LOCK_EX)
            if read(number) is None and not in_use(number):
                record = Record(number, places.cache() / "labs" / str(number), tuple(mounts()), _boot_id(), kept)
                record.save()
                shutil.rmtree(record.folder, ignore_errors=True)
                record.folder.mkdir(parents=True)
                return Claim(record, lock)
            lock.close()
    raise LabError("every number for a lab is taken: python -m tests.fleet.lab down")


@contextmanager
def sharing(number: int) -> Iterator[Record]:
    """A kept lab that is not removed meanwhile."""
    with _lock(number, fcntl.LOCK_SH):
        record = read(number)
        if record is None or not record.kept:
            raise LabError(f"no lab {number} is up: python -m tests.fleet.lab up")
        yield record


def read(number: int) -> Record | None:
    """The record of a lab, if there is one."""
    try:
        fields = json.loads((_run(number) / "lab.json").read_text())
    except FileNotFoundError:
        return None
    held = tuple(Mount(mount["name"], Path(mount["base"]), mount["unified"]) for mount in fields["mounts"])
    return Record(fields["number"], Path(fields["folder"]), held, fields["boot_id"], fields["kept"])


def records() -> list[Record]:
    """Every lab on this machine, dead or alive."""
    return [record for number in _NUMBERS if (record := read(number))]


def sweep(kept: bool = False, only: int | None = None) -> list[int]:
    """Remove labs whose process has died, and, if asked to, kept ones; the numbers of what was removed."""
    removed = []
    for record in [record for record in records() if only in (None, record.number)]:
        wanted = kept or not record.kept or record.boot_id != _boot_id()
        with suppress(BlockingIOError), _lock(record.number, fcntl.LOCK_EX):
            if wanted and read(record.number):
                remove(record)
                removed.append(record.number)
    return removed


def remove(record: Record) -> None:
    """Processes, mounts, interfaces, control groups and files of a lab, in that order; what is gone is no error.

    Processes are found by their control group, which only the lab's own are in: a number that the machine has given
    to another process since is never taken for one of them.
    """
    Ssh(record.folder, record.run / "ssh").hang_up()
    everything = record.group()
    everything.kill()
    unmount_below(record.folder)
    Network(record.number).destroy()
    everything.remove()
    shutil.rmtree(record.folder, ignore_errors=True)
    shutil.rmtree(record.run)


def alive(record: Record) -> bool:
    """Whether a process holds the lab."""
    try:
        _lock(record.number, fcntl.LOCK_SH).close()
    except BlockingIOError:
        return True
    return False


def _run(number: int) -> Path:
    return places.RUN / str(number)


def _lock(number: int, kind: int) -> IO[str]:
    places.RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (places.RUN / f"{number}.lock").open("w")
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise
    return lock


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

"""The wall clock of one host: a library of ours (clock.c) in every program there adds what is wanted."""

import fcntl
import hashlib
import shutil
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fleet.lab import places
from tests.fleet.lab.disk import Disk
from tests.fleet.lab.tools import run

_SOURCE = Path(__file__).with_name("clock.c")
_LIBRARY, _OFFSET, _PRELOAD = "etc/lab-clock/lab-clock.so", "etc/lab-clock/offset", "etc/ld.so.preload"


def library() -> Path:
    """The compiled library, from the cache."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:12]
    built = places.cache() / f"lab-clock-{digest}.so"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with built.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            draft = built.with_suffix(".draft")
            run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(draft), str(_SOURCE), "-ldl")
            draft.rename(built)
    return built


class Clock:
    """The clock of the host on that disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    @property
    def installed(self) -> bool:
        """Whether the host's programs load the library; it takes a reboot until all do."""
        return (self._disk.root / _PRELOAD).exists()

    def install(self) -> None:
        """Have every program started from now on load the library."""
        place = self._disk.root / _LIBRARY
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(library(), place)
        (self._disk.root / _OFFSET).write_bytes(struct.pack("<q", 0))
        (self._disk.root / _PRELOAD).write_text(f"/{_LIBRARY}\n")

    def own(self) -> None:
        """Before a boot: processes must not map a snapshot's file, which later changes do not reach."""
        if self.installed:
            self._write(self._offset_ns())

    def set(self, instant: datetime) -> None:
        """Programs see that time from now on."""
        since_epoch = instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        self._write(since_epoch // timedelta(microseconds=1) * 1000 - time.time_ns())

    def now(self) -> datetime:
        """What time it is on the host."""
        return datetime.fromtimestamp((time.time_ns() + self._offset_ns()) / 1e9, UTC)

    def _offset_ns(self) -> int:
        if not self.installed:
            return 0
        return int(struct.unpack("<q", (self._disk.root / _OFFSET).read_bytes())[0])

    def _write(self, offset_ns: int) -> None:
        """In place and in one write: running programs have mapped the file."""
        with (self._disk.root / _OFFSET).open("r+b", buffering=0) as file:
            file.write(struct.pack("<q", offset_ns))

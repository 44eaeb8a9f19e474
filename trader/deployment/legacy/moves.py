"""Takes an archived set-up out of its user's manager, and puts it back exactly. Every step may be repeated."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trader.deployment import durable
from trader.deployment.errors import Refused, StepFailed
from trader.deployment.legacy.account import Account
from trader.deployment.legacy.archive import Archive, Content, Entry, look
from trader.deployment.legacy.manager import UserManager
from trader.deployment.releases import sha256

_TIMERS = ".local/share/systemd/timers"


@dataclass(frozen=True, slots=True)
class Moves:
    """What disarms and restores the set-up in `archive`."""

    account: Account
    manager: UserManager
    archive: Archive

    def disarm(self) -> list[str]:
        """Stop the units and take away their files and links, so that no login starts them; what was taken.

        Raises Refused when something is not as it was archived, StepFailed when a unit does not stop.
        """
        names = [unit.name for unit in self.archive.setup.units]
        with _explained(), self.account.acting():
            doomed = [entry for entry in self.archive.of("link", "file", part="unit") if self._as_archived(entry)]
        self.manager.stop(names)
        with _explained(), self.account.acting():
            for entry in sorted(doomed, key=lambda entry: entry.kind != "link"):  # what arms a unit goes first
                durable.remove(entry.place)
            for entry in self.archive.of("link", "file", part="unit"):
                _draft(entry).unlink(missing_ok=True)
            self._remove_empty()
            self._remove_passing(names)
        self.manager.forget(names)
        self.manager.stop(names)  # a login in between may have started them from the files
        self._none_left(names)
        return [entry.path for entry in doomed]

    def restore(self) -> list[str]:
        """Put everything back as it was archived, and arm the timers that were armed; what was put back.

        A timer does not catch up on what it missed meanwhile, and no service is started.
        """
        self.archive.verify("unit", "config")
        with _explained(), self.archive.contents() as content, self.account.acting():
            self._stamp()
            self._make_directories()
            written = [entry.path for entry in self.archive.of("file") if self._put_file(entry, content)]
            written += [entry.path for entry in self.archive.of("link") if self._put_link(entry)]
            for entry in sorted(self.archive.of("directory"), key=_deepest):
                self._put_attributes(entry)
        self.manager.forget([unit.name for unit in self.archive.setup.units])
        if self.manager.reachable:
            self.manager.start_timers(self.archive.setup.active_timers)
        self._all_there()
        return written

    def _as_archived(self, entry: Entry) -> bool:
        """Whether it is there; raises Refused when it is, and is another one."""
        there = look(entry.place)
        if there is None or there.kind == "directory":
            return False
        same = there.kind == entry.kind and there.target == entry.target
        if not same or (entry.kind == "file" and sha256(entry.place) != entry.sha256):
            raise Refused(f"{entry.path} has been changed since it was archived", "Run the migration again.")
        return True

    def _remove_empty(self) -> None:
        """The directories of drop-ins, when nothing is left in them."""
        own = ("paper-trading-", *(f"{unit.name}." for unit in self.archive.setup.units))
        for entry in sorted(self.archive.of("directory", part="unit"), key=_deepest):
            if any(part.startswith(own) for part in entry.place.parts[-2:]):
                with suppress(OSError):
                    entry.place.rmdir()
                    durable.sync_directory(entry.place.parent)

    def _remove_passing(self, names: Iterable[str]) -> None:
        """Links that a logout would have removed."""
        for directory in (self.manager.runtime / "systemd" / "user").glob("*.wants"):
            for name in names:
                (directory / name).unlink(missing_ok=True)

    def _none_left(self, names: list[str]) -> None:
        with self.account.acting():
            left = [entry.path for entry in self.archive.of("link", "file", part="unit") if self._as_archived(entry)]
        active = self.manager.active(names)
        left += [name for name, state in active.items() if state not in ("inactive", "failed", "unknown")]
        if left:
            raise StepFailed(f"still there after disarming: {', '.join(left)}", "Run the playbook again.")

    def _stamp(self) -> None:
        """Let the timers believe that they have just run."""
        for name in self.archive.setup.active_timers:
            stamp = self.account.home / _TIMERS / f"stamp-{name}"
            if stamp.exists():
                os.utime(stamp)

    def _make_directories(self) -> None:
        """The directories that are gone, of files whose own directory was not archived, too."""
        wanted = [entry.place for entry in self.archive.of("directory")]
        wanted += [entry.place.parent for entry in self.archive.of("file", "link")]
        for place in sorted({path for each in wanted for path in (each, *each.parents)}):
            if not place.is_dir() and self._within_home(place):
                place.mkdir()
                durable.sync_directory(place.parent)

    def _put_file(self, entry: Entry, content: Content) -> bool:
        """Whether the file had to be written; of reports only what is gone is."""
        there = look(entry.place)
        if there is not None and entry.part == "report":
            return False
        if there is not None and there.kind == "file" and sha256(entry.place) == entry.sha256:
            self._put_attributes(entry)
            return False
        if not self._within_home(entry.place):
            return False
        if there is not None:
            self._set_aside(entry, there)
        draft = _draft(entry)
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content(entry))
            file.flush()
            self._set(file.fileno(), entry)
            os.fsync(file.fileno())
        draft.replace(entry.place)
        durable.sync_directory(entry.place.parent)
        return True

    def _put_link(self, entry: Entry) -> bool:
        there = look(entry.place)
        if there is not None and (entry.part == "config" or _same_link(there, entry)):
            return False
        if not self._within_home(entry.place):
            return False
        draft = _draft(entry)
        draft.unlink(missing_ok=True)
        draft.symlink_to(entry.target)
        os.utime(draft, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
        if (entry.uid, entry.gid) != (self.account.uid, self.account.gid) and os.getuid() == 0:
            with self._as_root():
                os.chown(draft, entry.uid, entry.gid, follow_symlinks=False)
        draft.replace(entry.place)
        durable.sync_directory(entry.place.parent)
        return True

    def _put_attributes(self, entry: Entry) -> None:
        """Mode, owner and time of a file or directory that is right in all else."""
        there = look(entry.place)
        if there is None or not self._within_home(entry.place):
            return
        if (there.mode, there.uid, there.gid, there.mtime_ns) != (entry.mode, entry.uid, entry.gid, entry.mtime_ns):
            handle = os.open(entry.place, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                self._set(handle, entry)
                os.fsync(handle)
            finally:
                os.close(handle)

    def _set(self, handle: int, entry: Entry) -> None:
        with self._as_root():
            if os.getuid() == 0:
                os.fchown(handle, entry.uid, entry.gid)
            os.fchmod(handle, entry.mode)
            os.utime(handle, ns=(entry.mtime_ns, entry.mtime_ns))

    @contextmanager
    def _as_root(self) -> Iterator[None]:
        """What only root may do to a file that this user has opened."""
        if not self.account.foreign:
            yield
            return
        os.seteuid(0)
        try:
            yield
        finally:
            os.seteuid(self.account.uid)

    def _set_aside(self, entry: Entry, there: Entry) -> None:
        """Keep what has come to stand in the place of an archived file."""
        if there.kind == "directory":
            raise Refused(f"{entry.path} is a directory now", "Move it away, then roll back again.")
        if there.kind == "link":
            return
        kept = self.archive.directory / "replaced" / entry.path.lstrip("/")
        with entry.place.open("rb") as file, self._as_root():
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with kept.open("wb") as copy:
                shutil.copyfileobj(file, copy)
                os.fchmod(copy.fileno(), 0o600)
                os.fsync(copy.fileno())

    def _within_home(self, path: Path) -> bool:
        return path.parent.resolve().is_relative_to(self.account.home.resolve())

    def _all_there(self) -> None:
        with self.account.acting():
            wrong = [entry.path for entry in self.archive.of("file", "link", part="unit") if not _is_back(entry)]
        if self.manager.reachable:
            timers = self.archive.setup.active_timers
            wrong += [name for name, state in self.manager.active(timers).items() if state != "active"]
        if wrong:
            raise StepFailed(f"not as it was: {', '.join(wrong)}", "Run the playbook again.")


def _draft(entry: Entry) -> Path:
    return entry.place.with_name(f".{entry.place.name}.legacy")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the system refuses into a failed step."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename or 'a file'}: {error.strerror or error}"
        raise StepFailed(what, "Make room, or give its user access, then run the playbook again.") from None


def _deepest(entry: Entry) -> int:
    return -len(entry.place.parts)


def _same_link(one: Entry, other: Entry) -> bool:
    return (one.target, one.mtime_ns, one.uid, one.gid) == (other.target, other.mtime_ns, other.uid, other.gid)


def _is_back(entry: Entry) -> bool:
    there = look(entry.place)
    if there is None or there.target != entry.target:
        return False
    return entry.kind == "link" or sha256(entry.place) == entry.sha256

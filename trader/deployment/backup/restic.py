"""A restic repository, and the border that nothing of restic's own words or errors crosses unexplained."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trader.deployment.backup.restic_keys import Keys
from trader.deployment.errors import BadInput, DeploymentError, Refused
from trader.deployment.host import BackupPolicy
from trader.deployment.running import Ended

_LONGEST_S = 1800.0
_KEPT_ASIDE = 7
_NICENESS = 10
"""A session may be trading meanwhile."""
_PASSED_ON = ("HOME", "PATH", "TMPDIR", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSH_AUTH_SOCK")
_UNREADABLE = "could not load snapshot"
_LOCKED, _ABSENT, _WRONG_PASSWORD = 11, 10, 12
_SAID = {
    "already locked": _LOCKED,
    "Is there a repository at the following location?": _ABSENT,
    "wrong password or no key found": _WRONG_PASSWORD,
}
"""Restic before 0.17 ends with 1 for all of these and is told apart by its words."""


class NoRepository(Refused):
    """There is no repository at that place yet."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One backup. `tags` are words, or `name=value`."""

    id: str
    at: datetime
    host: str
    tags: tuple[str, ...]

    def tag(self, name: str) -> str:
        """The value of a tag; empty when it has none of that name."""
        return next((tag.partition("=")[2] for tag in self.tags if tag.startswith(f"{name}=")), "")


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that was made: its id, the bytes in it, and those that were new to the repository."""

    id: str
    size: int
    added: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at a path or an address of restic's, and what opens it. `shared`: others may be using it, too."""

    place: str
    keys: Keys
    cache: Path
    shared: bool = True
    program: str = "restic"

    @property
    def local(self) -> Path | None:
        """Its directory, when it is on this host."""
        return Path(self.place) if self.place.startswith("/") else None

    def make(self) -> None:
        """Begin it. Raises Refused for a directory that holds something else, also a repository without its config."""
        if self.local and self.local.is_dir() and any(self.local.iterdir()):
            problem = f"{self.local} is no restic repository, but it is not empty: its file config is missing"
            raise Refused(problem, "Bring that file back from a copy, or move the directory away to begin a new one.")
        if self.local:
            self.local.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._run("init")

    def save(self, directory: Path, tags: Sequence[str], at: datetime) -> Saved:
        """Make a snapshot of the directory's content. Raises NoRepository."""
        if self.local and not (self.local / "config").exists():
            raise NoRepository(f"there is no repository at {self.place}", "The first backup makes it.")
        instant = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        out = self._run(
            "backup", "--json", "--quiet", "--time", instant, "--tag", ",".join(tags), ".", cwd=directory
        ).out
        summary = next(line for line in map(json.loads, reversed(out.splitlines())) if "snapshot_id" in line)
        return Saved(summary["snapshot_id"][:8], summary["total_bytes_processed"], summary["data_added"])

    def snapshots(self, *tags: str) -> tuple[Snapshot, ...]:
        """Those with all of these tags, oldest first. Raises NoRepository, DeploymentError when one cannot be read."""
        ended = self._run("snapshots", "--json", *(("--tag", ",".join(tags)) if tags else ()))
        if _UNREADABLE in ended.err:  # which restic leaves out, and calls it well
            problem = f"{self.keys.masked(self.place)}: {ended.said}"
            raise DeploymentError(problem, "See what `restic check` says; name a backup to restore by its id.")
        return tuple(sorted(map(_snapshot, json.loads(ended.out) or ()), key=lambda each: each.at))

    def retain(self, policy: BackupPolicy, account: str) -> None:
        """Forget whole backups that are too old, of each host for itself, and free their room; with no number, none."""
        kept = [f"--keep-{name}={count}" for name, count in _periods(policy).items() if count]
        if kept:
            self._forget(f"whole,account={account}", "--keep-within=2d", *kept, "--prune")

    def retain_aside(self, policy: BackupPolicy, account: str) -> None:
        """Keep the last few backups of damaged ledgers and of none: they never take the place of a whole one."""
        for kind in ("damaged", "empty") if any(_periods(policy).values()) else ():
            self._forget(f"{kind},account={account}", f"--keep-last={_KEPT_ASIDE}")

    def check(self) -> None:
        """Prove the repository's structure. Raises DeploymentError."""
        self._run("check")

    def restore(self, snapshot: str, target: Path) -> None:
        """Write the snapshot's content below `target`. Raises DeploymentError when a part of it is damaged or gone."""
        self._run("restore", snapshot, "--target", str(target))

    def _forget(self, tags: str, *kept: str) -> None:
        self._run("forget", "--tag", tags, "--group-by=host", *kept)

    def _run(self, *arguments: str, cwd: Path | None = None) -> Ended:
        command = [*arguments, *([] if self.shared else ["--no-lock"])]
        ended = self._once(command, cwd)
        if _meaning(ended) == _LOCKED:
            self._once(["unlock"], None)  # removes the locks of processes that are no more, and no other
            ended = self._once(command, cwd)
        if ended.code:
            raise self._failure(arguments[0], ended)
        return ended

    def _once(self, arguments: Sequence[str], cwd: Path | None) -> Ended:
        cache = ["--no-cache"] if self.local else ["--cache-dir", str(self.cache)]
        with ExitStack() as stack:
            files = {"RESTIC_PASSWORD_FILE": self.keys.password, "RESTIC_REPOSITORY_FILE": self.place}
            handles = {name: stack.enter_context(_handed(text)) for name, text in files.items()}
            if self.keys.s3_profile:
                handles["AWS_SHARED_CREDENTIALS_FILE"] = stack.enter_context(_lent(self.keys.s3_profile))
            environment = {
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                "LC_ALL": "C",
                "TZ": "UTC",
                **self.keys.environment,
                **{name: f"/proc/self/fd/{handle}" for name, handle in handles.items()},
            }
            command = [*_politely(), _found(self.program), *arguments, *cache]
            return _ended(command, environment, tuple(handles.values()), cwd)

    def _failure(self, command: str, ended: Ended) -> DeploymentError:
        place, meaning = self.keys.masked(self.place), _meaning(ended)
        if meaning == _LOCKED:
            remedy = "Wait for it, then run this again; a lock whose process is no more counts for 30 minutes at most."
            return Refused(f"another restic is at work in {place}", remedy)
        if meaning == _ABSENT:
            said = self.keys.masked(ended.said.partition("\n")[0])
            return NoRepository(f"there is no repository at {place} ({said})", "The first backup makes it.")
        if meaning == _WRONG_PASSWORD:
            remedy = "Put in the password that the repository was made with; without it no backup can be read."
            return BadInput(f"RESTIC_PASSWORD in {self.keys.source} does not open {place}", remedy)
        problem = f"`restic {command}` ended with {ended.code}: {self.keys.masked(ended.said)}"
        if "no space left" in ended.err:
            return Refused(problem, "Make room, or keep fewer backups, then run this again.")
        return DeploymentError(problem, "Mend what it names, then run this again; `restic check` says what is damaged.")


@contextmanager
def _handed(text: str) -> Iterator[int]:
    """A descriptor that gives the text once: it is in no file, argument or environment, and no child reads it again."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(text.encode())
        yield reading
    finally:
        os.close(reading)


@contextmanager
def _lent(text: str) -> Iterator[int]:
    """A descriptor of a file in memory alone, for what restic reads more than once."""
    handle = os.memfd_create("restic")
    try:
        os.write(handle, text.encode())
        yield handle
    finally:
        os.close(handle)


def _ended(command: list[str], environ: Mapping[str, str], handles: tuple[int, ...], cwd: Path | None) -> Ended:
    try:
        ended = subprocess.run(
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            env=environ,
            pass_fds=handles,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired:
        return Ended(124, "", f"it did not end within {_LONGEST_S:.0f} s")
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def _politely() -> list[str]:
    """Units say it themselves, and may not change it."""
    lacking = _NICENESS - os.getpriority(os.PRIO_PROCESS, 0)
    return ["nice", "-n", str(lacking)] if lacking > 0 else []


def _periods(policy: BackupPolicy) -> dict[str, int]:
    return {"daily": policy.keep_daily, "weekly": policy.keep_weekly, "monthly": policy.keep_monthly}


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise Refused("restic is not installed on this host", "Run: apt-get install restic")
    return path


def _meaning(ended: Ended) -> int:
    if ended.code in (0, _LOCKED, _ABSENT, _WRONG_PASSWORD):
        return ended.code
    return next((code for words, code in _SAID.items() if words in ended.err), ended.code)


def _snapshot(found: dict[str, Any]) -> Snapshot:
    # Nanoseconds, which Python 3.11 reads no further than micro; the seconds are ours.
    at = datetime.fromisoformat(f"{found['time'][:19]}+00:00")
    return Snapshot(found["short_id"], at, found["hostname"], tuple(found.get("tags") or ()))

"""What a backup holds: the files of a host, copied into one directory, and the manifest that proves them."""

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trader.deployment.errors import DeploymentError, Refused
from trader.deployment.releases import sha256

MANIFEST = "manifest.json"
LEDGER = "state/ledger.db"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup says of itself.

    `ledger`: whole, damaged or empty (there never was one); `rows` and `head`: its entries and the newest one's hash;
    `version`: of the release; `files`: the SHA-256 of each file but this one.
    """

    at: str
    host: str
    account: str
    role: str
    release: str
    version: str
    ledger: str
    schema: str
    rows: int
    head: str
    files: dict[str, str]
    format: int = FORMAT


def parse_backup(content: bytes) -> BackupManifest:
    """The manifest in this JSON. Raises DeploymentError."""
    try:
        values: dict[str, Any] = json.loads(content)
        found = BackupManifest(**values)
    except (ValueError, TypeError) as error:
        problem = f"the backup's {MANIFEST} is none of ours ({error})"
        raise DeploymentError(problem, "Take another snapshot.") from None
    if found.format != FORMAT:
        raise Refused(f"the backup has format {found.format}, this tool reads {FORMAT}", "Install a newer release.")
    return found


@contextmanager
def emptied(directory: Path) -> Iterator[Path]:
    """The directory, empty and nobody else's, for the block; what a crash left in it goes first, the rest after."""
    with room(directory):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o700)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def room(place: Path) -> Iterator[None]:
    """Turn an OSError of the block into an error that says what to do."""
    try:
        yield
    except OSError as error:
        problem = f"{error.filename or place}: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused(f"{place}: no room is left", "Make room, then run this again.") from None
        raise DeploymentError(problem, "Mend what it names, then run this again.") from None


def gather_tree(source: Path, target: Path, missing_only: bool = False) -> None:
    """Copy the plain files below `source`, or those `target` lacks; drafts, links and what goes meanwhile are left.

    The directory may belong to a user with fewer rights than ours: no link in it is followed.
    """
    if source.is_symlink() or not source.is_dir():
        return
    for directory, names, files, handle in os.fwalk(source, follow_symlinks=False):
        names[:] = [name for name in names if not name.startswith(".")]
        below = target / Path(directory).relative_to(source)
        below.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in files:
            if name.startswith(".") or "credentials" in name or (missing_only and (below / name).exists()):
                continue
            _gather(name, below / name, handle)


def gather_file(source: Path, target: Path) -> None:
    """Copy a plain file, if it is there."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _gather(str(source), target, None)


def _gather(name: str, target: Path, directory: int | None) -> None:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            return
        raise
    with os.fdopen(handle, "rb") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            with open_private(target) as copy:
                shutil.copyfileobj(file, copy, 1 << 20)


def open_private(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def digests(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file below the directory but its manifest; empty for what is no plain file."""
    paths = (path for path in sorted(directory.rglob("*")) if path.is_symlink() or not path.is_dir())
    names = {str(path.relative_to(directory)): path for path in paths}
    names.pop(MANIFEST, None)
    return {name: "" if path.is_symlink() else sha256(path) for name, path in names.items()}


def write_manifest(directory: Path, manifest: BackupManifest) -> None:
    """Put the manifest down."""
    with open_private(directory / MANIFEST) as file:
        file.write(json.dumps(asdict(manifest), sort_keys=True, indent=1).encode() + b"\n")


def read_manifest(directory: Path) -> BackupManifest:
    """The manifest of a restored backup. Raises DeploymentError."""
    try:
        return parse_backup((directory / MANIFEST).read_bytes())
    except OSError as error:
        raise DeploymentError(f"the backup has no {MANIFEST} ({error.strerror})", "Take another snapshot.") from None


def settle(path: Path) -> None:
    """Make a file, or a directory and everything below it, survive a power loss."""
    for each in (path, *path.rglob("*")):
        if not each.is_symlink():
            handle = os.open(each, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

"""A hand-made set-up in an archive: every byte, link, mode, owner and time of it.

`files.tar` is readable by any tar; `index.json`, written last, has what a tar rounds off, and says that it is whole.
"""

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Literal, cast

from trader.deployment import durable
from trader.deployment.errors import Broken, Refused
from trader.deployment.legacy.account import Account
from trader.deployment.legacy.setup import Held, LegacySetup, Part, setup_of

Kind = Literal["file", "link", "directory"]

_INDEX = "index.json"
_TAR = "files.tar"
_REMEDY = "Restore this directory from a backup of the host."


@dataclass(frozen=True, slots=True)
class Entry:
    """A path as it was. `target` is a link's, `sha256` a file's."""

    path: str
    part: Part
    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int = 0
    sha256: str = ""
    target: str = ""

    @property
    def place(self) -> Path:
        """The path."""
        return Path(self.path)


Content = Callable[[Entry], bytes]


@dataclass(frozen=True, slots=True)
class Archive:
    """A whole archive in its directory."""

    directory: Path
    at: str
    setup: LegacySetup
    entries: tuple[Entry, ...]

    def of(self, *kinds: str, part: str = "") -> list[Entry]:
        """The entries of these kinds, and of this part when one is named."""
        return [each for each in self.entries if each.kind in kinds and part in ("", each.part)]

    @contextmanager
    def contents(self) -> Iterator[Content]:
        """What reads a file's content out of the archive; it raises Broken when it is not what was archived."""
        path = self.directory / _TAR
        with ExitStack() as opened:
            try:
                tar = opened.enter_context(tarfile.open(path))
            except (OSError, tarfile.TarError) as error:
                raise Broken(f"{path} cannot be read ({error})", _REMEDY) from None
            yield lambda entry: _content(tar, entry)

    def verify(self, *parts: Part) -> None:
        """Read all files of these parts. Raises Broken."""
        with self.contents() as content:
            for entry in self.of("file"):
                if entry.part in parts:
                    content(entry)


def load(directory: Path) -> Archive:
    """The archive in this directory. Raises Broken when it is not whole."""
    try:
        document = json.loads((directory / _INDEX).read_bytes())
        entries = tuple(Entry(**each) for each in document["entries"])
        return Archive(directory, document["at"], setup_of(document["setup"]), entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Broken(f"{directory / _INDEX} is no index of an archive ({error})", _REMEDY) from None


def is_archive(directory: Path) -> bool:
    """Whether a whole archive is there."""
    return (directory / _INDEX).exists()


def write(setup: LegacySetup, account: Account, directory: Path, at: str) -> Archive:
    """Archive the set-up there."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    draft = directory / f"{_TAR}.new"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w+b") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            entries = tuple(entry for held in setup.held if (entry := _add(tar, held, account)) is not None)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(directory / _TAR)
    archive = Archive(directory, at, setup, entries)
    archive.verify("unit", "config", "report")
    document = {"at": at, "setup": asdict(setup), "entries": [asdict(each) for each in entries]}
    durable.write(directory / _INDEX, json.dumps(document, indent=1).encode() + b"\n", 0o600)
    durable.sync_directory(directory.parent)
    return archive


def look(path: Path, part: Part = "unit") -> Entry | None:
    """What lies there now, a file's content aside; None for nothing, and for what is no file, link or directory."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFDIR: "directory"}
    kind = kinds.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return None
    return Entry(
        str(path),
        part,
        cast("Kind", kind),
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
        found.st_mtime_ns,
        found.st_size if kind == "file" else 0,
        target=str(path.readlink()) if kind == "link" else "",
    )


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        content = self._file.read(size)
        self._hash.update(content)
        return content

    @property
    def sha256(self) -> str:
        """The hash of what was read."""
        return self._hash.hexdigest()


def _add(tar: tarfile.TarFile, held: Held, account: Account) -> Entry | None:
    """Put one path into the tar; None when it is gone by now."""
    path = Path(held.path)
    try:
        with account.acting():
            entry = look(path, held.part)
            file = path.open("rb") if entry and entry.kind == "file" else None
    except OSError as error:
        problem = f"{path} cannot be read as {account.name} ({error.strerror})"
        raise Refused(problem, "Make it readable for its user, or remove it.") from None
    if entry is None:
        return None
    info = tarfile.TarInfo(held.path.lstrip("/"))
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, entry.mtime_ns / 1e9
    info.type = {"file": tarfile.REGTYPE, "link": tarfile.SYMTYPE, "directory": tarfile.DIRTYPE}[entry.kind]
    info.linkname = entry.target
    if file is None:
        tar.addfile(info)
        return entry
    with file:
        info.size = os.fstat(file.fileno()).st_size
        hashed = _Hashed(file)
        tar.addfile(info, hashed)
        return replace(entry, size=info.size, sha256=hashed.sha256)


def _content(tar: tarfile.TarFile, entry: Entry) -> bytes:
    try:
        file = tar.extractfile(entry.path.lstrip("/"))
        content = file.read() if file else b""
    except (KeyError, OSError, tarfile.TarError):
        file, content = None, b""
    if file is None or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise Broken(f"{entry.path} is not in the archive as it was put there", _REMEDY)
    return content

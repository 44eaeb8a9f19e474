"""The host's repository as one file, to be kept on another machine; it stays encrypted."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trader.deployment import durable
from trader.deployment.backup.files import room
from trader.deployment.backup.vault import alone, open_repository
from trader.deployment.errors import Refused
from trader.deployment.host import Host
from trader.deployment.places import Places
from trader.deployment.releases import sha256

_END_BYTES = 2 * tarfile.BLOCKSIZE
_LEFT_OUT = ("locks",)
_TAKE_ANOTHER = "Take another copy of the backups; nothing was changed."


@dataclass(frozen=True, slots=True)
class PackResult:
    """The file, its SHA-256 and size, how many snapshots it holds, and whether it is another than last time."""

    path: str
    sha256: str
    size: int
    snapshots: int
    changed: bool


def pack(places: Places, host: Host, environ: Mapping[str, str]) -> PackResult:
    """Pack the repository, unless its snapshots are those of the file that is there. Raises Refused."""
    repository = open_repository(places, host, environ).local
    if repository is None:
        raise Refused("the repository is not on this host", "There is nothing to copy: restic keeps it elsewhere.")
    with alone(places, "a copy of the backups"), room(places.backups):
        if not (repository / "config").exists():
            raise Refused(f"there is no repository at {repository}", "Make a backup first.")
        names = sorted(path.name for path in (repository / "snapshots").iterdir())
        target = places.backups / "pack" / f"{hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}.tar"
        known = _known(target)
        if known is None:
            _write(repository, target)
    return PackResult(str(target), known or sha256(target), target.stat().st_size, len(names), known is None)


def _known(target: Path) -> str | None:
    """The SHA-256 that was put down when the file was finished; None when it is to be written."""
    try:
        digest = str(json.loads(_note(target).read_bytes())["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return digest if target.exists() else None


def _note(target: Path) -> Path:
    return target.with_suffix(".json")


def _write(repository: Path, target: Path) -> None:
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir(parents=True, mode=0o700)
    draft = target.with_name(f".{target.name}")
    with tarfile.open(draft, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in _members(repository):
            tar.add(path, str(path.relative_to(repository)), recursive=False, filter=_plain)
    draft.rename(target)
    durable.write_json(_note(target), {"sha256": sha256(target)})


def _members(repository: Path) -> Iterator[Path]:
    for path in sorted(repository.rglob("*")):
        if path.relative_to(repository).parts[0] not in _LEFT_OUT:
            yield path


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same content gives the same bytes."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o700 if member.isdir() else 0o600
    return member


def unpack(file: Path, target: Path) -> None:
    """Unpack such a file into an empty directory. Raises Refused for one that is cut short, or no such file at all."""
    try:
        _require_end(file)
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                _unpack_member(tar, member, target)
    except (tarfile.TarError, EOFError) as error:
        raise Refused(f"{file} is damaged or cut short ({error})", _TAKE_ANOTHER) from None
    except FileNotFoundError:
        raise Refused(f"{file} is not there", "Name the file that `pack` made.") from None
    if not (target / "config").is_file() or not any((target / "snapshots").glob("*")):
        raise Refused(f"{file} holds no repository with a snapshot", _TAKE_ANOTHER)


def _require_end(file: Path) -> None:
    """A tar that ends after any of its members reads as a whole one with fewer of them; only its last blocks tell."""
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - _END_BYTES))
        if size % tarfile.RECORDSIZE or content.read() != bytes(_END_BYTES):
            raise Refused(f"{file} is damaged or cut short", _TAKE_ANOTHER)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    path = target / member.name
    if member.name.startswith("/") or ".." in Path(member.name).parts or not (member.isfile() or member.isdir()):
        raise Refused(f"{member.name} does not belong into a copy of the backups", _TAKE_ANOTHER)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = tar.extractfile(member)
    assert content is not None
    with path.open("xb") as copy:
        shutil.copyfileobj(content, copy, 1 << 20)
    if path.stat().st_size != member.size:
        raise Refused(f"{member.name} is cut short in the copy of the backups", _TAKE_ANOTHER)

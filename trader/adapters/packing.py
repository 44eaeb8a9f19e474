"""Archives whose bytes depend on what is in them alone: no time, no owner, no order of a directory."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from trader.adapters import durable


def tar(files: dict[str, bytes]) -> bytes:
    """A tar of these files."""
    out = io.BytesIO()
    with _writing(out) as archive:
        for name, content in sorted(files.items()):
            archive.addfile(_entry(name, len(content)), io.BytesIO(content))
    return out.getvalue()


def tar_files(path: Path, files: Iterable[Path]) -> None:
    """Write a tar of files, each under its bare name, to `path` in one step."""
    with durable.replacing(path) as out, _writing(out) as archive:
        for file in sorted(files):
            with file.open("rb") as content:
                archive.addfile(_entry(file.name, file.stat().st_size), content)


def zipapp(files: dict[str, bytes]) -> bytes:
    """A program in one file for the system's Python; stored as it is, since zlib's versions differ in their output."""
    out = io.BytesIO(b"#!/usr/bin/python3 -I\n")
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # unix
            archive.writestr(entry, content)
    return out.getvalue()


def keep(path: Path, content: bytes) -> None:
    """See to it that `path` has this content; a file that has it already is not touched."""
    with durable.explained(path):
        if not path.is_file() or path.read_bytes() != content:
            durable.replace(path, content)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _writing(out: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    return entry  # owner 0, time 0

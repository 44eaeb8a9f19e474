"""Files that survive a power loss: whole and old, or whole and new."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from trader.domain.errors import ConfigurationError


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, fsynced with its directory; the directory is made when missing."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends well; as durable as `replace`."""
    with _draft(path) as (file, draft):
        yield file
        _sync(file)
        draft.replace(path)
    sync_directory(path.parent)


def create(path: Path, content: bytes) -> bool:
    """Put `content` at `path` unless something is there already: False then, and nothing is changed."""
    with _draft(path) as (file, draft):
        file.write(content)
        _sync(file)
        return link(draft, path)


def link(draft: Path, path: Path) -> bool:
    """Give a finished file its name, durably; False when the name is taken, whoever was first."""
    with suppress(FileExistsError):
        path.hardlink_to(draft)
        sync_directory(path.parent)
        return True
    return False


def sync_directory(directory: Path) -> None:
    """Make the directory's entries durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a ConfigurationError that names the file."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            str(path), f"{error.strerror or error}", "Make room, or give this user access, then run the command again."
        ) from error


@contextmanager
def _draft(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())

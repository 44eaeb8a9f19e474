"""Files that survive a power loss whole: old or new, never half."""

import errno
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace the file, fsynced, with these permissions from its first byte on."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def place(path: Path, content: bytes, owner: Path, mode: int = 0o600) -> None:
    """Replace a file in a directory that another user may write to; it belongs to whoever owns `owner`.

    The draft is made anew and never followed: a link that was laid there leads root nowhere.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    whose = owner.stat()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            os.fchown(file.fileno(), whose.st_uid, whose.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def settle(path: Path) -> None:
    """Make a written file survive."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, document: Any, mode: int = 0o600) -> None:
    """Replace the file with this document."""
    write(path, json.dumps(document, sort_keys=True, ensure_ascii=False).encode() + b"\n", mode)


def append(path: Path, line: str) -> None:
    """Add one line, fsynced; what a crash left of an unfinished line before it is closed off first."""
    torn = path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        content = (b"\n" if torn else b"") + line.encode() + b"\n"
        while content:  # a nearly full disk takes a part and says so by the count alone
            content = content[os.write(handle, content) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Remove a file; one that is not there is no error."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target` in one step: at no instant is there none."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)
    sync_directory(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a directory so that what a crash leaves of it is never taken for it."""
    if path.exists():
        doomed = path.with_name(f".gone-{path.name}")
        if doomed.exists():
            shutil.rmtree(doomed)
        try:
            path.rename(doomed)
        except OSError as error:
            if error.errno != errno.EXDEV:  # a directory of an overlay's lower layer cannot be renamed
                raise
            doomed = path
        shutil.rmtree(doomed)


def remove_leftovers(directory: Path) -> None:
    """Finish the removals in a directory that a crash interrupted."""
    for doomed in directory.glob(".gone-*"):
        shutil.rmtree(doomed)


def sync_directory(directory: Path) -> None:
    """Make names in a directory survive."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

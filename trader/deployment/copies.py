"""The trading ledger as it was before an activation, kept until the activations after it are well."""

import os
import shutil
from pathlib import Path

from trader.deployment import backup_ledger, durable
from trader.deployment.places import Places

_KEPT = 3


def copy_ledger(places: Places, activation: str) -> None:
    """Copy the ledger, consistent, for this activation; one that was copied already stays as it is."""
    copy = _copy(places, activation)
    if copy.exists() or not places.ledger.exists():
        return
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = copy.with_suffix(".new")
    draft.unlink(missing_ok=True)
    backup_ledger.copy_ledger(places.ledger, draft)
    draft.chmod(0o600)
    _sync(draft)
    draft.replace(copy)
    durable.sync_directory(copy.parent)


def put_back(places: Places, activation: str) -> bool:
    """Make the ledger what it was before this activation; whether there was a copy."""
    copy = _copy(places, activation)
    if not copy.exists():
        return False
    owner = places.state.stat()
    draft = places.ledger.with_name(".ledger.db.new")
    shutil.copyfile(copy, draft)
    draft.chmod(0o600)
    os.chown(draft, owner.st_uid, owner.st_gid)
    _sync(draft)
    for log in ("-wal", "-shm"):
        places.ledger.with_name(f"{places.ledger.name}{log}").unlink(missing_ok=True)
    draft.replace(places.ledger)
    durable.sync_directory(places.state)
    return True


def forget_old(places: Places, in_order: list[str]) -> None:
    """Keep the copies of the last few activations, given oldest first."""
    directory = places.deploy / "before"
    kept = set(in_order[-_KEPT:])
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name not in kept:
            shutil.rmtree(path)


def _copy(places: Places, activation: str) -> Path:
    return places.deploy / "before" / activation / "ledger.db"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

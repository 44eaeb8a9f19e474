"""The trading ledger as it was before an activation, kept until the activations after it are well."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from trader.deployment import durable
from trader.deployment.backup import ledger_copy
from trader.deployment.errors import DeploymentError, StepFailed
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
    try:
        ledger_copy.copy_ledger(places.ledger, draft)
    except (DeploymentError, OSError):
        draft.unlink(missing_ok=True)  # on a full disk the journal needs that room
        raise
    durable.settle(draft)
    draft.replace(copy)
    durable.sync_directory(copy.parent)


def put_back(places: Places, activation: str) -> bool:
    """Make the ledger what it was before this activation; whether there was a copy.

    It is marked as begun, and after a crash begun anew: a ledger whose log is gone may look whole and lack entries.
    """
    copy = _copy(places, activation)
    if not copy.exists():
        return False
    if _orders(places.ledger) > _orders(copy):
        problem = "orders were sent since the ledger was copied, and putting the copy back would forget them"
        raise StepFailed(problem, "Go on with the newer release: activate it again.")
    _mark(places, activation).touch()
    durable.sync_directory(copy.parent)
    for log in ("-wal", "-shm"):
        places.ledger.with_name(f"{places.ledger.name}{log}").unlink(missing_ok=True)
    durable.place(places.ledger, copy.read_bytes(), owner=places.state)
    durable.remove(_mark(places, activation))
    return True


def _orders(ledger: Path) -> int:
    """How many orders it knows; none when it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(ledger))}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM orders").fetchone()[0])
    except sqlite3.Error:
        return 0


def being_put_back(places: Places, activation: str) -> bool:
    """Whether a crash has interrupted that."""
    return _mark(places, activation).exists()


def _mark(places: Places, activation: str) -> Path:
    return _copy(places, activation).with_name("PUTTING_BACK")


def forget_old(places: Places, in_order: list[str]) -> None:
    """Keep the copies of the last few activations, given oldest first."""
    directory = places.deploy / "before"
    kept = set(in_order[-_KEPT:])
    for path in directory.iterdir() if directory.is_dir() else ():
        if path.name not in kept:
            shutil.rmtree(path)


def _copy(places: Places, activation: str) -> Path:
    return places.deploy / "before" / activation / "ledger.db"

"""The trading ledger as backups see it: copied while it is written to, and proved without the program that wrote it."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from trader.deployment.errors import DeploymentError, Refused

GENESIS = "0" * 64
_PATIENCE_S = 15.0
_CHAIN = "SELECT seq, at, session_date, kind, body, prev_hash, hash FROM journal ORDER BY seq"


class Damaged(DeploymentError):
    """The ledger is no whole SQLite file."""


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """A ledger's schema, the number of its entries and the newest one's hash; `problem` when it is not whole."""

    schema: str = ""
    rows: int = 0
    head: str = GENESIS
    problem: str = ""


def copy_ledger(source: Path, target: Path, patience_s: float = _PATIENCE_S) -> None:
    """Copy the ledger as it is at one instant; writers go on meanwhile. The copy is one file, without a log beside it.

    Raises Damaged, and Refused when another process keeps readers out.
    """
    if source.is_symlink():
        raise Refused(f"{source} is a link", "Put the ledger itself there.")
    reading = f"file:{quote(str(source))}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(reading, uri=True, timeout=patience_s, isolation_level=None)) as ledger,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            # Held from here on: the copying itself would wait without end for a process that keeps readers out.
            ledger.execute("BEGIN")
            ledger.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            copy.execute("PRAGMA journal_mode=OFF")
            copy.execute("PRAGMA synchronous=OFF")
            ledger.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise _explained(source, target, error) from None
    target.chmod(0o600)


def examine(copy: Path) -> LedgerFacts:
    """Prove a copy that nobody writes to: its file, and its journal from the first entry on."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(copy))}?mode=ro&immutable=1", uri=True)) as ledger:
            return _facts(ledger)
    except sqlite3.Error as error:
        return LedgerFacts(problem=f"it is no whole database ({error})")


def _facts(ledger: sqlite3.Connection) -> LedgerFacts:
    (answer,) = ledger.execute("PRAGMA integrity_check(1)").fetchone()
    if answer != "ok":
        return LedgerFacts(problem=f"its file is damaged ({' '.join(answer.split())})")
    (schema,) = ledger.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    rows, head, problem = _chain(ledger.execute(_CHAIN))
    return LedgerFacts(schema, rows, head, problem)


def _chain(journal: Iterable[tuple[int, str, str, str, str, str, str]]) -> tuple[int, str, str]:
    """Number and hash of the last entry that is as it was written, and what is wrong with the one after it."""
    rows, head = 0, GENESIS
    for seq, at, day, kind, body, before, claimed in journal:
        if seq != rows + 1:
            return rows, head, f"entry {rows + 1} of its journal is missing"
        if before != head:
            return rows, head, f"entry {seq} of its journal is not chained to the one before"
        try:
            entry = {"at": at, "body": json.loads(body), "kind": kind, "seq": seq, "session_date": day}
        except (ValueError, RecursionError):
            return rows, head, f"entry {seq} of its journal is no JSON"
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256((before + text).encode()).hexdigest() != claimed:
            return rows, head, f"entry {seq} of its journal was changed after it was written"
        rows, head = seq, claimed
    return rows, head, ""


def _explained(source: Path, target: Path, error: sqlite3.Error) -> DeploymentError:
    name = getattr(error, "sqlite_errorname", "")
    match name.split("_")[1:2]:
        case ["NOTADB"] | ["CORRUPT"]:
            return Damaged(f"{source} is damaged or no database ({name})", "Restore a backup.")
        case ["BUSY"] | ["LOCKED"]:
            return Refused(
                f"{source}: another process has kept readers out for too long",
                f"Find that process (`fuser {source}`), then run this again.",
            )
        case ["FULL"]:
            return Refused(f"{target.parent}: no room for a copy of the ledger", "Make room, then run this again.")
        case _:
            return DeploymentError(f"{source} cannot be copied ({error})", "Mend what it names, then run this again.")

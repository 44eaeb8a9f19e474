"""The ledger for those who only look, without SQLAlchemy: its import costs half of `trader status`."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import quote

from trader.adapters.ledger.chain import Record, entry_of
from trader.adapters.ledger.revisions import USABLE
from trader.domain.journal import Entry, Event

_ENTRIES = """
    SELECT * FROM journal WHERE (? IS NULL OR session_date = ?)
    AND (? = 0 OR kind IN (SELECT value FROM json_each(?))) AND (seq >= ? OR session_date > ?) ORDER BY seq
"""
_LATEST = """
    SELECT * FROM journal WHERE kind = ? AND (? IS NULL OR session_date < ?) ORDER BY seq DESC LIMIT 1
"""


def schema_of(path: Path) -> str | None:
    """The revision the file was migrated to; None when it never was, or is not there."""
    if not path.exists():
        return None
    with _explained(path), closing(_connected(path)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


class LedgerReading:
    """ports.stores.LedgerReader over the file at `path`; each call reads one state of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(
        self, session_date: date | None = None, kinds: Sequence[type[Event]] = (), since: Entry | None = None
    ) -> Iterator[Entry]:
        """The entries in order, all of them or those of one session date and of some kinds, as `Ledger` has them."""
        later = (since.seq, since.event.session_date.isoformat()) if since else (0, "")
        day = session_date.isoformat() if session_date else None
        wanted = json.dumps([kind.kind for kind in kinds])
        yield from self._read(_ENTRIES, (day, day, len(kinds), wanted, *later))

    def latest(self, kind: type[Event], before: date | None = None) -> Entry | None:
        """The newest entry of a kind, optionally of a session date earlier than `before`."""
        day = before.isoformat() if before else None
        return next(iter(self._read(_LATEST, (kind.kind, day, day))), None)

    def _read(self, query: str, values: Sequence[object]) -> list[Entry]:
        with _explained(self._path), closing(_connected(self._path)) as connection:
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            if len(versions) == 1 and versions[0][0] in USABLE:
                return [entry_of(Record(*row)) for row in connection.execute(query, values)]
        return _refused(self._path, versions)


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)


def _refused(path: Path, versions: list[tuple[str]]) -> list[Entry]:
    from trader.adapters.ledger.schema import require_current

    require_current(path, versions[0][0] if versions else None)
    return []


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """The errors of the database as the ledger itself explains them."""
    try:
        yield
    except sqlite3.Error:
        from trader.adapters.ledger.database import translated

        with translated(path):
            raise

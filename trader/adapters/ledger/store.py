"""The ledger as the modes use it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, insert, or_, select

from trader.adapters import durable
from trader.adapters.ledger import projections, verification
from trader.adapters.ledger.chain import GENESIS, Head, entry_of, line_of, record_of
from trader.adapters.ledger.database import BUSY_TIMEOUT_S, Database, open_database, path_of
from trader.adapters.ledger.projections import FillRow, OrderRow, records
from trader.adapters.ledger.schema import require_current, schema_version
from trader.adapters.ledger.tables import checkpoint, fills, journal, orders
from trader.domain.errors import ConfigurationError
from trader.domain.journal import Adjusted, DayClosed, Entry, Event, FillRecorded
from trader.ports.clock import Clock

T = TypeVar("T", OrderRow, FillRow)
_IN_ORDER = select(journal).order_by(journal.c.seq)
_NEWEST_FIRST = select(journal).order_by(journal.c.seq.desc()).limit(1)


def open_ledger(
    location: Path | str, clock: Clock, create: bool = True, patience_s: float = BUSY_TIMEOUT_S
) -> "SqlLedger":
    """The ledger of this path or sqlite URL; a missing one is made whole or not at all.

    `patience_s` is how long a call waits for another writer (wall time).

    Raises ConfigurationError when it is missing and not to be made, or of an older or a newer schema.
    """
    path = path_of(location)
    if not path.exists():
        if not create:
            raise ConfigurationError(
                str(path), "there is no ledger", "The first session, or `ledger migrate`, makes it."
            )
        from trader.adapters.ledger.migration import create_ledger

        create_ledger(path)
    database = open_database(path, patience_s=patience_s)
    with database.reading() as connection:
        require_current(path, schema_version(connection))
    return SqlLedger(database, clock)


class SqlLedger:
    """ports.stores.Ledger on SQLite. Every call is one transaction; any number of processes may append."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """Write the events in one durable transaction; those written: what is known already is left out.

        That is a fill of the same id, and an adjustment by the same activity of the broker.
        """
        at = self._clock.now()
        with self._database.writing() as connection:
            written = (_append(connection, at, event) for event in events)
            return tuple(entry for entry in written if entry is not None)

    def entries(
        self, session_date: date | None = None, kinds: Sequence[type[Event]] = (), since: Entry | None = None
    ) -> Iterator[Entry]:
        """The entries in order, all of them or those of one session date and of some kinds.

        `since` leaves out what this entry, a DayClosed, stands for: entries before it of its session date or earlier.
        """
        query = _IN_ORDER
        if session_date is not None:
            query = query.where(journal.c.session_date == session_date.isoformat())
        if kinds:
            query = query.where(journal.c.kind.in_([kind.kind for kind in kinds]))
        if since is not None:
            later = journal.c.session_date > since.event.session_date.isoformat()
            query = query.where(or_(journal.c.seq >= since.seq, later))
        with self._database.reading() as connection:
            for record in records(connection, query):
                yield entry_of(record)

    def latest(self, kind: type[Event], before: date | None = None) -> Entry | None:
        """The newest entry of a kind, optionally of a session date earlier than `before`."""
        query = _NEWEST_FIRST.where(journal.c.kind == kind.kind)
        if before is not None:
            query = query.where(journal.c.session_date < before.isoformat())
        with self._database.reading() as connection:
            return next(map(entry_of, records(connection, query)), None)

    def verify(self, whole: bool = True) -> int:
        """Check chain and projections, from the last checkpoint or whole; entries checked. Raises InvariantViolated."""
        with self._database.reading() as connection:
            return verification.verify(connection, whole)

    def head(self) -> Head:
        """Number and hash of the newest entry; 0 and zeros when there is none."""
        with self._database.reading() as connection:
            return _head(connection)

    def order_rows(self, session_date: date) -> tuple[OrderRow, ...]:
        """Our orders of a session, sorted by id."""
        query = select(orders).where(orders.c.session_date == session_date.isoformat())
        return self._rows(OrderRow, query.order_by(orders.c.client_order_id))

    def fill_rows(self, session_date: date) -> tuple[FillRow, ...]:
        """The executions of a session, in the order they were recorded."""
        query = select(fills).where(fills.c.session_date == session_date.isoformat())
        return self._rows(FillRow, query.order_by(fills.c.seq))

    def rebuild(self) -> None:
        """Make the projections anew from the journal."""
        with self._database.writing() as connection:
            projections.rebuild(connection)

    def export(self, out: Path) -> int:
        """Write the journal as JSON lines, with hashes, to `out` in one step; how many lines."""
        count = 0
        with self._database.reading() as connection, durable.explained(out), durable.replacing(out) as file:
            for record in records(connection, _IN_ORDER):
                file.write(f"{line_of(record)}\n".encode())
                count += 1
        return count

    def schema_version(self) -> str:
        """The schema's revision."""
        with self._database.reading() as connection:
            return schema_version(connection) or ""

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, kind: type[T], query: Select[Any]) -> tuple[T, ...]:
        adapter = TypeAdapter(kind)
        with self._database.reading() as connection:
            return tuple(adapter.validate_python(dict(row._mapping)) for row in connection.execute(query))


def _head(connection: Connection) -> Head:
    return next((record.head for record in records(connection, _NEWEST_FIRST)), GENESIS)


def _append(connection: Connection, at: datetime, event: Event) -> Entry | None:
    if isinstance(event, FillRecorded) and projections.is_known(connection, event.fill.fill_id):
        return None
    if isinstance(event, Adjusted) and projections.is_adjusted(connection, event):
        return None
    record = record_of(_head(connection), at, event)
    entry = entry_of(record)  # what could not be read back is never written
    connection.execute(insert(journal), asdict(record))
    projections.project(connection, entry)
    if isinstance(event, DayClosed):
        connection.execute(insert(checkpoint), {"seq": record.seq, "hash": record.hash, "at": record.at})
    return entry

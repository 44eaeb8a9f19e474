"""Prove that the journal is what was written, and that the projections follow from it. Reads a few rows at a time."""

from collections.abc import Iterator
from itertools import zip_longest

from sqlalchemy import Connection, select, text

from trader.adapters.ledger.chain import GENESIS, Head, broken, check
from trader.adapters.ledger.database import RESTORE
from trader.adapters.ledger.projections import (
    Row,
    rebuilt_fills,
    rebuilt_orders,
    records,
    stored_fills,
    stored_orders,
)
from trader.adapters.ledger.tables import checkpoint, journal
from trader.domain.errors import InvariantViolated


def verify(connection: Connection, whole: bool) -> int:
    """Check everything, or what came after the last checkpoint; the number of entries checked.

    Raises InvariantViolated with the first bad entry's number.
    """
    _check_file(connection, whole)
    _check_checkpoints(connection)
    start = head = GENESIS if whole else last_checkpoint(connection)
    for record in records(connection, select(journal).where(journal.c.seq > start.seq).order_by(journal.c.seq)):
        check(head, record)
        head = record.head
    _compare("orders", rebuilt_orders(connection, start.seq), stored_orders(connection, start.seq))
    _compare("fills", rebuilt_fills(connection, start.seq), stored_fills(connection, start.seq))
    return head.seq - start.seq


def last_checkpoint(connection: Connection) -> Head:
    """The newest checkpoint, the chain's beginning when there is none."""
    query = select(checkpoint.c.seq, checkpoint.c.hash).order_by(checkpoint.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return Head(*row) if row else GENESIS


def _check_file(connection: Connection, whole: bool) -> None:
    answer = connection.execute(text(f"PRAGMA {'integrity_check' if whole else 'quick_check'}(1)")).scalar_one()
    if answer != "ok":
        raise InvariantViolated(f"the ledger's file is damaged: {answer}", RESTORE)


def _check_checkpoints(connection: Connection) -> None:
    """A checkpoint beyond the end shows that entries were cut off, one of another hash that the past was rewritten."""
    joined = checkpoint.outerjoin(journal, checkpoint.c.seq == journal.c.seq)
    query = (
        select(checkpoint.c.seq)
        .select_from(joined)
        .where(checkpoint.c.hash.is_distinct_from(journal.c.hash))
        .order_by(checkpoint.c.seq)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is not None:
        raise broken(row.seq, "it is not the entry this checkpoint was made of")


def _compare(table: str, rebuilt: Iterator[Row], stored: Iterator[Row]) -> None:
    for expected, found in zip_longest(rebuilt, stored):
        if expected != found:
            row = expected or found or {}
            seq = row.get("updated_seq", row.get("seq"))
            raise InvariantViolated(
                f"ledger entry {seq}: the table {table} does not follow from the journal",
                "The journal is whole; run `trader ledger rebuild` to make the table anew.",
            )

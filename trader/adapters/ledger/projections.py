"""Orders and fills as tables: each row a function of the journal's entries that name it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Connection, Select, insert, select

from trader.adapters.ledger.chain import Record, entry_of
from trader.adapters.ledger.tables import fills, journal, orders
from trader.domain.canonical import plain
from trader.domain.journal import (
    Adjusted,
    CancelRequested,
    Entry,
    FillRecorded,
    OrderDenied,
    OrderIntended,
    OrderObserved,
    OrderRefused,
    SubmitUnknown,
)
from trader.domain.orders import OrderStatus, Side
from trader.execution.order_state import fold

_ABOUT_ORDERS = (
    OrderIntended,
    OrderDenied,
    SubmitUnknown,
    OrderRefused,
    OrderObserved,
    CancelRequested,
    FillRecorded,
)
_ORDER_KINDS = [kind.kind for kind in _ABOUT_ORDERS]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderRow:
    """Where one of our orders stands; prices are None when it was not seen by the gate."""

    client_order_id: str
    session_date: date
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    arrival_price: Decimal | None
    status: OrderStatus
    filled_quantity: Decimal
    broker_order_id: str | None
    updated_seq: int


@dataclass(frozen=True, slots=True)
class FillRow:
    """One execution; `client_order_id` is empty for a trade that is not ours."""

    fill_id: str
    session_date: date
    client_order_id: str
    broker_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    at: datetime
    seq: int


def records(connection: Connection, query: Select[Any]) -> Iterator[Record]:
    """The journal's rows of a query, a few at a time."""
    for row in connection.execution_options(yield_per=500).execute(query):
        yield Record(*row)


def project(connection: Connection, entry: Entry) -> None:
    """Bring the tables forward by one entry of the journal."""
    event = entry.event
    if isinstance(event, FillRecorded):
        connection.execute(insert(fills), _fill_row(entry, event))
    if isinstance(event, _ABOUT_ORDERS):
        mine = select(journal).where(journal.c.ref == event.client_order_id)
        for row in _order_rows(connection, mine):
            connection.execute(insert(orders).prefix_with("OR REPLACE"), row)


def is_known(connection: Connection, fill_id: str) -> bool:
    """Whether a fill of this id is recorded."""
    return connection.execute(select(fills.c.seq).where(fills.c.fill_id == fill_id)).first() is not None


def is_adjusted(connection: Connection, event: Adjusted) -> bool:
    """Whether an adjustment by this activity of the broker is recorded; one without evidence never is."""
    same = select(journal).where(journal.c.kind == Adjusted.kind, journal.c.ref == event.symbol)
    known = (entry_of(record).event for record in records(connection, same))
    return bool(event.evidence) and any(getattr(each, "evidence", "") == event.evidence for each in known)


def rebuild(connection: Connection) -> None:
    """Make both tables anew."""
    connection.execute(orders.delete())
    connection.execute(fills.delete())
    for row in rebuilt_orders(connection, 0):
        connection.execute(insert(orders), row)
    for row in rebuilt_fills(connection, 0):
        connection.execute(insert(fills), row)


def rebuilt_orders(connection: Connection, after: int) -> Iterator[Row]:
    """What the rows of `orders` must be, sorted by id, for ids named after entry `after`."""
    named = select(journal.c.ref).where(journal.c.seq > after)
    return _order_rows(connection, select(journal).where(journal.c.ref.in_(named)))


def rebuilt_fills(connection: Connection, after: int) -> Iterator[Row]:
    """What the rows of `fills` after entry `after` must be, oldest first."""
    query = select(journal).where(journal.c.kind == FillRecorded.kind, journal.c.seq > after).order_by(journal.c.seq)
    for record in records(connection, query):
        entry = entry_of(record)
        yield _fill_row(entry, cast("FillRecorded", entry.event))


def stored_orders(connection: Connection, after: int) -> Iterator[Row]:
    """The rows of `orders`, sorted by id, for ids named after entry `after`."""
    named = select(journal.c.ref).where(journal.c.seq > after)
    chosen = orders.c.client_order_id.in_(named) | (orders.c.updated_seq > after)
    return _stored(connection, select(orders).where(chosen).order_by(orders.c.client_order_id))


def stored_fills(connection: Connection, after: int) -> Iterator[Row]:
    """The rows of `fills` after entry `after`, oldest first."""
    return _stored(connection, select(fills).where(fills.c.seq > after).order_by(fills.c.seq))


def _stored(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    for row in connection.execution_options(yield_per=500).execute(query):
        yield dict(row._mapping)


def _order_rows(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    about = query.where(journal.c.kind.in_(_ORDER_KINDS)).order_by(journal.c.ref, journal.c.seq)
    for ref, group in groupby(records(connection, about), key=lambda record: record.ref):
        entries = [entry_of(record) for record in group]
        view = fold(entries).get(ref)
        if view is not None:
            row = OrderRow(
                ref,
                view.key.session_date,
                view.key.symbol,
                view.key.side,
                view.quantity,
                view.intended.limit_price if view.intended else None,
                view.intended.arrival_price if view.intended else None,
                view.status,
                view.filled_quantity,
                view.broker_order_id,
                entries[-1].seq,
            )
            yield cast("Row", plain(row))


def _fill_row(entry: Entry, event: FillRecorded) -> Row:
    fill = event.fill
    row = FillRow(
        fill.fill_id,
        event.session_date,
        event.client_order_id,
        fill.broker_order_id,
        fill.symbol,
        fill.side,
        fill.quantity,
        fill.price,
        fill.at,
        entry.seq,
    )
    return cast("Row", plain(row))

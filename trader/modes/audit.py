"""How an order, or a whole day, came about: signal, target, limits checked, answers, fills. Reads the ledger alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trader.domain.errors import ChecksFailed
from trader.domain.journal import (
    AccountOpened,
    Adjusted,
    BreakerTripped,
    BreakFound,
    BreakResolved,
    CancelRequested,
    ConfigRecorded,
    DayClosed,
    Entry,
    EquityPeak,
    Event,
    FillRecorded,
    OrderDenied,
    OrderIntended,
    OrderObserved,
    OrderRefused,
    PlanCommitted,
    PreflightFailed,
    PreflightPassed,
    SessionEnded,
    StateChanged,
    SubmitUnknown,
)
from trader.domain.orders import OrderIntent, OrderKey, OrderStatus, Purpose
from trader.domain.plan import Plan, Provenance, Target
from trader.execution.identifiers import parse
from trader.execution.order_state import OrderView, fold

if TYPE_CHECKING:
    from trader.ports.stores import Ledger


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry of the journal in words; `at` in UTC."""

    seq: int
    at: datetime
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class OrderAudit:
    """One order from signal to last fill; parts the ledger does not have are None."""

    client_order_id: str
    session_date: date
    symbol: str
    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    provenance: Provenance | None
    plan_hash: str
    target: Target | None
    intent: OrderIntent | None
    checks: tuple[str, ...]
    trail: tuple[AuditLine, ...]


@dataclass(frozen=True, slots=True)
class DayAudit:
    """One session date: what decided it, its orders, and the entries that are about no single order."""

    session_date: date
    provenance: Provenance | None
    plan_hash: str
    orders: tuple[OrderAudit, ...]
    trail: tuple[AuditLine, ...]


def audit_day(ledger: "Ledger", day: date) -> DayAudit:
    """The audit of a session date. Raises ChecksFailed when the ledger has no entry of it."""
    entries = list(ledger.entries(day))
    if not entries:
        raise ChecksFailed(f"the ledger has no entry of {day}", _dates(ledger))
    committed = _committed(entries)
    views = fold(entries)
    return DayAudit(
        session_date=day,
        provenance=committed.plan.provenance if committed else None,
        plan_hash=committed.plan_hash if committed else "",
        orders=tuple(_audited(view, entries, committed) for view in views.values()),
        trail=_trail(entry for entry in entries if _order_of(entry.event) not in views),
    )


def audit_order(ledger: "Ledger", client_order_id: str) -> OrderAudit:
    """The audit of one order. Raises ChecksFailed when the id is not ours or the ledger does not know it."""
    key = parse(client_order_id)
    if key is None:
        raise ChecksFailed(f"{client_order_id!r} is no order id of this program", "They look like " + _EXAMPLE)
    entries = list(ledger.entries(key.session_date))
    view = fold(entries).get(client_order_id)
    if view is None:
        raise ChecksFailed(
            f"the ledger has no order {client_order_id}", f"`trader audit {key.session_date}` lists that day's orders."
        )
    return _audited(view, entries, _committed(entries))


_EXAMPLE = "pt1.main.xgb.20260316.AAPL.b.p0.0.0; `trader audit DATE` lists those of a day."


def _dates(ledger: "Ledger") -> str:
    newest = ledger.latest(PlanCommitted) or ledger.latest(DayClosed)
    return f"The newest day it knows is {newest.event.session_date}." if newest else "No day was traded yet."


def _committed(entries: Iterable[Entry]) -> PlanCommitted | None:
    return next((entry.event for entry in entries if isinstance(entry.event, PlanCommitted)), None)


def _audited(view: OrderView, entries: Iterable[Entry], committed: PlanCommitted | None) -> OrderAudit:
    plan, sent = committed.plan if committed else None, view.intended
    return OrderAudit(
        client_order_id=view.client_order_id,
        session_date=view.key.session_date,
        symbol=view.key.symbol,
        status=view.status,
        quantity=view.quantity,
        filled_quantity=view.filled_quantity,
        provenance=sent.provenance if sent else (plan.provenance if plan else None),
        plan_hash=committed.plan_hash if committed else "",
        target=next((t for t in plan.targets if t.symbol == view.key.symbol), None) if plan else None,
        intent=_intent(plan, view.key) if plan else None,
        checks=sent.checks if sent else (),
        trail=_trail(entry for entry in entries if _order_of(entry.event) == view.client_order_id),
    )


def _intent(plan: Plan, key: OrderKey) -> OrderIntent | None:
    planned = key.purpose is Purpose.PLAN
    return next((i for i in plan.intents if planned and i.sequence == key.sequence), None)


def _order_of(event: Event) -> str:
    return getattr(event, "client_order_id", "")


def _trail(entries: Iterable[Entry]) -> tuple[AuditLine, ...]:
    return tuple(AuditLine(entry.seq, entry.at, entry.event.kind, _in_words(entry.event)) for entry in entries)


_WORDS: Mapping[type[Event], str] = {
    AccountOpened: "{0.account_number} with {0.book.cash_usd} USD, from {0.source}",
    ConfigRecorded: "{0.config}",
    PreflightFailed: "release {0.release}: {0.failed}",
    PreflightPassed: "release {0.provenance.release}, model {0.provenance.model}",
    PlanCommitted: "{0.plan_hash}, data to {0.plan.data_as_of}",
    OrderIntended: (
        "{0.key.side} {0.quantity} {0.terms}, arrival {0.arrival_price}"
        " (bid {0.bid}, ask {0.ask} at {0.quoted_at:%H:%M:%S} UTC)"
    ),
    OrderDenied: "{0.denial.code}: {0.denial.detail}",
    SubmitUnknown: "{0.cause}",
    OrderRefused: "{0.status_code}/{0.code}: {0.reason}",
    OrderObserved: "{0.order.broker_status}, filled {0.order.filled_quantity} of {0.order.quantity}",
    CancelRequested: "{0.reason}",
    FillRecorded: "{0.fill.side} {0.fill.quantity} at {0.fill.price}, {0.fill.fill_id}",
    SessionEnded: "{0.filled} of {0.orders} orders filled",
    BreakFound: "{0.subject}: ledger {0.ours}, broker {0.broker}",
    BreakResolved: "{0.symbol} by {0.by}: {0.reason}",
    Adjusted: "{0.cause} of {0.symbol}: {0.quantity} shares, {0.cash_usd} USD, {0.evidence}",
    BreakerTripped: "{0.code} of {0.subject}: {0.measured} at a limit of {0.limit}, {0.action}",
    EquityPeak: "{0.equity_usd} USD",
    DayClosed: "equity {0.equity_usd} USD, {0.breaks} breaks",
    StateChanged: "{0.state} by {0.by}: {0.reason}",
}


def _in_words(event: Event) -> str:
    words = _WORDS[type(event)].format(event)
    return f"{words}; to be tried again" if isinstance(event, OrderDenied) and event.passing else words

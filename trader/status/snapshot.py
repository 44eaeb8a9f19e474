"""The present state in one view, from ledger and STATE file alone; asks no broker, and starts fast."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trader.decision.tripped import fold as fold_trips
from trader.domain.journal import (
    BreakerTripped,
    DayClosed,
    Entry,
    PlanCommitted,
    PreflightFailed,
    PreflightPassed,
    SessionEnded,
    TradingState,
)
from trader.domain.orders import Purpose
from trader.domain.plan import Provenance
from trader.execution.breaks import BREAK_KINDS, open_breaks
from trader.execution.order_state import Views, fold
from trader.execution.reconciliation import Break

if TYPE_CHECKING:
    from trader.ports.stores import LedgerReader, StateFile


@dataclass(frozen=True, slots=True)
class StatusView:
    """What a person asks first. Fields about things that never happened are None, empty or zero.

    `tripped`: the day's breakers that have acted or still last, as `code subject: action`. `filled_orders` counts the
    plan's orders that are filled whole, `partial_orders` those in part. `session_ended`: all of them are at their end.
    `unclosed`: what a breaker has asked to close and the broker has not shown to be closed: symbols, or `account` for
    everything. `preflight_date`, `preflight_at`: the newest preflight's; `preflight_failed`: its checks that failed.
    """

    session_date: date
    state: TradingState
    reason: str
    plan_hash: str
    planned_orders: int
    filled_orders: int
    partial_orders: int
    session_ended: bool
    orders: tuple[tuple[str, int], ...]
    preflight_date: date | None
    preflight_at: datetime | None
    preflight_failed: str
    provenance: Provenance | None
    closed_date: date | None
    closed_at: datetime | None
    equity_usd: Decimal | None
    breaks: tuple[Break, ...]
    tripped: tuple[str, ...]
    unclosed: tuple[str, ...]


def snapshot(ledger: "LedgerReader | None", state: "StateFile", day: date) -> StatusView:
    """The view on `day`; `provenance` is that of the day's plan, else of the newest preflight.

    `ledger` is None when there is none yet.
    """
    trading, reason = state.read()
    entries = list(ledger.entries(day)) if ledger else []
    views = fold(entries)
    plan = next((e.event for e in entries if isinstance(e.event, PlanCommitted)), None)
    shares = _shares_filled(plan, views) if plan else ()
    passed = ledger.latest(PreflightPassed) if ledger else None
    token = passed.event if passed and isinstance(passed.event, PreflightPassed) else None
    failed = ledger.latest(PreflightFailed) if ledger else None
    checked = max((each for each in (passed, failed) if each), key=lambda each: each.seq, default=None)
    closed = ledger.latest(DayClosed) if ledger else None
    close = closed.event if closed and isinstance(closed.event, DayClosed) else None
    return StatusView(
        session_date=day,
        state=trading,
        reason=reason,
        plan_hash=plan.plan_hash if plan else "",
        planned_orders=len(plan.plan.intents) if plan else 0,
        filled_orders=sum(filled >= wanted for wanted, filled in shares),
        partial_orders=sum(0 < filled < wanted for wanted, filled in shares),
        session_ended=any(isinstance(entry.event, SessionEnded) for entry in entries),
        orders=_by_status(views),
        preflight_date=checked.event.session_date if checked else None,
        preflight_at=checked.at if checked else None,
        preflight_failed=checked.event.failed if checked and isinstance(checked.event, PreflightFailed) else "",
        provenance=plan.plan.provenance if plan else (token.provenance if token else None),
        closed_date=close.session_date if close else None,
        closed_at=closed.at if closed else None,
        equity_usd=close.equity_usd if close else None,
        breaks=open_breaks(entry.event for entry in ledger.entries(kinds=BREAK_KINDS)) if ledger else (),
        tripped=_tripped(entries),
        unclosed=_unclosed(entries),
    )


def _tripped(entries: list[Entry]) -> tuple[str, ...]:
    trips = {(e.event.code, e.event.subject): e.event for e in entries if isinstance(e.event, BreakerTripped)}
    return tuple(f"{t.code} {t.subject}: {t.action}" for t in trips.values() if not (t.passing and t.over))


def _shares_filled(plan: PlanCommitted, views: Views) -> tuple[tuple[Decimal, Decimal], ...]:
    filled: defaultdict[int, Decimal] = defaultdict(Decimal)
    for view in views.values():
        if view.key.purpose is Purpose.PLAN:
            filled[view.key.sequence] += view.executed_quantity
    return tuple((intent.quantity, filled[intent.sequence]) for intent in plan.plan.intents)


def _unclosed(entries: list[Entry]) -> tuple[str, ...]:
    trips = fold_trips(entry.event for entry in entries)
    return tuple(sorted({subject for _, subject in trips.flattening.keys() | trips.closing.keys()}))


def _by_status(views: Views) -> tuple[tuple[str, int], ...]:
    counted = Counter(view.status.value for view in views.values())
    return tuple(sorted(counted.items()))

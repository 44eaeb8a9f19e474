"""The present state in one view, from ledger and STATE file alone; asks no broker, and starts fast."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trader.domain.journal import BreakerTripped, DayClosed, Entry, PlanCommitted, PreflightPassed, TradingState
from trader.domain.plan import Provenance
from trader.execution.breaks import BREAK_KINDS, open_breaks
from trader.execution.order_state import fold
from trader.execution.reconciliation import Break

if TYPE_CHECKING:
    from trader.ports.stores import LedgerReader, StateFile


@dataclass(frozen=True, slots=True)
class StatusView:
    """What a person asks first. Fields about things that never happened are None, empty or zero.

    `tripped`: the day's breakers that have acted or still last, as `code subject: action`.
    """

    session_date: date
    state: TradingState
    reason: str
    plan_hash: str
    planned_orders: int
    orders: tuple[tuple[str, int], ...]
    preflight_date: date | None
    preflight_at: datetime | None
    provenance: Provenance | None
    closed_date: date | None
    closed_at: datetime | None
    equity_usd: Decimal | None
    breaks: tuple[Break, ...]
    tripped: tuple[str, ...]


def snapshot(ledger: "LedgerReader | None", state: "StateFile", day: date) -> StatusView:
    """The view on `day`; `provenance` is that of the day's plan, else of the newest preflight.

    `ledger` is None when there is none yet.
    """
    trading, reason = state.read()
    entries = list(ledger.entries(day)) if ledger else []
    plan = next((e.event for e in entries if isinstance(e.event, PlanCommitted)), None)
    checked = ledger.latest(PreflightPassed) if ledger else None
    token = checked.event if checked and isinstance(checked.event, PreflightPassed) else None
    closed = ledger.latest(DayClosed) if ledger else None
    close = closed.event if closed and isinstance(closed.event, DayClosed) else None
    return StatusView(
        session_date=day,
        state=trading,
        reason=reason,
        plan_hash=plan.plan_hash if plan else "",
        planned_orders=len(plan.plan.intents) if plan else 0,
        orders=_by_status(entries),
        preflight_date=token.session_date if token else None,
        preflight_at=checked.at if checked else None,
        provenance=plan.plan.provenance if plan else (token.provenance if token else None),
        closed_date=close.session_date if close else None,
        closed_at=closed.at if closed else None,
        equity_usd=close.equity_usd if close else None,
        breaks=open_breaks(entry.event for entry in ledger.entries(kinds=BREAK_KINDS)) if ledger else (),
        tripped=_tripped(entries),
    )


def _tripped(entries: list[Entry]) -> tuple[str, ...]:
    trips = {(e.event.code, e.event.subject): e.event for e in entries if isinstance(e.event, BreakerTripped)}
    return tuple(f"{t.code} {t.subject}: {t.action}" for t in trips.values() if not (t.passing and t.over))


def _by_status(entries: list[Entry]) -> tuple[tuple[str, int], ...]:
    counted = Counter(view.status.value for view in fold(entries).values())
    return tuple(sorted(counted.items()))

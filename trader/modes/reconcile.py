"""Ledger and broker compared at any time: fills and explained differences recorded, breaks opened and ended.

Sends nothing, and may run beside a session.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, ChecksFailed
from trader.domain.journal import Adjusted, BreakFound, BreakResolved, DayClosed, Event
from trader.domain.market import SessionDay, exchange_date
from trader.execution.breaks import BREAK_KINDS, frozen_by, news, open_breaks
from trader.execution.reconciliation import Break
from trader.modes.desk import Desk
from trader.modes.evidence import Judgement, ensure_account, judge, read_broker, record_news, unclosed_sessions
from trader.modes.tape import Tape
from trader.ports.stores import Ledger

log = structlog.get_logger()
_READINGS = 4
_PAUSE = timedelta(seconds=5)  # orders, positions and cash of the broker can disagree for some seconds


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What one comparison wrote, and every break that is open after it."""

    session_date: date
    adjustments: tuple[Adjusted, ...]
    found: tuple[Break, ...]
    open: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether no break is open."""
        return not self.open


def open_in(ledger: Ledger) -> tuple[Break, ...]:
    """The breaks that are open by the ledger, oldest first."""
    return open_breaks(entry.event for entry in ledger.entries(kinds=BREAK_KINDS))


def frozen_in(ledger: Ledger) -> frozenset[str]:
    """The symbols that are frozen by the ledger; the empty one stands for the account."""
    return frozen_by(open_in(ledger))


def reconcile_account(desk: Desk) -> ReconcileReport:
    """Compare now, for the session that is under way or comes next, and write what is new.

    A difference is believed when two readings, five seconds apart, show the same one.
    """
    session = current_session(desk)
    return record(desk, session.date, settle(desk, unclosed_sessions(desk, session), over=False))


def reconcile_until_close(desk: Desk, every: timedelta) -> ReconcileReport:
    """Compare again and again while the session lasts; an outage of the broker costs one comparison.

    Ends after the close or when asked to stop. Raises BrokerUnavailable when the broker never answered.
    """
    session, report, outage = (
        current_session(desk),
        None,
        BrokerUnavailable("reconcile", "asked to stop before it began"),
    )
    while not desk.stop.requested():
        try:
            report = reconcile_account(desk)
        except BrokerUnavailable as error:
            log.warning("ALPACA not answering, trying again", cause=error.cause)
            outage = error
        if desk.clock.now() >= session.close_at:
            break
        desk.clock.wait_until(min(desk.clock.now() + every, session.close_at))
    if report is None:
        raise outage
    return report


def current_session(desk: Desk) -> SessionDay:
    """Today's session while its day is not closed, else the next."""
    today = exchange_date(desk.clock.now())
    coming = desk.calendar.sessions(today, today + timedelta(days=10))
    return next(s for s in coming if next(desk.ledger.entries(s.date, (DayClosed,)), None) is None)


def settle(desk: Desk, sessions: Sequence[SessionDay], over: bool) -> Judgement:
    """Read until both sides agree, or differ as is known, or for the fourth time; `over`: the last session has ended.

    Orders and fills are recorded on the way. Raises ChecksFailed when asked to stop before.
    """
    known = open_in(desk.ledger)
    earlier: tuple[Break, ...] = ()
    for reading in range(1, _READINGS + 1):
        desk.progress("reconcile", reading, _READINGS)
        judgement = _judged(desk, sessions, over)
        if set(judgement.breaks) <= set(known) or reading == _READINGS:
            break
        log.warning("PORTFOLIO ledger and broker differ", reading=reading, of=_READINGS, breaks=len(judgement.breaks))
        earlier = judgement.breaks
        _pause(desk)
    if over:
        return judgement
    return replace(judgement, breaks=tuple(b for b in judgement.breaks if b in earlier or b in known))


def _judged(desk: Desk, sessions: Sequence[SessionDay], over: bool) -> Judgement:
    broker, day = read_broker(desk, sessions), sessions[-1].date
    ensure_account(desk, day, broker)
    tapes = [Tape(desk, session.date) for session in sessions]
    record_news(desk, tapes, broker)
    return judge(desk, day, tapes, broker, over)


def _pause(desk: Desk) -> None:
    desk.clock.wait_until(desk.clock.now() + _PAUSE)
    if desk.stop.requested():
        raise ChecksFailed("asked to stop before ledger and broker agreed", "Run the command again.")


def record(desk: Desk, day: date, judgement: Judgement, *more: Event) -> ReconcileReport:
    """Write adjustments, the news about breaks, and `more`, in one transaction."""
    known = open_in(desk.ledger)
    changes = news(day, known, judgement.breaks)
    events: tuple[Event, ...] = (*judgement.adjustments, *changes, *more)
    if events:
        desk.ledger.append(*events)
    for adjusted in judgement.adjustments:
        log.warning(f"PORTFOLIO adjusted: {adjusted.cause}", symbol=adjusted.symbol, detail=adjusted.detail)
    for change in changes:
        _log(change)
    found = tuple(Break.recorded(each) for each in changes if isinstance(each, BreakFound))
    return ReconcileReport(day, judgement.adjustments, found, judgement.breaks)


def _log(change: BreakFound | BreakResolved) -> None:
    if isinstance(change, BreakFound):
        log.error(f"PORTFOLIO break: {change.code}", subject=change.subject, ours=change.ours, broker=change.broker)
    else:
        log.warning("PORTFOLIO break ended", symbol=change.symbol or "account", reason=change.reason)

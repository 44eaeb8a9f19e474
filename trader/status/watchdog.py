"""What was due today and did not happen, from calendar, ledger and STATE alone. Pure: what the clock says is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from trader.domain.journal import AccountOpened, DayClosed, PlanCommitted, TradingState
from trader.domain.market import SessionDay
from trader.execution.tokens import TOKEN_KINDS, standing

if TYPE_CHECKING:
    from trader.ports.stores import LedgerReader

_CHICAGO = ZoneInfo("America/Chicago")
_TO_DECIDE = timedelta(minutes=10)
_TO_CLOSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the timers start session and end of day, on the wall of `zone`."""

    session_at: time = time(8, 30)
    eod_at: time = time(15, 10)
    zone: ZoneInfo = _CHICAGO

    def decided_by(self, day: date) -> datetime:
        """When a plan is there at the latest."""
        return datetime.combine(day, self.session_at, self.zone) + _TO_DECIDE

    def closed_by(self, day: date) -> datetime:
        """When the day is closed at the latest; half days are closed at the same time."""
        return datetime.combine(day, self.eod_at, self.zone) + _TO_CLOSE


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the ledger has: of the day, and of the session before it, whether it was `left_open`."""

    state: TradingState
    opened: bool
    passed: bool
    planned: bool
    closed: bool
    left_open: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that did not happen, and what a person does."""

    what: str
    remedy: str


def evidence(ledger: "LedgerReader | None", state: TradingState, day: date, before: date) -> Evidence:
    """What is known of the day and of the session `before` it; of an account that was never opened, nothing."""
    if ledger is None:
        return Evidence(state, False, False, False, False, False)
    known = {type(entry.event) for entry in ledger.entries(day, (PlanCommitted, DayClosed))}
    closed = ledger.latest(DayClosed)
    newest = closed.event.session_date if closed else date.min
    begun = next(ledger.entries(before, (PlanCommitted,)), None) is not None
    return Evidence(
        state=state,
        opened=ledger.latest(AccountOpened) is not None,
        passed=bool(standing(entry.event for entry in ledger.entries(day, TOKEN_KINDS))),
        planned=PlanCommitted in known,
        closed=newest >= day,
        left_open=begun and newest < before,
    )


def missed(session: SessionDay | None, now: datetime, schedule: Schedule, found: Evidence) -> tuple[Missed, ...]:
    """What is missing by now, the most pressing first; nothing on a day without a session."""
    return () if session is None else tuple(_missed(session.date, now, schedule, found))


def _missed(day: date, now: datetime, schedule: Schedule, found: Evidence) -> Iterator[Missed]:
    over = now >= schedule.closed_by(day)
    if now >= schedule.decided_by(day) and found.state is not TradingState.HALT:
        if not found.planned:
            yield Missed(
                f"{schedule.session_at:%H:%M} did not happen: {day} has no plan",
                "`journalctl -u paper-trading-session` says why; `trader run-now session` begins it, as late as it is.",
            )
        if not found.passed and not over:
            yield Missed(
                f"preflight has not passed for {day}: nothing is opened",
                "`trader run-now preflight`; the session goes on when it has passed.",
            )
    if over and found.opened and not found.closed:
        yield Missed(
            f"{day} was not closed",
            "`journalctl -u paper-trading-eod` says why; `trader run-now eod`, before the next session.",
        )
    if found.left_open and not found.closed:
        yield Missed(
            f"the session before {day} was not closed",
            "`trader run-now eod` before the open; later, today's end of day takes its fills in.",
        )


def summary(session: SessionDay | None, now: datetime, schedule: Schedule, found: Evidence) -> str:
    """What was looked at, in a sentence, when nothing is missing."""
    if session is None:
        return "No trading session today: nothing is due."
    if now < schedule.decided_by(session.date):
        return f"{session.date}: nothing is due before {schedule.decided_by(session.date):%H:%M %Z}."
    if now < schedule.closed_by(session.date):
        if found.state is TradingState.HALT:
            return f"{session.date}: trading is halted, so no session was due."
        return f"{session.date}: decided; it is to be closed by {schedule.closed_by(session.date):%H:%M %Z}."
    return f"{session.date}: everything that was due has happened."


def unfinished(session: SessionDay | None, now: datetime, found: Evidence) -> bool:
    """Whether a session of today was begun, and its close is to come."""
    return session is not None and found.planned and now < session.close_at

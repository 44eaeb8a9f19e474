"""End of day: read what the broker says after the close, compare it with the ledger, close the day, report."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from trader.domain.canonical import dumps
from trader.domain.errors import ChecksFailed
from trader.domain.journal import AccountOpened, BreakFound, DayClosed
from trader.domain.market import SessionDay, Universe
from trader.execution.reconciliation import Break
from trader.modes.desk import Desk
from trader.modes.evidence import ensure_account, judge, read_broker, record_news
from trader.modes.tape import Tape
from trader.ports.stores import Ledger
from trader.reporting.day_report import DayReport
from trader.reporting.page import render_html
from trader.reporting.summary import PAST_KINDS, day_report

log = structlog.get_logger()
_READINGS = 4
_PAUSE = timedelta(seconds=5)  # orders, positions and cash of the broker can disagree for some seconds


class ReportWriter(Protocol):
    """Where reports are kept."""

    def write(self, day: date, page: str, document: str) -> Path:
        """Replace both files of the day; the page's path."""
        ...


def close_day(desk: Desk, day: date, reports: ReportWriter | None = None) -> DayReport | None:
    """Close the day and report it; None when the exchange was closed, and there is nothing to do.

    A day that is closed already is reported again from the ledger alone, byte for byte. Raises ChecksFailed before
    the session's close, and when a later session has begun (the broker shows no past positions).
    """
    session = desk.calendar.session(day)
    if session is None:
        log.info("PORTFOLIO the exchange was closed: nothing to reconcile", session_date=str(day))
        return None
    if next(desk.ledger.entries(day, (DayClosed,)), None) is None:
        _require_just_over(desk, session)
        _close(desk, session)
    report = report_of(desk.ledger, day, desk.universe, desk.policies.reporting.top)
    if reports is not None:
        page = render_html(report, desk.policies.reporting.plots)
        log.info("PORTFOLIO report written", path=str(reports.write(day, page, dumps(report) + "\n")))
    return report


def report_of(ledger: Ledger, day: date, universe: Universe, top: int) -> DayReport:
    """The report of a closed day, from the ledger alone. Raises ChecksFailed for a day that was not closed."""
    entries = list(ledger.entries(day))
    if not any(isinstance(entry.event, DayClosed) for entry in entries):
        newest = ledger.latest(DayClosed)
        known = f"The newest closed day is {newest.event.session_date}." if newest else "No day is closed yet."
        raise ChecksFailed(f"{day} is not closed, so there is no report of it", f"Run `trader eod` for it. {known}")
    past = list(ledger.entries(kinds=PAST_KINDS))
    return day_report(day, entries, past, universe, top)


def _require_just_over(desk: Desk, session: SessionDay) -> None:
    now, zone = desk.clock.now(), ZoneInfo(desk.policies.calendar.timezone)
    if now < session.close_at:
        at = f"{session.close_at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
        raise ChecksFailed(f"the session of {session.date} is not over", f"Run `trader eod` after {at}.")
    following = desk.calendar.sessions(session.date + timedelta(days=1), session.date + timedelta(days=10))[0]
    if now >= following.open_at:
        raise ChecksFailed(
            f"{session.date} was not closed before the session of {following.date} began",
            "Run `trader eod` for the newest session: it takes in the fills of every day since the last closed one.",
        )


def _close(desk: Desk, session: SessionDay) -> None:
    """Read until both sides agree, or for the last time; then write breaks and close in one transaction."""
    sessions = _unclosed(desk, session)
    tapes = [Tape(desk, each.date) for each in sessions]
    for reading in range(1, _READINGS + 1):
        desk.progress("reconcile", reading, _READINGS)
        broker = read_broker(desk, sessions)
        ensure_account(desk, session.date, broker)
        record_news(tapes, broker)
        closed, breaks = judge(desk, session.date, tapes, broker)
        if not breaks:
            break
        log.warning("PORTFOLIO ledger and broker differ", reading=reading, of=_READINGS, breaks=len(breaks))
        if reading < _READINGS:
            _pause(desk)
    _commit(desk, closed, breaks)


def _unclosed(desk: Desk, session: SessionDay) -> tuple[SessionDay, ...]:
    """The sessions since the last closed day, so that a day whose end was missed is made good by the next."""
    closed, opened = desk.ledger.latest(DayClosed), desk.ledger.latest(AccountOpened)
    since = opened.event.session_date if opened else session.date
    if closed is not None:
        since = max(since, closed.event.session_date + timedelta(days=1))
    return desk.calendar.sessions(min(since, session.date), session.date)


def _pause(desk: Desk) -> None:
    desk.clock.wait_until(desk.clock.now() + _PAUSE)
    if desk.stop.requested():
        raise ChecksFailed("asked to stop before ledger and broker agreed", "Run `trader eod` again.")


def _commit(desk: Desk, closed: DayClosed, breaks: Sequence[Break]) -> None:
    found: list[BreakFound] = [each.event(closed.session_date) for each in breaks]
    desk.ledger.append(*found, closed)
    for each in breaks:
        log.error(f"PORTFOLIO break: {each.code}", subject=each.subject, ours=each.ours, broker=each.broker)
    log.info("PORTFOLIO day closed", equity_usd=str(closed.equity_usd), breaks=closed.breaks)

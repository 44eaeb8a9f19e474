"""End of day: read what the broker says after the close, compare it with the ledger, close the day, report."""

from datetime import date, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from trader.domain.canonical import dumps
from trader.domain.errors import ChecksFailed
from trader.domain.journal import DayClosed
from trader.domain.market import SessionDay, Universe
from trader.modes.desk import Desk
from trader.modes.evidence import unclosed_sessions
from trader.modes.reconcile import record, settle
from trader.ports.stores import Ledger
from trader.reporting.day_report import DayReport
from trader.reporting.page import render_html
from trader.reporting.summary import PAST_KINDS, day_report

log = structlog.get_logger()


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
    judgement = settle(desk, unclosed_sessions(desk, session), over=True)
    record(desk, session.date, judgement, judgement.closed)
    closed = judgement.closed
    log.info("PORTFOLIO day closed", equity_usd=str(closed.equity_usd), breaks=closed.breaks)

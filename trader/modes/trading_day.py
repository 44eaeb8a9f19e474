"""A whole day at its times: preflight, session, end of day."""

from collections.abc import Callable
from datetime import date, datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.modes.desk import Desk
from trader.modes.monitor import run_monitor
from trader.modes.outcome import SessionOutcome
from trader.modes.preflight import PreflightReport, preflight
from trader.modes.session import run_session

T = TypeVar("T")


def at(desk: Desk, day: date, moment: time) -> datetime:
    """The instant of a schedule time on a date, in the configured zone."""
    return datetime.combine(day, moment, ZoneInfo(desk.policies.calendar.timezone))


def run_day(
    desk: Desk, day: date, close_day: Callable[[Desk, date], T]
) -> tuple[PreflightReport, SessionOutcome | None, T | None]:
    """Wait for each time in turn; a request to stop ends the day early.

    A preflight that fails keeps openers back, but neither following and reducing nor the end of day.
    """
    schedule = desk.policies.calendar
    desk.clock.wait_until(at(desk, day, schedule.preflight_at))
    checks = preflight(desk, day)
    if desk.stop.requested():
        return checks, None, None
    desk.clock.wait_until(at(desk, day, schedule.session_at))
    outcome = _session_after(checks, desk, day)
    session = desk.calendar.session(day)
    if session is None or desk.stop.requested():
        return checks, outcome, None
    desk.clock.wait_until(max(at(desk, day, schedule.eod_at), session.close_at))
    return checks, outcome, None if desk.stop.requested() else close_day(desk, day)


def _session_after(checks: PreflightReport, desk: Desk, day: date) -> SessionOutcome | None:
    """The session, and the monitor after it where it has a part; None when preflight's findings keep it from deciding.

    One process, one clock: here the monitor follows the session instead of standing beside it.
    """
    try:
        outcome = run_session(desk, day)
        if desk.policies.execution.integration == "integrated" or outcome.result not in ("complete", "recorded"):
            return outcome
        return run_monitor(desk, day)
    except (ChecksFailed, ConfigurationError):
        if checks.ok:
            raise
        return None

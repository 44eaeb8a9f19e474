"""Preflight: bring the data up to date, look at everything a session stands on, and write the day's token."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from trader.decision.decide import decide
from trader.domain.errors import TraderError
from trader.domain.journal import PreflightPassed, TradingState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.modes.desk import Desk
from trader.modes.planning import committed_plan, gather, open_account, require_agreement, require_session
from trader.modes.update import update_bars

log = structlog.get_logger()
_MAX_SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, and what to do when it is not well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """All checks of a date; `plan` is what would be ordered now (None when a check before it failed)."""

    session_date: date
    checks: tuple[Check, ...]
    plan: Plan | None = None

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)


def preflight(desk: Desk, day: date) -> PreflightReport:
    """Check everything, in the order in which one thing rests on another; the token is written when all is well."""
    session = require_session(desk, day)
    checks: list[Check] = []
    for name, check in CHECKS.items():
        checks.append(_guarded(name, check, desk, session))
        desk.progress("checks", len(checks), len(CHECKS) + 1)
        (log.info if checks[-1].ok else log.error)(
            f"RISK check {'passed' if checks[-1].ok else 'FAILED'}", check=name, detail=checks[-1].detail
        )
    plan = None
    if all(check.ok for check in checks):
        plan, verdict = _rehearse(desk, session)
        checks.append(verdict)
    report = PreflightReport(day, tuple(checks), plan)
    if report.ok and plan is not None:
        _write_token(desk, report, plan)
    return report


Finding = tuple[bool, str, str]


def _guarded(name: str, check: Callable[[Desk, SessionDay], Finding], desk: Desk, session: SessionDay) -> Check:
    """A check that raises has failed, and its error says what to do."""
    try:
        return Check(name, *check(desk, session))
    except TraderError as error:
        return Check(name, False, error.problem(), error.remedy)


def _ledger(desk: Desk, _session: SessionDay) -> Finding:
    return True, f"{desk.ledger.verify(whole=False)} entries since the last checkpoint, chain intact", ""


def _state(desk: Desk, _session: SessionDay) -> Finding:
    state, reason = desk.state.read()
    return state is not TradingState.HALT, f"{state.value} {reason}".strip(), "Find the cause, then `trader resume`."


def _clock(desk: Desk, _session: SessionDay) -> Finding:
    skew = abs(desk.broker.now() - desk.clock.now())
    return skew <= _MAX_SKEW, f"{skew.total_seconds():.1f} s from the broker's clock", "Set this machine's clock (NTP)."


def _account(desk: Desk, _session: SessionDay) -> Finding:
    account = desk.broker.account()
    well = account.status == "ACTIVE" and not account.blocked and not account.suspended_by_user
    detail = f"{account.account_number} {account.status}, equity {account.equity_usd} USD"
    return (
        well,
        detail,
        "Look at the account in Alpaca's dashboard; `trader resume` clears a suspension by this program.",
    )


def _calendar(desk: Desk, session: SessionDay) -> Finding:
    theirs = desk.broker.calendar(session.date, session.date)
    detail = f"{session.open_at:%H:%M}-{session.close_at:%H:%M} UTC"
    if theirs == (session,):
        return True, f"{detail}, as the broker has it", ""
    return (
        False,
        f"we have {detail}, the broker {theirs or 'no session'}",
        "Update exchange-calendars, or stay out today.",
    )


def _model(desk: Desk, session: SessionDay) -> Finding:
    ranker = desk.models.promoted()
    age_days = (session.date - ranker.trained_until).days
    detail = f"{ranker.hash[:12]}, trained on bars up to {ranker.trained_until} ({age_days} days ago)"
    return (
        0 < age_days <= desk.policies.model.max_age_days,
        detail,
        "`trader model train`, then `trader model promote`.",
    )


def _book(desk: Desk, session: SessionDay) -> Finding:
    """Ledger and broker before the day's decision; afterwards the plan holds the book it began with."""
    if committed_plan(desk, session.date) is not None:
        return True, "today's plan is committed", ""
    return True, require_agreement(desk, session, open_account(desk, session.date)), ""


def _bars(desk: Desk, session: SessionDay) -> Finding:
    report = update_bars(desk, desk.calendar.previous(session.date).date)
    return True, f"{report.rows} bars fetched, up to date through {report.through}", ""


CHECKS: dict[str, Callable[[Desk, SessionDay], Finding]] = {
    "ledger": _ledger,
    "trading_state": _state,
    "clock": _clock,
    "account": _account,
    "calendar": _calendar,
    "book": _book,
    "model": _model,
    "bars": _bars,
}


def _rehearse(desk: Desk, session: SessionDay) -> tuple[Plan | None, Check]:
    """Decide once for show: predictions, exclusions and sizes are seen before the open, not at it."""
    try:
        book = open_account(desk, session.date)
        plan = committed_plan(desk, session.date) or decide(gather(desk, session, book))
    except TraderError as error:
        return None, Check("plan", False, error.problem(), error.remedy)
    candidates = len(desk.universe.symbols)
    share = len(plan.exclusions) / candidates if candidates else 1.0
    detail = f"{len(plan.intents)} orders, {len(plan.exclusions)} of {candidates} symbols excluded"
    well = share <= desk.policies.data.max_excluded_share
    remedy = "See `trader plan` for the reasons; mend the data, or raise data.max_excluded_share."
    return plan, Check("plan", well, detail, remedy)


def _write_token(desk: Desk, report: PreflightReport, plan: Plan) -> None:
    day = report.session_date
    token = PreflightPassed(day, plan.provenance, tuple(check.name for check in report.checks))
    known = [entry.event for entry in desk.ledger.entries(day, (PreflightPassed,))]
    if token not in known:
        desk.ledger.append(token)
    log.info("RISK preflight passed", session_date=str(day), orders=len(plan.intents))

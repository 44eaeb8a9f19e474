"""Preflight: bring the data up to date, look at everything a session stands on, and write the day's token."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import structlog

from trader.domain.errors import ChecksFailed, TraderError
from trader.domain.journal import PreflightFailed, PreflightPassed
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.execution.tokens import TOKEN_KINDS, standing
from trader.modes.checks import account, host, market, records
from trader.modes.checks.finding import Finding, Look
from trader.modes.desk import Desk
from trader.modes.planning import require_session

log = structlog.get_logger()

GRAVITY = (1, 3, 2, 5)
"""Exit codes from the mildest to the gravest: a failed check, the broker, the configuration, an invariant."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found, and what to do when it is not well or a warning."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: bool = False
    exit_code: int = ChecksFailed.exit_code


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """The checks of a date, and the names of those that could not be made because one they rest on failed.

    `plan` is what would be ordered now, None when a check before it failed; `token`: openers may go out on that date.
    """

    session_date: date
    checks: tuple[Check, ...]
    plan: Plan | None = None
    unchecked: tuple[str, ...] = ()
    token: bool = False

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    @property
    def exit_code(self) -> int:
        """0 when every check passed, else that of the gravest failure."""
        return max((check.exit_code for check in self.checks if not check.ok), key=GRAVITY.index, default=0)


@dataclass(frozen=True, slots=True)
class Rule:
    """A check by name; it is made only when the checks in `needs` have passed."""

    name: str
    find: Callable[[Look], Finding]
    needs: tuple[str, ...] = ()


CHECKS = (
    Rule("session", host.occasion),
    Rule("state_writable", host.writable),
    Rule("disk_space", host.disk_space, ("state_writable",)),
    Rule("ledger_schema", records.schema, ("state_writable",)),
    Rule("ledger_chain", records.chain, ("ledger_schema",)),
    Rule("trading_state", records.trading_state),
    Rule("breaks", records.breaks, ("ledger_chain",)),
    Rule("model", records.model),
    Rule("broker", account.broker),
    Rule("clock", host.clock, ("broker",)),
    Rule("account", account.account, ("broker", "ledger_schema")),
    Rule("calendar", account.calendar, ("broker",)),
    Rule("limits", account.limits, ("broker",)),
    Rule("book", market.book, ("broker", "ledger_chain")),
    Rule("bars", market.bars, ("broker", "state_writable")),
    Rule("freshness", market.freshness, ("bars",)),
)
"""In the order in which one thing rests on another: what is here first, then what the broker says."""

PLAN_CHECKS: dict[str, Callable[[Look, Plan], Finding]] = {
    "plan": market.exclusions,
    "tradable": market.tradable,
    "quotes": market.quotes,
}
"""Made of the rehearsed decision, when every check before it has passed."""


def next_session(desk: Desk) -> date:
    """The date of the first session that has not opened yet."""
    now = desk.clock.now()
    following = desk.calendar.sessions(now.date() - timedelta(days=1), now.date() + timedelta(days=15))
    return next(session.date for session in following if session.open_at > now)


def preflight(desk: Desk, day: date) -> PreflightReport:
    """Make every check of a session.

    The token is written when all is well and the session before is over; a later failure voids it.
    """
    report = _checked(_look(desk, require_session(desk, day)))
    if not report.ok:
        _void_token(desk, report)
    return report


def _checked(look: Look) -> PreflightReport:
    day = look.session.date
    checks = _made(look)
    unchecked = tuple(rule.name for rule in CHECKS if rule.name not in {check.name for check in checks})
    if not all(check.ok for check in checks):
        return PreflightReport(day, checks, None, (*unchecked, *PLAN_CHECKS))
    plan, rehearsal = _rehearse(look)
    report = PreflightReport(day, (*checks, *rehearsal), plan, unchecked)
    if not report.ok or plan is None or look.early:
        return report
    return _with_token(look, report, plan)


def _void_token(desk: Desk, report: PreflightReport) -> None:
    """Void the token that this release has for the date, if it has one; a damaged ledger opens nothing as it is."""
    if not any(check.name == "ledger_chain" and check.ok for check in report.checks):
        return
    made = ((token.provenance.release, token.provenance.config) for token in _tokens(desk, report.session_date))
    if (desk.release, desk.config_hash) in made:
        failed = ", ".join(check.name for check in report.checks if not check.ok)
        desk.ledger.append(PreflightFailed(report.session_date, desk.release, desk.config_hash, failed))


def _tokens(desk: Desk, day: date) -> tuple[PreflightPassed, ...]:
    return standing(entry.event for entry in desk.ledger.entries(day, TOKEN_KINDS))


def _look(desk: Desk, session: SessionDay) -> Look:
    now = desk.clock.now()
    if desk.calendar.previous(session.date).close_at <= now:
        return Look(desk, session, session)
    around = desk.calendar.sessions(now.date() - timedelta(days=1), session.date)
    return Look(desk, session, next(each for each in around if each.close_at > now))


def _made(look: Look) -> tuple[Check, ...]:
    """The checks that can be made: those whose needs have passed."""
    made: dict[str, Check] = {}
    for number, rule in enumerate(CHECKS, 1):
        if all(name in made and made[name].ok for name in rule.needs):
            made[rule.name] = _guarded(rule.name, partial(rule.find, look))
        look.desk.progress("checks", number, len(CHECKS) + len(PLAN_CHECKS))
    return tuple(made.values())


def _guarded(name: str, find: Callable[[], Finding]) -> Check:
    """A check that raises has failed, and its error says what to do."""
    try:
        found = find()
    except TraderError as error:
        found = Finding(False, error.problem(), error.remedy, exit_code=error.exit_code)
    if not found.ok:
        log.error("RISK check FAILED", check=name, detail=found.detail)
    elif found.warning:
        log.warning("RISK check warns", check=name, detail=found.detail)
    else:
        log.info("RISK check passed", check=name, detail=found.detail)
    return Check(name, found.ok, found.detail, found.remedy, found.warning, found.exit_code)


def _rehearse(look: Look) -> tuple[Plan | None, tuple[Check, ...]]:
    """Decide once for show: predictions, exclusions and sizes are seen before the open, not at it."""
    try:
        plan = market.rehearsed(look)
    except TraderError as error:
        return None, (Check("plan", False, error.problem(), error.remedy, exit_code=error.exit_code),)
    made = (_guarded(name, partial(find, look, plan)) for name, find in PLAN_CHECKS.items())
    return plan, tuple(made)


def _with_token(look: Look, report: PreflightReport, plan: Plan) -> PreflightReport:
    """The report, with the token written; a token that cannot be is one more failed check."""
    written = _guarded("token", partial(_write_token, look.desk, report, plan))
    checks: Iterable[Check] = report.checks if written.ok else (*report.checks, written)
    return PreflightReport(report.session_date, tuple(checks), plan, report.unchecked, written.ok)


def _write_token(desk: Desk, report: PreflightReport, plan: Plan) -> Finding:
    day = report.session_date
    token = PreflightPassed(day, plan.provenance, tuple(check.name for check in report.checks))
    if token not in _tokens(desk, day):
        desk.ledger.append(token)
    return Finding(True, f"{day}, {len(plan.intents)} orders rehearsed")

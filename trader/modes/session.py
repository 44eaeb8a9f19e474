"""The session: one plan, sent exactly once, every order followed to its end; then the day is watched."""

from datetime import date, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, LeaseHeld
from trader.domain.journal import PreflightPassed, SessionEnded, TradingState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.modes.desk import Desk
from trader.modes.following import look
from trader.modes.outcome import SessionOutcome
from trader.modes.planning import obtain_plan, recorded_plan
from trader.modes.tape import Tape
from trader.modes.work import Work
from trader.modes.working import outcome_of, wind_down, work_through

log = structlog.get_logger()


def run_session(desk: Desk, day: date) -> SessionOutcome:
    """Run, or resume, the session of this date. Running it again after its end changes nothing.

    With `execution.integration` split it ends once the plan is recorded, and needs the right to decide alone.
    """
    session = desk.calendar.session(day)
    if session is None:
        return SessionOutcome(day, "closed", f"{day} is no trading session")
    split = desk.policies.execution.integration == "split"
    try:
        with desk.lease.hold("session", "plan" if split else "orders"):
            return _hold_session(desk, session)
    except BrokerUnavailable:
        if desk.stop.requested():  # a wait for the request budget was cut short: nothing was sent
            return SessionOutcome(day, "stopped", "asked to stop")
        raise
    except LeaseHeld as error:
        log.warning("EXECUTION observing only", holder=error.holder)
        return SessionOutcome(day, "observed", str(error))


def _hold_session(desk: Desk, session: SessionDay) -> SessionOutcome:
    if ended(desk, session.date):
        return outcome_of(Tape(desk, session.date), "complete", "the session had ended before")
    state, reason = desk.state.read()
    if state is TradingState.HALT:
        recorded_plan(desk, session.date)
        return wind_down(desk, session, Tape(desk, session.date), "halted", f"trading is halted: {reason}")
    plan = obtain_plan(desk, session)
    if plan is None:
        log.error("EXECUTION today's plan is lost and orders of today are at the broker; nothing new is sent")
        return wind_down(
            desk,
            session,
            Tape(desk, session.date),
            "plan_lost",
            "ledger and plan file are gone; today's orders are cancelled",
        )
    if desk.policies.execution.integration == "split":
        return SessionOutcome(session.date, "recorded", f"{len(plan.intents)} orders for execution-monitor to send")
    return carry_out(desk, session, plan)


def carry_out(desk: Desk, session: SessionDay, plan: Plan) -> SessionOutcome:
    """Work through a committed plan; the caller holds the lease. The journal is folded here: nothing older counts."""
    tape = Tape(desk, session.date)
    work = Work(desk, session, plan, tape, _preflight_passed(desk, plan))
    if ended(desk, session.date):
        return outcome_of(tape, "complete", "the session had ended before")
    look(desk, session, tape)
    desk.clock.wait_until(session.open_at + timedelta(seconds=desk.policies.execution.open_delay_s))
    return work_through(work)


def ended(desk: Desk, day: date) -> bool:
    """Whether every order of the day's plan is recorded to be at its end."""
    return next(desk.ledger.entries(day, (SessionEnded,)), None) is not None


def _preflight_passed(desk: Desk, plan: Plan) -> bool:
    """Whether a preflight of this date passed for the release, config and model that made the plan."""
    theirs = (plan.provenance.release, plan.provenance.config, plan.provenance.model)
    for entry in desk.ledger.entries(plan.session_date, (PreflightPassed,)):
        if isinstance(entry.event, PreflightPassed):
            p = entry.event.provenance
            if (p.release, p.config, p.model) == theirs:
                return True
    return False

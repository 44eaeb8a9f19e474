"""The session: one plan, sent exactly once, every order followed to its end; then the day is watched."""

from dataclasses import replace
from datetime import date, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, LeaseHeld
from trader.domain.journal import SessionEnded, TradingState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.modes.desk import Desk
from trader.modes.following import look
from trader.modes.live import Live
from trader.modes.outcome import SessionOutcome
from trader.modes.planning import obtain_plan, recorded_plan
from trader.modes.tape import Tape
from trader.modes.watch import Watch, finish_flatten
from trader.modes.watching import keep_watch
from trader.modes.work import Work, preflight_passed
from trader.modes.working import closing_at, outcome_of, wind_down, work_through

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
    state, reason = desk.state.read()
    halted, integration = state is TradingState.HALT, desk.policies.execution.integration
    watches = integration == "integrated" and desk.clock.now() < closing_at(desk, session)
    if halted and integration != "split":  # without the orders lease nothing is sent, not to close either
        finish_flatten(desk, session, Tape(desk, session.date))
    if ended(desk, session.date) and (halted or not watches):
        return _ended_before(Tape(desk, session.date))
    if halted:
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
    if integration == "split":
        return SessionOutcome(session.date, "recorded", f"{len(plan.intents)} orders for execution-monitor to send")
    return carry_out(desk, session, plan, watches)


def carry_out(desk: Desk, session: SessionDay, plan: Plan, watches: bool = True) -> SessionOutcome:
    """Work through a committed plan and then, if it `watches`, look after the holdings; the caller holds the lease.

    The journal is folded here: nothing older counts.
    """
    tape, live = Tape(desk, session.date), Live()
    work = Work(desk, session, plan, tape, preflight_passed(desk, plan), live, Watch(desk, session, plan, tape, live))
    look(desk, session, tape)
    if desk.broker.account().suspended_by_user:
        return wind_down(desk, session, tape, "halted", "the broker's own stop is set; `trader resume` lifts it")
    desk.clock.wait_until(session.open_at + timedelta(seconds=desk.policies.execution.open_delay_s))
    while True:
        done = _ended_before(tape) if ended(desk, session.date) else work_through(work)
        if not watches or done.result not in ("complete", "held_back"):
            return done
        log.info("RISK watching the holdings", until=closing_at(desk, session).isoformat(), session=done.result)
        watched = keep_watch(work, done)
        if watched is not None:
            return watched
        work = replace(work, preflight_passed=True)


def _ended_before(tape: Tape) -> SessionOutcome:
    return outcome_of(tape, "complete", "the session had ended before")


def ended(desk: Desk, day: date) -> bool:
    """Whether every order of the day's plan is recorded to be at its end."""
    return next(desk.ledger.entries(day, (SessionEnded,)), None) is not None

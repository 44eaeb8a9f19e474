"""The session: one plan, sent exactly once, every order followed to its end."""

from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, ChecksFailed, LeaseHeld
from trader.domain.journal import CancelRequested, PreflightPassed, SessionEnded, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import OrderStatus
from trader.domain.plan import Plan
from trader.execution.submission import NextStep, Step, cancelled_from_outside, chains, next_step
from trader.modes.desk import Desk
from trader.modes.following import cancel_all, look, working
from trader.modes.planning import obtain_plan, recorded_plan
from trader.modes.sending import Work, look_up, opening_is_barred, send_all
from trader.modes.tape import Tape

log = structlog.get_logger()
_PATIENCE = timedelta(minutes=10)  # how long the broker may be away before the session gives up and is restarted


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """How a session ended. `result`: complete, closed, observed, stopped, halted, held_back or plan_lost."""

    session_date: date
    result: str
    detail: str
    orders: int = 0
    filled: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is left for a person to do."""
        return self.result in ("complete", "closed", "observed", "stopped")


def run_session(desk: Desk, day: date) -> SessionOutcome:
    """Run, or resume, the session of this date. Running it again after its end changes nothing."""
    session = desk.calendar.session(day)
    if session is None:
        return SessionOutcome(day, "closed", f"{day} is no trading session")
    try:
        with desk.lease.hold():
            return _hold_session(desk, session)
    except BrokerUnavailable:
        if desk.stop.requested():  # a wait for the request budget was cut short: nothing was sent
            return SessionOutcome(day, "stopped", "asked to stop")
        raise
    except LeaseHeld as error:
        log.warning("EXECUTION observing only", holder=error.holder)
        return SessionOutcome(day, "observed", str(error))


def _hold_session(desk: Desk, session: SessionDay) -> SessionOutcome:
    if next(desk.ledger.entries(session.date, (SessionEnded,)), None) is not None:
        return _outcome(Tape(desk, session.date), "complete", "the session had ended before")
    state, reason = desk.state.read()
    if state is TradingState.HALT:
        recorded_plan(desk, session.date)
        return _wind_down(desk, session, Tape(desk, session.date), "halted", f"trading is halted: {reason}")
    plan = obtain_plan(desk, session)
    tape = Tape(desk, session.date)
    look(desk, session, tape)
    if plan is None:
        log.error("EXECUTION today's plan is lost and orders of today are at the broker; nothing new is sent")
        return _wind_down(
            desk, session, tape, "plan_lost", "ledger and plan file are gone; today's orders are cancelled"
        )
    work = Work(desk, session, plan, tape, _preflight_passed(desk, plan))
    desk.clock.wait_until(session.open_at + timedelta(seconds=desk.policies.execution.open_delay_s))
    return _work_through(work)


def _work_through(work: Work) -> SessionOutcome:
    """Pass after pass until every line of the plan is at its end; an outage of the broker is waited out."""
    desk = work.desk
    answered_at = desk.clock.now()
    while not desk.stop.requested():
        try:
            outcome = _one_pass(work)
            answered_at = desk.clock.now()
        except BrokerUnavailable as error:
            if desk.clock.now() - answered_at > _PATIENCE:
                raise
            log.warning("ALPACA not answering, trying again", cause=error.cause)
            outcome = None
        if outcome is not None:
            return outcome
        desk.clock.wait_until(desk.clock.now() + timedelta(seconds=float(desk.policies.execution.poll_interval_s)))
    return _outcome(work.tape, "stopped", "asked to stop; orders at the broker work on, the next start follows them")


def _one_pass(work: Work) -> SessionOutcome | None:
    """Look, then do what the rules ask for; the outcome when there is nothing left to do."""
    desk, tape = work.desk, work.tape
    look(desk, work.session, tape)
    _heed_outside_cancels(work)
    by_sequence = chains(tape.views.values())
    steps = [next_step(work.plan, intent, by_sequence.get(intent.sequence, ())) for intent in work.plan.intents]
    unclear = [step for step in steps if step.step is Step.LOOK_UP]
    for step in unclear:
        look_up(work, step)
    state, reason = desk.state.read()
    halted, closing = state is TradingState.HALT, _closing(work)
    if halted or closing:
        cancel_all(desk, tape, "halt" if halted else "close")
    if unclear:
        return None
    if halted:
        return _wind_down(desk, work.session, tape, "halted", f"trading is halted: {reason}")
    if closing:
        return _wind_down(desk, work.session, tape, "complete", "the session's orders end before the close")
    return _send_and_judge(work, steps)


def _send_and_judge(work: Work, steps: list[NextStep]) -> SessionOutcome | None:
    to_send = [step for step in steps if step.step is Step.SEND]
    reducers = [step for step in to_send if step.intent.reduces]
    openers = [step for step in to_send if not step.intent.reduces]
    if reducers:
        send_all(work, reducers)
        return None
    barred = opening_is_barred(work) if openers else None
    if openers and barred is None and not _waits_for_reducers(work, steps):
        send_all(work, openers)
        return None
    if any(step.step is Step.FOLLOW for step in steps) or any(v.fills_missing for v in work.tape.views.values()):
        return None
    if openers and barred is not None:
        log.warning("RISK openers held back", reason=barred, openers=len(openers))
        return _outcome(work.tape, "held_back", f"{len(openers)} openers were not sent: {barred}")
    return None if openers else _end(work.tape, "every order is at its end")


def _waits_for_reducers(work: Work, steps: list[NextStep]) -> bool:
    patience = timedelta(seconds=work.desk.policies.execution.reducers_wait_s)
    started = work.session.open_at + timedelta(seconds=work.desk.policies.execution.open_delay_s)
    pending = any(step.intent.reduces and step.step is not Step.DONE for step in steps)
    return pending and work.desk.clock.now() < started + patience


def _closing(work: Work) -> bool:
    last = work.session.close_at - timedelta(seconds=work.desk.policies.execution.cancel_before_close_s)
    return work.desk.clock.now() >= last


def _heed_outside_cancels(work: Work) -> None:
    foreign = cancelled_from_outside(work.tape.views.values())
    if not foreign:
        return
    day, reason = work.session.date, f"{foreign[0].client_order_id} was cancelled by somebody else"
    work.desk.state.write(TradingState.HALT, reason)
    work.tape.record(StateChanged(day, TradingState.HALT, reason, "session"))
    work.tape.record(*(CancelRequested(day, view.client_order_id, "outside") for view in foreign))
    log.error("RISK halted: an order was cancelled from outside", client_order_id=foreign[0].client_order_id)


def _wind_down(desk: Desk, session: SessionDay, tape: Tape, result: str, detail: str) -> SessionOutcome:
    """Cancel what works and follow it to its end; only a complete session is recorded as ended."""
    reason = {"halted": "halt", "plan_lost": "lost_plan"}.get(result, "close")
    while not desk.stop.requested():
        look(desk, session, tape)
        cancel_all(desk, tape, reason)
        unsettled = working(tape) or any(view.fills_missing for view in tape.views.values())
        if not unsettled or desk.clock.now() >= session.close_at + timedelta(minutes=5):
            break
        desk.clock.wait_until(desk.clock.now() + timedelta(seconds=float(desk.policies.execution.poll_interval_s)))
    return _end(tape, detail) if result == "complete" else _outcome(tape, result, detail)


def _end(tape: Tape, detail: str) -> SessionOutcome:
    outcome = _outcome(tape, "complete", detail)
    tape.record(SessionEnded(tape.day, outcome.orders, outcome.filled))
    log.info("EXECUTION session ended", orders=outcome.orders, filled=outcome.filled)
    return outcome


def _outcome(tape: Tape, result: str, detail: str) -> SessionOutcome:
    sent = [view for view in tape.views.values() if view.status is not OrderStatus.DENIED]
    filled = sum(view.status is OrderStatus.FILLED for view in sent)
    return SessionOutcome(tape.day, result, detail, len(sent), filled)


def _preflight_passed(desk: Desk, plan: Plan) -> bool:
    """Whether a preflight of this date passed for the release, config and model that made the plan."""
    theirs = (plan.provenance.release, plan.provenance.config, plan.provenance.model)
    for entry in desk.ledger.entries(plan.session_date, (PreflightPassed,)):
        if isinstance(entry.event, PreflightPassed):
            p = entry.event.provenance
            if (p.release, p.config, p.model) == theirs:
                return True
    return False


def require_complete(outcome: SessionOutcome) -> SessionOutcome:
    """The outcome when nothing is left to do. Raises ChecksFailed otherwise."""
    if outcome.ok:
        return outcome
    remedy = {
        "halted": "Find the cause, then `trader resume` and `trader session`.",
        "held_back": "Run `trader preflight`, mend what it names, then `trader session`.",
        "plan_lost": "Run `trader eod` after the close; trading goes on with the next session.",
    }
    raise ChecksFailed(f"session {outcome.session_date} {outcome.result}: {outcome.detail}", remedy[outcome.result])

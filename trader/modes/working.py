"""Working through a plan: pass after pass, look, then do what the rules ask for, until every line is at its end."""

from datetime import timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, SubmitOutcomeUnknown
from trader.domain.journal import CancelRequested, SessionEnded, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import OrderStatus
from trader.execution.submission import UNCLEAR, NextStep, Step, cancelled_from_outside, chains, next_step
from trader.modes.desk import Desk
from trader.modes.following import cancel_all, look, working
from trader.modes.outcome import SessionOutcome
from trader.modes.sending import look_up, opening_is_barred, send_all
from trader.modes.tape import Tape
from trader.modes.work import Work

log = structlog.get_logger()
_SETTLING = timedelta(minutes=5)  # how long after the close cancels and fills may still arrive
_PATIENCE = timedelta(minutes=10)  # how long the broker may be away before the session gives up and is restarted


def work_through(work: Work) -> SessionOutcome:
    """Pass after pass until every line of the plan is at its end; an outage of the broker is waited out.

    Raises SubmitOutcomeUnknown when a stop is asked for while an order's outcome is not known.
    """
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
    for view in work.tape.views.values():
        if view.status in UNCLEAR:
            raise SubmitOutcomeUnknown(view.client_order_id, "asked to stop before it was looked up")
    log.warning("EXECUTION stopped; orders at the broker work on until `trader session` follows them again")
    return outcome_of(work.tape, "stopped", "asked to stop; orders at the broker work on: run `trader session` again")


def _one_pass(work: Work) -> SessionOutcome | None:
    """Look, then do what the rules ask for; the outcome when there is nothing left to do."""
    desk, tape = work.desk, work.tape
    look(desk, work.session, tape)
    _heed_outside_cancels(work)
    steps = _next_steps(work)
    waiting = [step for step in steps if step.step is Step.LOOK_UP and not look_up(work, step)]
    state, reason = desk.state.read()
    halted, closing = state is TradingState.HALT, _closing(work)
    if halted or closing:
        cancel_all(desk, tape, "halt" if halted else "close")
    if waiting:
        return None
    if halted:
        return wind_down(desk, work.session, tape, "halted", f"trading is halted: {reason}")
    steps = _next_steps(work)
    if closing and (unsent := sum(step.step in (Step.SEND, Step.LOOK_UP) for step in steps)):
        return wind_down(desk, work.session, tape, "too_late", f"{unsent} orders were not sent before the close")
    if closing:
        return wind_down(desk, work.session, tape, "complete", "the session's orders end before the close")
    return _send_and_judge(work, steps)


def _next_steps(work: Work) -> list[NextStep]:
    by_sequence = chains(work.tape.views.values())
    return [next_step(work.plan, intent, by_sequence.get(intent.sequence, ())) for intent in work.plan.intents]


def _send_and_judge(work: Work, steps: list[NextStep]) -> SessionOutcome | None:
    to_send = [step for step in steps if step.step is Step.SEND]
    reducers = [step for step in to_send if step.intent.reduces]
    openers = [step for step in to_send if not step.intent.reduces]
    if reducers:
        send_all(work, reducers)
        return None
    held_back = [step for step in steps if step.step is Step.LOOK_UP]  # absent, and barred: look_up has seen to it
    barred = opening_is_barred(work) if openers or held_back else None
    if openers and barred is None and not _waits_for_reducers(work, steps):
        send_all(work, openers)
        return None
    if any(step.step is Step.FOLLOW for step in steps) or any(v.fills_missing for v in work.tape.views.values()):
        return None
    if barred is not None:
        unsent = len(openers) + len(held_back)
        log.warning("RISK openers held back", reason=barred, openers=unsent)
        return outcome_of(work.tape, "held_back", f"{unsent} openers were not sent: {barred}")
    return None if openers or held_back else _end(work.tape, "every order is at its end")


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
    day, name = work.session.date, foreign[0].client_order_id
    if work.desk.state.read()[0] is not TradingState.HALT:
        reason = f"{name} was cancelled by somebody else"
        work.desk.state.write(TradingState.HALT, reason)
        work.tape.record(StateChanged(day, TradingState.HALT, reason, "session"))
        log.error("RISK halted: an order was cancelled from outside", client_order_id=name)
    work.tape.record(*(CancelRequested(day, view.client_order_id, "outside") for view in foreign))


def wind_down(desk: Desk, session: SessionDay, tape: Tape, result: str, detail: str) -> SessionOutcome:
    """Cancel what works and follow it to its end; only a complete session is recorded as ended."""
    reason = {"halted": "halt", "plan_lost": "lost_plan"}.get(result, "close")
    patience_ends = max(desk.clock.now(), session.close_at) + _SETTLING
    while True:
        look(desk, session, tape)
        cancel_all(desk, tape, reason)
        open_orders = len(working(tape))
        if not open_orders and not any(view.fills_missing for view in tape.views.values()):
            return _end(tape, detail) if result == "complete" else outcome_of(tape, result, detail)
        if desk.stop.requested():
            return outcome_of(tape, "stopped", f"asked to stop; {open_orders} orders are still being cancelled")
        if desk.clock.now() >= patience_ends:
            return outcome_of(tape, "unsettled", f"{open_orders} orders are open or without their fills")
        desk.clock.wait_until(desk.clock.now() + timedelta(seconds=float(desk.policies.execution.poll_interval_s)))


def _end(tape: Tape, detail: str) -> SessionOutcome:
    outcome = outcome_of(tape, "complete", detail)
    tape.record(SessionEnded(tape.day, outcome.orders, outcome.filled))
    log.info("EXECUTION session ended", orders=outcome.orders, filled=outcome.filled)
    return outcome


def outcome_of(tape: Tape, result: str, detail: str) -> SessionOutcome:
    """The outcome, with the orders counted that were sent."""
    sent = [view for view in tape.views.values() if view.status is not OrderStatus.DENIED]
    filled = sum(view.status is OrderStatus.FILLED for view in sent)
    return SessionOutcome(tape.day, result, detail, len(sent), filled)

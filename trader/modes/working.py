"""Working through a plan: pass after pass, look, then do what the rules ask for, until every line is at its end."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, SubmitOutcomeUnknown
from trader.domain.journal import CancelRequested, SessionEnded, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import OrderStatus
from trader.execution.submission import (
    REPRICE,
    UNCLEAR,
    UNSENT,
    Moment,
    NextStep,
    Step,
    cancelled_from_outside,
    next_steps,
)
from trader.modes.desk import Desk
from trader.modes.following import cancel, cancel_all, look, working
from trader.modes.outcome import SessionOutcome
from trader.modes.reconcile import frozen_in
from trader.modes.sending import give_up, is_ready, look_up, opening_is_barred, send_all
from trader.modes.tape import Tape
from trader.modes.work import Work

log = structlog.get_logger()
_FOLLOWED = (Step.FOLLOW, Step.REPRICE)
_CALM_AFTER = timedelta(minutes=1)
_CALM = timedelta(seconds=10)
_HALTING = timedelta(seconds=70)  # how long a halt waits for its cancels; an emergency stop waits for the orders lease
_SETTLING = timedelta(minutes=5)  # how long after the close cancels and fills may still arrive
_PATIENCE = timedelta(minutes=10)  # how long the broker may be away before the session gives up and is restarted


def work_through(work: Work) -> SessionOutcome:
    """Pass after pass until every line of the plan is at its end; an outage of the broker is waited out.

    Raises SubmitOutcomeUnknown when a stop is asked for while an order's outcome is not known.
    """
    outcome = pass_after_pass(work, _one_pass, _next_pass)
    if outcome is not None:
        return outcome
    for view in work.tape.views.values():
        if view.status in UNCLEAR:
            raise SubmitOutcomeUnknown(view.client_order_id, "asked to stop before it was looked up")
    log.warning("EXECUTION stopped; orders at the broker work on until `trader session` follows them again")
    return outcome_of(work.tape, "stopped", "asked to stop; orders at the broker work on: run `trader session` again")


def pass_after_pass(
    work: Work, one_pass: Callable[[Work], SessionOutcome | None], next_pass: Callable[[Work], datetime]
) -> SessionOutcome | None:
    """The outcome of the first pass that has one; None when asked to stop. The watch looks on in each pass.

    An outage of the broker is a breaker of the watch, and waited out. Raises BrokerUnavailable after ten minutes of it.
    """
    desk = work.desk
    answered_at = desk.clock.now()
    while not desk.stop.requested():
        try:
            outcome = one_pass(work)
            answered_at = desk.clock.now()
        except BrokerUnavailable as error:
            work.watch.unanswered()
            if desk.clock.now() - answered_at > _PATIENCE:
                raise
            log.warning("ALPACA not answering, trying again", cause=error.cause)
            outcome = None
        if outcome is not None:
            return outcome
        desk.clock.wait_until(next_pass(work))
    return None


def _one_pass(work: Work) -> SessionOutcome | None:
    """Look, then do what the rules ask for; the outcome when there is nothing left to do."""
    desk, tape = work.desk, work.tape
    look(desk, work.session, tape)
    heed_outside_cancels(work)
    work.live.frozen = frozen_in(desk.ledger)  # reconcile, a process of its own, may freeze a symbol at any time
    work.watch.look()
    waiting = [step for step in _steps(work, None) if step.step is Step.LOOK_UP and not look_up(work, step)]
    state, reason = desk.state.read()
    halted, closing = state is TradingState.HALT, desk.clock.now() >= closing_at(desk, work.session)
    if halted or closing:
        cancel_all(desk, tape, "halt" if halted else "close")
    if waiting:
        return None
    if halted:
        return wind_down(desk, work.session, tape, "halted", f"trading is halted: {reason}")
    give_up(work, _steps(work, None), closing)
    if closing:
        return _close(work)
    barred = opening_is_barred(work)
    act(work, _steps(work, barred), barred)
    return nothing_left(work, barred)


def _steps(work: Work, barred: str | None) -> list[NextStep]:
    policy = work.desk.policies.execution
    moment = Moment(work.desk.clock.now(), work.session, policy, may_open=barred is None)
    return next_steps(work.plan, work.tape.views.values(), moment)


def _close(work: Work) -> SessionOutcome:
    unsent = sum(step.step in UNSENT for step in _steps(work, None))
    if unsent:
        return wind_down(
            work.desk, work.session, work.tape, "too_late", f"{unsent} orders were not sent before the close"
        )
    return wind_down(work.desk, work.session, work.tape, "complete", "the session's orders end before the close")


def act(work: Work, steps: list[NextStep], barred: str | None) -> None:
    """Cancel what needs a new price; send what is due and not refused: what reduces first, then what opens."""
    outdated = [step.view for step in steps if step.step is Step.REPRICE and step.view]
    cancel(work.desk, work.tape, outdated, REPRICE)
    ready = [step for step in steps if step.step is Step.SEND and is_ready(work, step)]
    reducers = [step for step in ready if step.intent.reduces]
    openers = [step for step in ready if not step.intent.reduces]
    reducing = any(step.intent.reduces and step.step is not Step.DONE for step in steps)
    if reducers:
        send_all(work, reducers)
    elif openers and barred is None and not (reducing and _waits_for_reducers(work)):
        send_all(work, openers)


def nothing_left(work: Work, barred: str | None) -> SessionOutcome | None:
    """The outcome when nothing can be sent or followed any more; None while something can."""
    steps = _steps(work, barred)
    if any(step.step in _FOLLOWED for step in steps) or any(v.fills_missing for v in work.tape.views.values()):
        return None
    unsent = [step for step in steps if step.step in UNSENT]
    if not unsent:
        return _end(work.tape, "every order is at its end")
    if barred is None or work.live.lasting or any(step.intent.reduces for step in unsent):
        return None
    log.warning("RISK openers held back", reason=barred, openers=len(unsent))
    return outcome_of(work.tape, "held_back", f"{len(unsent)} openers were not sent: {barred}")


def _next_pass(work: Work) -> datetime:
    """After the poll interval, or later when nothing has happened for a while; in time for the next part of an order.

    A long calm day is mostly waiting, and requests are for those who send.
    """
    now, tape = work.desk.clock.now(), work.tape
    busy = work.watch.busy or any(v.status in UNCLEAR for v in tape.views.values())
    calm = now - tape.changed_at > _CALM_AFTER and not busy
    poll = timedelta(seconds=float(work.desk.policies.execution.poll_interval_s))
    due = (step.due_at for step in _steps(work, None) if step.due_at is not None)
    return max(now + poll, min([now + (max(poll, _CALM) if calm else poll), *due]))


def _waits_for_reducers(work: Work) -> bool:
    policy = work.desk.policies.execution
    started = work.session.open_at + timedelta(seconds=policy.open_delay_s)
    return work.desk.clock.now() < started + timedelta(seconds=policy.reducers_wait_s)


def closing_at(desk: Desk, session: SessionDay) -> datetime:
    """When what still works is cancelled, shortly before the close (UTC)."""
    return session.close_at - timedelta(seconds=desk.policies.execution.cancel_before_close_s)


def heed_outside_cancels(work: Work) -> None:
    """Halt trading when somebody else has cancelled an order of ours."""
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
    """Cancel what works and follow it to its end; only a complete session is recorded as ended.

    A halt does not wait for cancels that hang: whoever closes the positions next needs the orders lease.
    """
    reason = {"halted": "halt", "plan_lost": "lost_plan"}.get(result, "close")
    halting, begun = result == "halted", desk.clock.now()
    patience_ends = begun + _HALTING if halting else max(begun, session.close_at) + _SETTLING
    while True:
        look(desk, session, tape)
        cancel_all(desk, tape, reason)
        open_orders = len(working(tape))
        if not open_orders and not any(view.fills_missing for view in tape.views.values()):
            return _end(tape, detail) if result == "complete" else outcome_of(tape, result, detail)
        if desk.stop.requested():
            return outcome_of(tape, "stopped", f"asked to stop; {open_orders} orders are still being cancelled")
        if desk.clock.now() >= patience_ends:
            left = f"{open_orders} orders are open or without their fills"
            return outcome_of(tape, "halted", f"{detail}; {left}") if halting else outcome_of(tape, "unsettled", left)
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

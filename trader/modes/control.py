"""Trading again after a stop, and what that means for the day's plan. The STATE file counts, the ledger has a copy."""

from datetime import date, timedelta

import structlog

from trader.domain.errors import TraderError
from trader.domain.journal import StateChanged, TradingState
from trader.domain.market import SessionDay, exchange_date
from trader.domain.plan import Plan
from trader.execution.submission import UNSENT, Moment, next_steps
from trader.modes.desk import Desk
from trader.modes.planning import committed_plan
from trader.modes.tape import Tape
from trader.modes.work import preflight_passed
from trader.modes.working import closing_at

log = structlog.get_logger()
_SENDERS = {
    "integrated": "`trader session`",
    "monitored": "`trader session`, or execution-monitor,",
    "split": "execution-monitor",
}


def resume(desk: Desk, by: str) -> None:
    """Trade again. Raises ConfigurationError when STATE cannot be written; the copy in the ledger hinders nothing."""
    desk.state.write(TradingState.ACTIVE, "")
    try:
        desk.ledger.append(StateChanged(exchange_date(desk.clock.now()), TradingState.ACTIVE, "resumed", by))
    except TraderError as error:
        log.error("RISK the ledger did not take the change of state; the STATE file has it", cause=str(error))
    log.warning("RISK resumed", by=by)


def what_follows(desk: Desk, day: date) -> str:
    """What becomes of this date's plan once trading is resumed, in words for a person."""
    session, plan = desk.calendar.session(day), committed_plan(desk, day)
    if session is None or plan is None or desk.clock.now() >= closing_at(desk, session):
        return "The next session trades."
    tape = Tape(desk, day)
    moment = Moment(desk.clock.now(), session, desk.policies.execution, may_open=True)
    unsent = [step.intent for step in next_steps(plan, tape.views.values(), moment) if step.step in UNSENT]
    barred = _opening_is_barred(desk, session, plan, tape)
    held_back = 0 if barred is None else sum(not intent.reduces for intent in unsent)
    going = len(unsent) - held_back
    sender = _SENDERS[desk.policies.execution.integration]
    lines = (
        f"{going} orders of today's plan are unsent: {sender} sends them." if going else "",
        f"{held_back} openers of today's plan are held back: {barred}." if held_back else "",
    )
    return " ".join(filter(None, lines)) or "Nothing of today's plan is left to send."


def _opening_is_barred(desk: Desk, session: SessionDay, plan: Plan, tape: Tape) -> str | None:
    """Why a session would open nothing now; None when it would."""
    latest = session.open_at + timedelta(seconds=desk.policies.execution.latest_start_s)
    if tape.flattened:
        return "everything was closed today; the next session decides anew"
    if desk.clock.now() > latest:
        return f"later than the latest start, {latest:%H:%M:%S} UTC; the next session decides anew"
    return None if preflight_passed(desk, plan) else "no preflight has passed for them: run `trader preflight`"

"""The rest of the day: the plan is at its end, its holdings are looked after until shortly before the close."""

from dataclasses import replace
from datetime import datetime, timedelta

from trader.domain.journal import TradingState
from trader.modes.following import look, working
from trader.modes.outcome import SessionOutcome
from trader.modes.reconcile import frozen_in
from trader.modes.sending import opening_is_barred
from trader.modes.work import Work, preflight_passed
from trader.modes.working import closing_at, heed_outside_cancels, outcome_of, pass_after_pass, wind_down

_GLANCES = 4  # a halt is heeded within this part of watch.interval_s


def keep_watch(work: Work, done: SessionOutcome) -> SessionOutcome | None:
    """Watch until orders end before the close, or until nothing is held; `done` is how the plan ended.

    That is also the answer when nothing else happens. None when openers were held back and may be sent now: trading
    was resumed, a preflight has passed, or a break has ended. They are waited for until the latest start, whether or
    not something is held. Raises BrokerUnavailable after ten minutes without an answer.
    """
    work.watch.hasten()
    ended = pass_after_pass(work, lambda watched: _pass(watched, done), _next_pass)
    if ended is None:
        return outcome_of(work.tape, "stopped", "asked to stop; `trader session` watches on")
    return None if ended.result == _MAY_GO_ON else ended


_MAY_GO_ON = "may_go_on"


def _pass(work: Work, done: SessionOutcome) -> SessionOutcome | None:
    desk, tape, session = work.desk, work.tape, work.session
    if _unsettled(work):
        look(desk, session, tape)
        heed_outside_cancels(work)
    work.watch.look()
    state, reason = desk.state.read()
    if state is TradingState.HALT:
        return wind_down(desk, session, tape, "halted", f"trading is halted: {reason}")
    if desk.clock.now() >= closing_at(desk, session):
        ended = wind_down(desk, session, tape, "watched", "")
        return done if ended.result == "watched" else ended
    if done.result == "held_back" and _is_in_time(work):
        return replace(done, result=_MAY_GO_ON) if _may_go_on(work) else None
    return done if work.watch.flat and not work.watch.busy and not _unsettled(work) else None


def _is_in_time(work: Work) -> bool:
    """Whether something may still be opened today, when what bars it ends."""
    latest_start = timedelta(seconds=work.desk.policies.execution.latest_start_s)
    return not work.tape.flattened and work.desk.clock.now() <= work.session.open_at + latest_start


def _may_go_on(work: Work) -> bool:
    work.live.frozen = frozen_in(work.desk.ledger)  # a break may have ended, or begun, meanwhile
    passed = work.preflight_passed or preflight_passed(work.desk, work.plan)
    return passed and opening_is_barred(replace(work, preflight_passed=True)) is None


def _unsettled(work: Work) -> bool:
    return bool(working(work.tape)) or any(view.fills_missing for view in work.tape.views.values())


def _next_pass(work: Work) -> datetime:
    now, policies = work.desk.clock.now(), work.desk.policies
    hurried = work.watch.busy or _unsettled(work)
    pause_s = float(policies.execution.poll_interval_s) if hurried else policies.watch.interval_s / _GLANCES
    return min(now + timedelta(seconds=pause_s), max(now, closing_at(work.desk, work.session)))

"""execution-monitor: beside the session through the whole day; it carries out the recorded plan when it is its turn.

It never decides. Whose turn it is, is said by `execution.monitoring.duty`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from trader.domain.errors import BrokerUnavailable, ChecksFailed, ConfigurationError, LeaseHeld
from trader.domain.journal import TradingState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.execution.monitoring import Duty, Sight, abandoned, duty
from trader.modes.desk import Desk
from trader.modes.live import Live
from trader.modes.outcome import SessionOutcome
from trader.modes.planning import committed_plan, recorded_plan
from trader.modes.session import carry_out, ended
from trader.modes.tape import Tape
from trader.modes.watch import Watch, finish_flatten, tripped_today
from trader.modes.work import preflight_passed
from trader.modes.working import closing_at, wind_down

log = structlog.get_logger()
_LASTING = (BrokerUnavailable, ChecksFailed, ConfigurationError, LeaseHeld)
"""What may pass by itself, or by a person's hand: the monitor says so and tries again."""
_HELD_BACK = timedelta(minutes=10)
_FINAL = ("complete", "too_late", "unsettled")
"""Outcomes after which there is nothing left for the day."""


@dataclass(slots=True)
class _Vigil:
    """What the monitor remembers from pass to pass; none of it is needed again after a restart."""

    session: SessionDay
    free_since: datetime
    outcome: SessionOutcome
    last_holder: str = ""
    duty: Duty = Duty.WAIT
    calmed: bool = False
    missed: bool = False
    told_at: datetime | None = None
    watch: Watch | None = None


def run_monitor(desk: Desk, day: date) -> SessionOutcome:
    """Stand by until the close of this date's session; broker outages and a locked ledger are waited out."""
    session = desk.calendar.session(day)
    if session is None:
        return SessionOutcome(day, "closed", f"{day} is no trading session")
    vigil = _Vigil(session, desk.clock.now(), SessionOutcome(day, "observed", "the orders were others' to send"))
    while not desk.stop.requested():
        try:
            if _pass(desk, vigil):
                return vigil.outcome
        except _LASTING as error:
            log.warning("MONITOR cannot do its work, trying again", cause=str(error))
        desk.clock.wait_until(desk.clock.now() + _pause(desk))
    return SessionOutcome(day, "stopped", "asked to stop; `trader execution-monitor` goes on where this ended")


def _pass(desk: Desk, vigil: _Vigil) -> bool:
    """One look and what is due after it; whether the day is over."""
    sight = _look(desk, vigil)
    due = duty(sight, desk.policies.execution)
    if due is not vigil.duty:
        log.info("MONITOR", duty=due.value, lease=vigil.last_holder)
        vigil.duty = due
    vigil.calmed = vigil.calmed and due is Duty.CANCEL
    vigil.watch = vigil.watch if due is Duty.OBSERVE else None
    match due:
        case Duty.TAKE:
            vigil.outcome = _serve(desk, vigil.session) or vigil.outcome
        case Duty.CANCEL:
            vigil.calmed = vigil.calmed or _calm(desk, vigil.session)
            _report_unclosed(desk, vigil)
        case Duty.OBSERVE:
            _report_missing(vigil, abandoned(sight, desk.policies.execution))
            _observe(desk, vigil, sight)
    return due is Duty.END or vigil.outcome.result in _FINAL


def _look(desk: Desk, vigil: _Vigil) -> Sight:
    now, (held, holder), day = desk.clock.now(), desk.lease.seen(), vigil.session.date
    if held or holder != vigil.last_holder:
        vigil.free_since, vigil.last_holder = now, holder
    planned = committed_plan(desk, day) is not None
    over = planned and ended(desk, day)
    return Sight(now, vigil.session, desk.state.read()[0], held, vigil.free_since, planned, over)


def _serve(desk: Desk, session: SessionDay) -> SessionOutcome | None:
    """As the holder of the lease: carry out the plan as soon as there is one. It is let go of when trading is halted,
    so that an emergency stop may have it.
    """
    outcome = None
    with desk.lease.hold("execution-monitor"):
        while not desk.stop.requested() and desk.clock.now() < session.close_at:
            if desk.state.read()[0] is TradingState.HALT:
                break
            if (plan := _plan(desk, session.date)) is not None:
                outcome = carry_out(desk, session, plan)
                if outcome.result != "held_back":
                    break
                _wait_for_news(desk, session, plan)
            desk.clock.wait_until(desk.clock.now() + _pause(desk))
    return outcome


def _plan(desk: Desk, day: date) -> Plan | None:
    """The plan in ledger and file. The file is written last: where it is and the ledger has none, the ledger is new."""
    plan = committed_plan(desk, day) if desk.plans.read(day) is None else recorded_plan(desk, day)
    if plan is not None:
        desk.plans.write(plan)
    return plan


def _calm(desk: Desk, session: SessionDay) -> bool:
    """Cancel what a session that is gone has left at the broker, and flatten where a breaker has asked for it.

    Whether everything is at its end. With `integrated` nothing is sent, to flatten either.
    """
    with desk.lease.hold("execution-monitor"):
        tape, reason = Tape(desk, session.date), desk.state.read()[1]
        if desk.policies.execution.integration != "integrated":
            finish_flatten(desk, session, tape)
        outcome = wind_down(desk, session, tape, "halted", f"trading is halted: {reason}")
    return outcome.result == "halted"


def _observe(desk: Desk, vigil: _Vigil, sight: Sight) -> None:
    """Look at the account beside the holder of the lease; a breaker that is reached may tighten the trading state."""
    if vigil.watch is None and sight.planned and sight.now >= vigil.session.open_at:
        plan, tape = committed_plan(desk, vigil.session.date), Tape(desk, vigil.session.date)
        if plan is not None:
            vigil.watch = Watch(desk, vigil.session, plan, tape, Live(), sends=False)
    if vigil.watch is not None:
        vigil.watch.look()


def _wait_for_news(desk: Desk, session: SessionDay, plan: Plan) -> None:
    """Openers are held back: return when state or preflight have changed, after ten minutes, or when orders end."""

    def present() -> tuple[TradingState, bool]:
        return desk.state.read()[0], preflight_passed(desk, plan)

    until, before = min(desk.clock.now() + _HELD_BACK, closing_at(desk, session)), present()
    while desk.clock.now() < until and not desk.stop.requested() and present() == before:
        desk.clock.wait_until(min(until, desk.clock.now() + _pause(desk)))


def _report_missing(vigil: _Vigil, missing: bool) -> None:
    if missing and not vigil.missed:
        log.error("MONITOR the session is gone and its plan is unfinished: run `trader session`")
    vigil.missed = missing


def _report_unclosed(desk: Desk, vigil: _Vigil) -> None:
    """Every ten minutes: a breaker has asked to close everything, and here only a session may."""
    now = desk.clock.now()
    if vigil.told_at is not None and now < vigil.told_at + _HELD_BACK:
        return
    vigil.told_at = now
    if pending := tripped_today(desk, vigil.session).flattening:
        breakers = ", ".join(code for code, _ in pending)
        log.error(
            "RISK NOT CLOSED: a breaker has asked to close everything and no session is there: "
            "run `trader session` or `trader emergency-stop --flatten`",
            breakers=breakers,
        )


def _pause(desk: Desk) -> timedelta:
    policies = desk.policies
    return timedelta(seconds=min(policies.watch.interval_s, policies.execution.takeover_after_s / 6))

"""What execution-monitor does next, from what it sees: the rules of `execution.integration`, as one pure function."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trader.domain.journal import TradingState
from trader.domain.market import SessionDay
from trader.domain.policy import ExecutionPolicy


class Duty(StrEnum):
    """The monitor's next act."""

    WAIT = "wait"  # nothing to do for now
    OBSERVE = "observe"  # another process holds the lease, or ought to
    CANCEL = "cancel"  # trading is halted and nobody is there to cancel
    TAKE = "take"  # take the lease, carry out the plan, watch
    END = "end"


@dataclass(frozen=True, slots=True)
class Sight:
    """What the monitor sees. `held`: another process has the orders lease; it has been free since `free_since` (UTC).

    `planned` and `ended`: the day's plan is committed, and every order of it is at its end.
    """

    now: datetime
    session: SessionDay
    state: TradingState
    held: bool
    free_since: datetime
    planned: bool
    ended: bool


def duty(sight: Sight, policy: ExecutionPolicy) -> Duty:
    """What is due. Whoever gets the lease folds the journal anew; the monitor never decides a plan."""
    if sight.now >= sight.session.close_at:
        return Duty.END
    if sight.held:
        return Duty.OBSERVE
    if sight.state is TradingState.HALT:
        return Duty.CANCEL if sight.planned else Duty.WAIT
    if policy.integration == "monitored":
        return Duty.TAKE if sight.ended or abandoned(sight, policy) else Duty.WAIT
    return Duty.TAKE if policy.integration == "split" else Duty.OBSERVE


def abandoned(sight: Sight, policy: ExecutionPolicy) -> bool:
    """Whether an open session's plan is unfinished and nobody has held the lease for takeover_after_s."""
    unfinished = sight.planned and not sight.ended and sight.session.open_at <= sight.now
    patience = timedelta(seconds=policy.takeover_after_s)
    return unfinished and not sight.held and sight.now - sight.free_since >= patience

"""One session at work, and what the gate must know of it at the moment of sending."""

from dataclasses import dataclass
from decimal import Decimal

from trader.decision.admission import GateState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.execution.commitments import commitments
from trader.modes.desk import Desk
from trader.modes.tape import Tape


@dataclass(frozen=True, slots=True)
class Work:
    """One session at work: the plan it follows and whether openers have a passed preflight behind them."""

    desk: Desk
    session: SessionDay
    plan: Plan
    tape: Tape
    preflight_passed: bool


def gate_state(work: Work, reference_price: Decimal, symbol: str) -> GateState:
    """The state the gate judges an order of `symbol` in, now."""
    desk = work.desk
    now = commitments(work.plan, work.tape.views.values())
    return GateState(
        now=desk.clock.now(),
        session=work.session,
        trading_state=desk.state.read()[0],
        preflight_passed=work.preflight_passed,
        execution=desk.policies.execution,
        risk=desk.policies.risk,
        equity_usd=work.plan.equity_usd,
        reference_price=reference_price,
        held_quantity=now.held.get(symbol, Decimal(0)),
        committed_quantity=now.buying.get(symbol, Decimal(0)),
        exposure_usd=now.exposure_usd,
        cash_usd=now.cash_usd,
    )

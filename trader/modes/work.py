"""One session at work, and what the gate must know of it at the moment of sending."""

from dataclasses import dataclass
from decimal import Decimal

from trader.decision.exposure import Stake, exposure
from trader.decision.gate_state import ACCOUNT, DayInSymbol, GateState
from trader.domain.journal import PreflightPassed
from trader.domain.market import SessionDay
from trader.domain.orders import Side
from trader.domain.plan import Plan
from trader.execution.commitments import Commitments, commitments
from trader.modes.desk import Desk
from trader.modes.live import Live
from trader.modes.tape import Tape
from trader.modes.watch import Watch


@dataclass(frozen=True, slots=True)
class Work:
    """One session at work: the plan it follows and whether openers have a passed preflight behind them."""

    desk: Desk
    session: SessionDay
    plan: Plan
    tape: Tape
    preflight_passed: bool
    live: Live
    watch: Watch


def gate_state(work: Work, reference_price: Decimal, symbol: str) -> GateState:
    """The state the gate judges an order of `symbol` in, now. Raises BrokerUnavailable when the account is not read.

    For ACCOUNT it holds what opening depends on as such, and nothing is asked of the broker.
    """
    desk, plan, live = work.desk, work.plan, work.live
    now = commitments(plan, work.tape.views.values() if symbol != ACCOUNT else ())
    return GateState(
        now=desk.clock.now(),
        session=work.session,
        trading_state=live.trading_state(desk),
        preflight_passed=work.preflight_passed,
        execution=desk.policies.execution,
        risk=desk.policies.risk,
        stop_loss=desk.policies.watch.stop_loss,
        equity_usd=plan.equity_usd,
        reference_price=reference_price,
        held_quantity=now.held[symbol],
        exposure=exposure(stakes(now), {trait.symbol: trait for trait in plan.traits}),
        buying_power_usd=live.buying_power_usd(desk, now) if symbol != ACCOUNT else Decimal(0),
        opened_usd=sum(now.opened_usd.values(), Decimal(0)),
        asset=live.asset(desk, symbol) if symbol != ACCOUNT else None,
        paper=desk.policies.execution.mode == "paper",
        signal_age_sessions=live.signal_age_sessions(desk, plan),
        symbol_day=symbol_day(now, symbol),
        orders_today=sum(now.orders.values()),
        known_ids=now.known_ids,
        working_lines=now.working_lines,
        halted=live.halted,
        barred=live.barred,
        frozen=live.frozen,
        flattened=work.tape.flattened,
    )


def stakes(now: Commitments) -> dict[str, Stake]:
    """What each symbol may come to with the orders that work."""
    symbols = now.held.keys() | now.buying.keys() | now.selling.keys()
    return {s: Stake(now.held[s] - now.selling[s], now.held[s] + now.buying[s], now.price[s]) for s in symbols}


def symbol_day(now: Commitments, symbol: str) -> DayInSymbol:
    """What the day's orders did in one symbol."""
    working = (Side.BUY, now.buying[symbol]), (Side.SELL, now.selling[symbol])
    return DayInSymbol(
        traded_shares=now.traded[symbol],
        opened_usd=now.opened_usd[symbol],
        orders=now.orders[symbol],
        working_sides=frozenset(side for side, quantity in working if quantity),
    )


def preflight_passed(desk: Desk, plan: Plan) -> bool:
    """Whether a preflight of this date passed for the release, config and model that made the plan."""
    theirs = (plan.provenance.release, plan.provenance.config, plan.provenance.model)
    for entry in desk.ledger.entries(plan.session_date, (PreflightPassed,)):
        if isinstance(entry.event, PreflightPassed):
            p = entry.event.provenance
            if (p.release, p.config, p.model) == theirs:
                return True
    return False

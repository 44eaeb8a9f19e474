"""One session at work, and what the gate must know of it at the moment of sending."""

from dataclasses import dataclass
from decimal import Decimal

from trader.decision.gate_state import ACCOUNT, GateState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan
from trader.execution.tokens import TOKEN_KINDS, standing
from trader.modes.desk import Desk
from trader.modes.live import Live
from trader.modes.standing import day_in_symbol
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
    standing = live.standing(plan, work.tape.views)
    now, sums = standing.of(symbol), standing.sums()
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
        held_quantity=now.held,
        broker_quantity=live.broker_quantity(desk, symbol) if symbol != ACCOUNT else None,
        exposure=standing.exposure,
        buying_power_usd=live.buying_power_usd(desk, sums) if symbol != ACCOUNT else Decimal(0),
        opened_usd=sums.opened_usd,
        asset=live.asset(desk, symbol) if symbol != ACCOUNT else None,
        paper=desk.broker.paper,
        signal_age_sessions=live.signal_age_sessions(desk, plan),
        symbol_day=day_in_symbol(now),
        orders_today=sums.orders,
        known_ids=now.known_ids,
        working_lines=now.working_lines,
        halted=live.halted,
        barred=live.barred,
        frozen=live.frozen,
        flattened=work.tape.flattened,
    )


def preflight_passed(desk: Desk, plan: Plan) -> bool:
    """Whether a preflight of this date passed for the release, config and model of the plan, and none failed since."""
    theirs = (plan.provenance.release, plan.provenance.config, plan.provenance.model)
    tokens = standing(entry.event for entry in desk.ledger.entries(plan.session_date, TOKEN_KINDS))
    return any((p.release, p.config, p.model) == theirs for p in (token.provenance for token in tokens))

"""The gate an order passes at the moment it is sent: the only maker of ApprovedOrder.

Each rule is small and named by the code of the denial it raises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from trader.decision.pricing import BPS, Terms, limit_price, terms
from trader.domain.errors import InvariantViolated
from trader.domain.journal import OrderIntended, TradingState
from trader.domain.market import Quote, SessionDay
from trader.domain.orders import OrderKey, OrderRequest, OrderType, Side
from trader.domain.plan import Denial, Provenance
from trader.domain.policy import ExecutionPolicy, RiskPolicy
from trader.domain.portfolio import Position


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """An order that may go to the wire. Prices in USD; `arrival_price` is the mid it will be measured against.

    `limit_price` is the worst price it is counted with; orders without a limit do not send it.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    arrival_price: Decimal
    bid: Decimal
    ask: Decimal
    quoted_at: datetime
    checks: tuple[str, ...]
    order_type: OrderType = OrderType.LIMIT
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GateState:
    """What the gate knows besides the order and its quote; amounts in USD.

    `held_quantity` is what is owned of the symbol, `committed` the shares its working orders may still buy, both
    now; `exposure_usd` the value of all holdings and working buys; `cash_usd` what is left after working buys.
    """

    now: datetime
    session: SessionDay
    trading_state: TradingState
    preflight_passed: bool
    execution: ExecutionPolicy
    risk: RiskPolicy
    equity_usd: Decimal
    reference_price: Decimal
    held_quantity: Decimal
    committed_quantity: Decimal
    exposure_usd: Decimal
    cash_usd: Decimal


Rule = Callable[[OrderRequest, Quote, Decimal, GateState], str | None]


def admit(order: OrderRequest, quote: Quote | None, state: GateState) -> ApprovedOrder | Denial:
    """The approved order, or the first rule that refuses it."""
    if quote is None or quote.bid <= 0 or quote.ask < quote.bid:
        return Denial(order.symbol, "no_quote", "no usable quote at the moment of sending")
    priced = terms(order.side, order.reduces, quote, state.execution)
    for code, rule in RULES.items():
        detail = rule(order, quote, priced.limit_price, state)
        if detail is not None:
            return Denial(order.symbol, code, detail)
    return _approved(order, priced, quote, tuple(RULES))


def readmit(before: OrderIntended, reduces: bool, state: GateState) -> ApprovedOrder | Denial:
    """The same order once more, for a POST that did not arrive; denied when its time has passed since."""
    again = OrderRequest(before.client_order_id, before.key.symbol, before.key.side, before.quantity, reduces)
    quote = Quote(again.symbol, before.bid, before.ask, before.quoted_at)
    for code in ("market_open", "trading_state"):
        detail = RULES[code](again, quote, before.limit_price, state)
        if detail is not None:
            return Denial(again.symbol, code, detail)
    priced = Terms(before.order_type, before.limit_price, before.stop_price)
    return _approved(again, priced, quote, before.checks)


def approve_flatten(order: OrderRequest, position: Position, quote: Quote, collar_bps: Decimal) -> ApprovedOrder:
    """The order that closes a position the broker reports. Raises InvariantViolated when it would do anything else."""
    closing = Side.SELL if position.quantity > 0 else Side.BUY
    if (order.symbol, order.side) != (position.symbol, closing) or order.quantity > abs(position.quantity):
        raise InvariantViolated(f"{order.client_order_id} does not only reduce", "Close the position at the broker.")
    priced = Terms(OrderType.LIMIT, limit_price(order.side, quote, collar_bps))
    return _approved(order, priced, quote, ("reduce_only",))


def intended(day: date, key: OrderKey, order: ApprovedOrder, provenance: Provenance) -> OrderIntended:
    """The journal's record of an approved order, to be committed before its POST."""
    return OrderIntended(
        day,
        order.client_order_id,
        key,
        order.quantity,
        order.limit_price,
        order.arrival_price,
        order.bid,
        order.ask,
        order.quoted_at,
        order.checks,
        provenance,
        order.order_type,
        order.stop_price,
    )


def _approved(order: OrderRequest, priced: Terms, quote: Quote, checks: tuple[str, ...]) -> ApprovedOrder:
    return ApprovedOrder(
        order.client_order_id,
        order.symbol,
        order.side,
        order.quantity,
        priced.limit_price,
        quote.mid,
        quote.bid,
        quote.ask,
        quote.at,
        checks,
        priced.order_type,
        priced.stop_price,
    )


def may_open(state: GateState) -> str | None:
    """Why nothing new may be opened now; None when it may. Reducing never waits for these."""
    latest = state.session.open_at + timedelta(seconds=state.execution.latest_start_s)
    if state.trading_state is not TradingState.ACTIVE:
        return f"trading state is {state.trading_state.value}"
    if not state.preflight_passed:
        return "no passed preflight for this date, release, config and model"
    if state.now > latest:
        return f"later than the latest start, {latest:%H:%M:%S} UTC"
    return None


def _trading_state(order: OrderRequest, _quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    if state.trading_state is TradingState.HALT:
        return "trading is halted"
    return None if order.reduces else may_open(state)


def _market_open(_order: OrderRequest, _quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    last = state.session.close_at - timedelta(seconds=state.execution.cancel_before_close_s)
    if state.session.open_at <= state.now < last:
        return None
    return f"{state.now:%H:%M:%S} UTC is outside {state.session.open_at:%H:%M:%S}..{last:%H:%M:%S}"


def _quote_age(_order: OrderRequest, quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    age_s = (state.now - quote.at).total_seconds()
    return f"quote is {age_s:.0f} s old" if age_s > state.execution.max_quote_age_s else None


def _spread(_order: OrderRequest, quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    spread_bps = (quote.ask - quote.bid) / quote.mid * BPS
    return f"spread is {spread_bps:.0f} bps" if spread_bps > state.risk.max_spread_bps else None


def _adverse_open(order: OrderRequest, quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    move = abs(quote.mid / state.reference_price - 1)
    if order.reduces or move <= state.risk.max_adverse_open:
        return None
    return f"moved {move:.1%} from the close it was sized with"


def _order_notional(order: OrderRequest, _quote: Quote, limit: Decimal, state: GateState) -> str | None:
    notional_usd = order.quantity * limit
    if order.reduces or notional_usd <= state.risk.order_notional_cap_usd:
        return None
    return f"{notional_usd:.2f} USD at its limit"


def _position_size(order: OrderRequest, _quote: Quote, limit: Decimal, state: GateState) -> str | None:
    value_usd = (state.held_quantity + state.committed_quantity + order.quantity) * limit
    cap_usd = state.risk.max_position_size * state.equity_usd
    return None if order.reduces or value_usd <= cap_usd else f"{value_usd:.2f} USD, at most {cap_usd:.2f}"


def _total_exposure(order: OrderRequest, _quote: Quote, limit: Decimal, state: GateState) -> str | None:
    total_usd = state.exposure_usd + order.quantity * limit
    cap_usd = state.risk.max_total_exposure * state.equity_usd
    return None if order.reduces or total_usd <= cap_usd else f"{total_usd:.2f} USD, at most {cap_usd:.2f}"


def _cash(order: OrderRequest, _quote: Quote, limit: Decimal, state: GateState) -> str | None:
    cost_usd = order.quantity * limit
    return None if order.reduces or cost_usd <= state.cash_usd else f"{cost_usd:.2f} USD, {state.cash_usd:.2f} left"


def _reduce_only(order: OrderRequest, _quote: Quote, _limit: Decimal, state: GateState) -> str | None:
    closing = Side.SELL if state.held_quantity > 0 else Side.BUY
    if not order.reduces or (order.side is closing and order.quantity <= abs(state.held_quantity)):
        return None
    return f"would turn a holding of {state.held_quantity} around"


RULES: dict[str, Rule] = {
    "trading_state": _trading_state,
    "market_open": _market_open,
    "quote_age": _quote_age,
    "max_spread_bps": _spread,
    "max_adverse_open": _adverse_open,
    "order_notional_cap_usd": _order_notional,
    "max_position_size": _position_size,
    "max_total_exposure": _total_exposure,
    "cash": _cash,
    "reduce_only": _reduce_only,
}

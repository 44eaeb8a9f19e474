"""The gate an order passes at the moment it is sent: the only maker of ApprovedOrder."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trader.decision.gate_state import GateState
from trader.decision.order_rules import EVERY, RULES, STANDING, candidate, refusal
from trader.decision.pricing import Terms, limit_price, terms
from trader.domain.errors import InvariantViolated
from trader.domain.journal import OrderIntended
from trader.domain.market import Quote
from trader.domain.orders import OrderKey, OrderRequest, OrderType, Side
from trader.domain.plan import Denial, Provenance
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


def admit(order: OrderRequest, quote: Quote | None, state: GateState) -> ApprovedOrder | Denial:
    """The approved order, or the first rule that refuses it."""
    if quote is None or quote.bid <= 0 or quote.ask < quote.bid:
        return Denial(order.symbol, "no_quote", "no usable quote at the moment of sending")
    wanted = terms(order.side, order.reduces, quote, state.execution)
    rules = EVERY if order.reduces else RULES
    refused = refusal(candidate(order, quote, wanted.limit_price, state), state, rules)
    return Denial(order.symbol, *refused) if refused else _approved(order, wanted, quote, tuple(rules))


def readmit(before: OrderIntended, reduces: bool, state: GateState) -> ApprovedOrder | Denial:
    """The same order once more, for a POST that did not arrive; denied when its time has passed since."""
    again = OrderRequest(before.client_order_id, before.key.symbol, before.key.side, before.quantity, reduces)
    quote = Quote(again.symbol, before.bid, before.ask, before.quoted_at)
    rules = {code: rule for code, rule in (EVERY if reduces else RULES).items() if code in STANDING}
    refused = refusal(candidate(again, quote, before.limit_price, state), state, rules)
    if refused:
        return Denial(again.symbol, *refused)
    return _approved(again, Terms(before.order_type, before.limit_price, before.stop_price), quote, before.checks)


def approve_flatten(order: OrderRequest, position: Position, quote: Quote, collar_bps: Decimal) -> ApprovedOrder:
    """The order that closes a position the broker reports. Raises InvariantViolated when it would do anything else."""
    closing = Side.SELL if position.quantity > 0 else Side.BUY
    if (order.symbol, order.side) != (position.symbol, closing) or order.quantity > abs(position.quantity):
        raise InvariantViolated(f"{order.client_order_id} does not only reduce", "Close the position at the broker.")
    limit = Terms(OrderType.LIMIT, limit_price(order.side, quote, collar_bps))
    return _approved(order, limit, quote, ("reduce_only",))


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


def _approved(order: OrderRequest, wanted: Terms, quote: Quote, checks: tuple[str, ...]) -> ApprovedOrder:
    return ApprovedOrder(
        order.client_order_id,
        order.symbol,
        order.side,
        order.quantity,
        wanted.limit_price,
        quote.mid,
        quote.bid,
        quote.ask,
        quote.at,
        checks,
        wanted.order_type,
        wanted.stop_price,
    )

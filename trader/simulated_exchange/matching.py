"""When and at what price an order's next step happens: a pure function of the order, the market and the seed.

No clock enters, so how often or how far time is advanced cannot change an outcome.
"""

from decimal import Decimal

from trader.simulated_exchange.draws import fraction
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.money import shares, usd
from trader.simulated_exchange.orders import Order, Step
from trader.simulated_exchange.panel import E4
from trader.simulated_exchange.timestamps import SECOND_NS

_RANK = {"new": 0, "rejected": 1, "partial_fill": 2, "fill": 2, "canceled": 3, "expired": 4}


def next_step(order: Order, market: Market, seed: int, partial_fills: float) -> Step | None:
    """The next step of an open order if no one interferes, None for a closed one.

    Of steps at one instant fills come before a cancel, and a cancel before expiry.
    """
    if not order.is_open:
        return None
    close_ns = order.session.close_ns
    steps = [Step(close_ns, "expired"), _acknowledged(order, seed), _canceled(order, seed)]
    steps.append(_rejected(order, seed) if order.doomed else _filled(order, market, seed, partial_fills))
    happening = [step for step in steps if step and (step.at_ns < close_ns or step.kind in {"expired", "canceled"})]
    return min(happening, key=lambda step: (step.at_ns, _RANK[step.kind]))


def _delay_ns(order: Order, seed: int, label: str, low_s: float, high_s: float) -> int:
    drawn = fraction(seed, label, order.client_order_id)
    return int((low_s + (high_s - low_s) * drawn) * SECOND_NS)


def _arrival_ns(order: Order) -> int:
    return max(order.submitted_ns, order.session.open_ns)


def _acknowledged(order: Order, seed: int) -> Step | None:
    if order.status not in {"accepted", "pending_new"}:
        return None
    return Step(_arrival_ns(order) + _delay_ns(order, seed, "acknowledge", 0.001, 0.04), "new")


def _rejected(order: Order, seed: int) -> Step:
    return Step(_ready_ns(order, seed), "rejected")


def _canceled(order: Order, seed: int) -> Step | None:
    if order.cancel_requested_ns is None:
        return None
    return Step(order.cancel_requested_ns + _delay_ns(order, seed, "cancel", 0.02, 0.5), "canceled")


def _ready_ns(order: Order, seed: int) -> int:
    """When the order can meet a quote: shortly after arrival, or some seconds after its first part."""
    if order.last_fill_ns is None:
        return _arrival_ns(order) + _delay_ns(order, seed, "latency", 0.05, 1.0)
    return order.last_fill_ns + _delay_ns(order, seed, "pause", 2.0, 20.0)


def _filled(order: Order, market: Market, seed: int, partial_fills: float) -> Step | None:
    met = _meeting(order, market, seed)
    if met is None:
        return None
    at_ns, price = met
    if order.notional is not None:
        return Step(at_ns, "fill", shares(order.notional / price), price)
    part = _first_part(order, seed, partial_fills)
    return Step(at_ns, "fill", order.leaves_qty, price) if part is None else Step(at_ns, "partial_fill", part, price)


def _meeting(order: Order, market: Market, seed: int) -> tuple[int, Decimal] | None:
    """When the order meets the other side and at what price: the touch on arrival, its own limit when it has rested."""
    session, ready_ns = order.session, _ready_ns(order, seed)
    if ready_ns >= session.close_ns or not market.has_bar(order.symbol, session.day):
        return None
    quote = market.quote(order.symbol, ready_ns)
    assert quote is not None
    touch = usd(quote.touch(order.side))
    if order.limit_price is None or (touch <= order.limit_price if order.side == "buy" else touch >= order.limit_price):
        return ready_ns, touch
    limit_e4 = int(order.limit_price * E4)
    following = (ready_ns - session.open_ns) // SECOND_NS + 1
    second = market.first_cross(order.symbol, session, order.side, limit_e4, following)
    return None if second is None else (session.open_ns + second * SECOND_NS, order.limit_price)


def _first_part(order: Order, seed: int, partial_fills: float) -> Decimal | None:
    """The size of a partial first fill, if this order is one that fills in two: whole shares, at least one left."""
    if order.qty is None or order.fills or order.qty < 2:
        return None
    if fraction(seed, "partial", order.client_order_id) >= partial_fills:
        return None
    whole = int(order.qty)
    return Decimal(1 + int(fraction(seed, "part", order.client_order_id) * (whole - 1)))

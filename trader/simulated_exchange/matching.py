"""When and at what price an order's next step happens: a pure function of the order, the market and the seed.

No clock enters, so how often or how far time is advanced cannot change an outcome.
"""

from decimal import Decimal

from trader.simulated_exchange.calendar import Session
from trader.simulated_exchange.draws import fraction
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.money import shares, usd
from trader.simulated_exchange.orders import Order, Step
from trader.simulated_exchange.panel import E4
from trader.simulated_exchange.timestamps import SECOND_NS

_RANK = {
    "new": 0,
    "triggered": 1,
    "rejected": 1,
    "partial_fill": 2,
    "fill": 2,
    "canceled": 3,
    "replaced": 3,
    "expired": 4,
    "carried": 4,
}
_TOO_LATE_NS = SECOND_NS // 100
_AT_ONCE = frozenset({"ioc", "fok"})


def next_step(order: Order, market: Market, seed: int, partial_fills: float) -> Step | None:
    """The next step of an open order if no one interferes, None for a closed one.

    Of steps at one instant fills come before a cancel, and a cancel before expiry.
    """
    if not order.is_open:
        return None
    end = _end(order, market, seed)
    steps = [_canceled(order, seed)] if order.waits else _steps(order, market, seed, partial_fills)
    # only the closing print itself is in time at the very close
    last_ns = end.at_ns + (order.time_in_force == "cls")
    happening = [step for step in steps if step and (step.at_ns < last_ns or step.kind == "canceled")]
    return min([end, *happening], key=lambda step: (step.at_ns, _RANK[step.kind]))


def _steps(order: Order, market: Market, seed: int, partial_fills: float) -> list[Step | None]:
    """What may happen to an order that has been sent."""
    worked = _rejected(order, market, seed) if order.doomed else _worked(order, market, seed, partial_fills)
    return [
        _acknowledged(order, market, seed),
        _canceled(order, seed),
        _replaced(order, seed),
        _saved(order, market),
        worked,
    ]


def _end(order: Order, market: Market, seed: int) -> Step:
    """What becomes of the order if nothing else does: it expires, goes on to the next session, or is too old to."""
    session = market.session_of(order.day)
    if order.time_in_force == "opg":  # on paper these are seen to expire, never to fill
        return Step(session.open_ns + _delay_ns(order, seed, "opening", 53.0, 168.0), "expired")
    if order.time_in_force != "gtc":
        return Step(session.close_ns, "expired")
    if session.close_ns >= order.expires_ns:
        return Step(session.close_ns, "canceled")
    return Step(session.close_ns, "carried", day=market.calendar.next_open(session.open_ns).day.isoformat())


def _delay_ns(order: Order, seed: int, label: str, low_s: float, high_s: float) -> int:
    drawn = fraction(seed, label, order.client_order_id)
    return int((low_s + (high_s - low_s) * drawn) * SECOND_NS)


def _arrival_ns(order: Order, market: Market) -> int:
    return max(order.submitted_ns, order.not_before_ns, market.session_of(order.day).open_ns)


def _acknowledged(order: Order, market: Market, seed: int) -> Step | None:
    if order.status not in {"accepted", "pending_new"}:
        return None
    return Step(_arrival_ns(order, market) + _delay_ns(order, seed, "acknowledge", 0.001, 0.04), "new")


def _rejected(order: Order, market: Market, seed: int) -> Step:
    return Step(_ready_ns(order, market, seed), "rejected")


def _canceled(order: Order, seed: int) -> Step | None:
    if order.cancel_requested_ns is None or order.cancel_fate is not None:
        return None
    return Step(order.cancel_requested_ns + _delay_ns(order, seed, "cancel", 0.02, 0.5), "canceled")


def _saved(order: Order, market: Market) -> Step | None:
    """The fill that comes after a cancel was asked for, when that is its fate."""
    if order.cancel_requested_ns is None or order.cancel_fate != "fill_after_cancel":
        return None
    return fill_at(order, market, order.cancel_requested_ns + _TOO_LATE_NS)


def fill_at(order: Order, market: Market, at_ns: int) -> Step | None:
    """All of the order at its limit, else at the touch, if its session runs."""
    session, quote = market.session_of(order.day), market.quote(order.symbol, at_ns)
    if quote is None or not session.open_ns <= at_ns < session.close_ns:
        return None
    price = order.limit_price or usd(quote.touch(order.side))
    return Step(at_ns, "fill", order.leaves_qty if order.notional is None else shares(order.notional / price), price)


def _replaced(order: Order, seed: int) -> Step | None:
    if order.replace_requested_ns is None:
        return None
    return Step(order.replace_requested_ns + _delay_ns(order, seed, "replace", 0.02, 0.5), "replaced")


def _ready_ns(order: Order, market: Market, seed: int) -> int:
    """When the order can meet a quote: shortly after arrival or its stop, or some seconds after its first part."""
    begun_ns = max(_arrival_ns(order, market), order.triggered_ns or 0)
    ready_ns = begun_ns + _delay_ns(order, seed, "latency", 0.05, 1.0)
    if order.last_fill_ns is None:
        return ready_ns
    return max(ready_ns, order.last_fill_ns + _delay_ns(order, seed, "pause", 2.0, 20.0))


def _worked(order: Order, market: Market, seed: int, partial_fills: float) -> Step | None:
    """What the market does to the order: its stop is reached, it fills, or it must fill at once and cannot."""
    if order.time_in_force == "opg":
        return None
    if order.time_in_force == "ioc" and order.last_fill_ns is not None:
        return Step(order.last_fill_ns, "canceled")
    ready_ns = _ready_ns(order, market, seed)
    session, live_ns = market.session_of(order.day), market.resumes(order.symbol, ready_ns)
    traded = live_ns < session.close_ns and market.has_bar(order.symbol, session.day)
    if traded and order.stop_price is not None and order.triggered_ns is None:
        return _triggered(order, market, live_ns)
    met = _meeting(order, market, seed, live_ns) if traded else None
    if order.time_in_force in _AT_ONCE and (met is None or met[0] > ready_ns):
        return Step(ready_ns, "canceled")
    return met and _filled(order, seed, partial_fills, *met)


def _filled(order: Order, seed: int, partial_fills: float, at_ns: int, price: Decimal) -> Step:
    if order.notional is not None:
        return Step(at_ns, "fill", shares(order.notional / price), price)
    part = _first_part(order, seed, partial_fills)
    return Step(at_ns, "fill", order.leaves_qty, price) if part is None else Step(at_ns, "partial_fill", part, price)


def _triggered(order: Order, market: Market, ready_ns: int) -> Step | None:
    assert order.stop_price is not None
    session = market.session_of(order.day)
    from_second = (ready_ns - session.open_ns) // SECOND_NS
    second = market.first_print(order.symbol, session, order.side, int(order.stop_price * E4), from_second)
    return None if second is None else Step(max(ready_ns, session.open_ns + second * SECOND_NS), "triggered")


def _meeting(order: Order, market: Market, seed: int, ready_ns: int) -> tuple[int, Decimal] | None:
    """When the order meets the other side and at what price.

    The touch on arrival, its own limit when it has rested; the official print for CLS and for dollars queued overnight.
    """
    session = market.session_of(order.day)
    if order.time_in_force == "cls":
        close, last_ns = usd(market.bar_on(order.symbol, session).close), session.close_ns - 1
        printed = market.resumes(order.symbol, last_ns) == last_ns
        return (session.close_ns, close) if printed and _satisfies(order, close) else None
    at_ns = session.open_ns + _delay_ns(order, seed, "opening", 0.9, 2.0)
    if order.type == "market" and _bought_at_the_open(order, session) and market.resumes(order.symbol, at_ns) == at_ns:
        return at_ns, usd(market.bar_on(order.symbol, session).open)
    quote = market.quote(order.symbol, ready_ns)
    assert quote is not None
    touch = usd(quote.touch(order.side))
    if _satisfies(order, touch):
        return ready_ns, touch
    assert order.limit_price is not None
    limit_e4 = int(order.limit_price * E4)
    following = (ready_ns - session.open_ns) // SECOND_NS + 1
    second = market.first_cross(order.symbol, session, order.side, limit_e4, following)
    return None if second is None else (session.open_ns + second * SECOND_NS, order.limit_price)


def _bought_at_the_open(order: Order, session: Session) -> bool:
    return order.notional is not None and order.submitted_ns < session.open_ns


def _satisfies(order: Order, price: Decimal) -> bool:
    """Whether the order takes this price."""
    limit = order.limit_price
    return limit is None or (price <= limit if order.side == "buy" else price >= limit)


def _first_part(order: Order, seed: int, partial_fills: float) -> Decimal | None:
    """The size of a partial first fill, if this order is one that fills in two: whole shares, at least one left."""
    if order.qty is None or order.fills or order.qty < 2 or order.time_in_force in {"fok", "cls"}:
        return None
    if fraction(seed, "partial", order.client_order_id) >= partial_fills:
        return None
    whole = int(order.qty)
    return Decimal(1 + int(fraction(seed, "part", order.client_order_id) * (whole - 1)))

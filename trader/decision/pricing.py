"""At which prices an order goes out: from its side, the policy's order type and the quote at sending.

Prices are USD and stand on the tick: 0.01 from 1 USD on, 0.0001 below (Regulation NMS, rule 612).
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.domain.market import Quote
from trader.domain.orders import OrderType, Side
from trader.domain.policy import ExecutionPolicy

BPS = Decimal(10_000)
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


@dataclass(frozen=True, slots=True)
class Terms:
    """How an order meets the market. `limit_price` is the worst price it is counted with, sent or not."""

    order_type: OrderType
    limit_price: Decimal
    stop_price: Decimal | None = None


def terms(side: Side, reduces: bool, quote: Quote, policy: ExecutionPolicy) -> Terms:
    """The policy's order type with its prices. What reduces never sleeps behind a stop: it is a limit, or market.

    limit, market: the collar beyond the touch. stop, stop_limit: the stop, and the collar beyond the stop.
    """
    wanted = OrderType(policy.order_type)
    if reduces and wanted in _STOPS:
        wanted = OrderType.LIMIT
    if wanted not in _STOPS:
        return Terms(wanted, limit_price(side, quote, policy.collar_bps))
    stop = stop_price(side, quote, policy.stop_offset_bps)
    return Terms(wanted, _beyond(side, stop, policy.collar_bps), stop)


def limit_price(side: Side, quote: Quote, collar_bps: Decimal) -> Decimal:
    """A marketable limit: the touch plus (buy) or minus (sell) the collar, rounded into the collar."""
    return _beyond(side, _touch(side, quote), collar_bps)


def stop_price(side: Side, quote: Quote, offset_bps: Decimal) -> Decimal:
    """Where the market must go before the order wakes: the touch plus (buy) or minus (sell) the offset, or further."""
    if side is Side.BUY:
        return _on_tick(_touch(side, quote) * (1 + offset_bps / BPS), ROUND_CEILING)
    return _on_tick(_touch(side, quote) * (1 - offset_bps / BPS), ROUND_FLOOR)


def _touch(side: Side, quote: Quote) -> Decimal:
    return quote.ask if side is Side.BUY else quote.bid


def _beyond(side: Side, price: Decimal, collar_bps: Decimal) -> Decimal:
    if side is Side.BUY:
        return _on_tick(price * (1 + collar_bps / BPS), ROUND_FLOOR)
    return _on_tick(price * (1 - collar_bps / BPS), ROUND_CEILING)


def _on_tick(raw: Decimal, rounding: str) -> Decimal:
    return raw.quantize(Decimal("0.01") if raw >= 1 else Decimal("0.0001"), rounding)

"""The account's arithmetic: cash in cents, positions at average cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trader.simulated_exchange.market import Side
from trader.simulated_exchange.money import ZERO, cents
from trader.simulated_exchange.orders import Order

_PRICE_STEP = Decimal("0.000000001")


@dataclass(frozen=True, slots=True)
class Position:
    """Shares held and what one cost on average, in USD."""

    symbol: str
    qty: Decimal
    avg_entry_price: Decimal


def cash_effect(side: Side, qty: Decimal, price: Decimal) -> Decimal:
    """What one fill does to cash, in whole cents."""
    amount = cents(qty * price)
    return -amount if side == "buy" else amount


def after_trade(held: Position | None, symbol: str, qty: Decimal, price: Decimal) -> Position | None:
    """The position after `qty` more (or, below zero, fewer) shares at `price`; None when flat.

    A sale leaves the average cost as it is.
    """
    before = held or Position(symbol, ZERO, ZERO)
    total = before.qty + qty
    if total == 0:
        return None
    if qty < 0:
        return Position(symbol, total, before.avg_entry_price)
    average = (before.qty * before.avg_entry_price + qty * price) / total
    return Position(symbol, total, average.quantize(_PRICE_STEP))


def buying_power(cash: Decimal, open_orders: Iterable[Order]) -> Decimal:
    """Cash less what open buys may cost, in cents; never below zero."""
    return max(ZERO, cents(cash - sum((order.reserved_usd for order in open_orders), ZERO)))


def held_for_orders(symbol: str, open_orders: Iterable[Order]) -> Decimal:
    """Shares that open sells already claim."""
    sells = (order for order in open_orders if order.symbol == symbol and order.side == "sell")
    return sum((order.leaves_qty for order in sells), ZERO)

"""The account's arithmetic: cash in cents, positions at average cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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

    What reduces a position leaves its average cost as it is; what turns it over begins a new one.
    """
    before = held or Position(symbol, ZERO, ZERO)
    total = before.qty + qty
    if total == 0:
        return None
    if before.qty * qty < 0:
        return Position(symbol, total, before.avg_entry_price if total * before.qty > 0 else price)
    average = (before.qty * before.avg_entry_price + qty * price) / total
    return Position(symbol, total, average.quantize(_PRICE_STEP))


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What an account was opened with: whether it may sell short, and its largest margin multiplier."""

    shorting: bool = False
    multiplier: int = 1

    def may_short(self, configurations: Mapping[str, Any]) -> bool:
        """Whether the account allows short sales and its user does not forbid them."""
        return self.shorting and not configurations["no_shorting"]

    def multiplier_under(self, configurations: Mapping[str, Any]) -> int:
        """The margin multiplier in force: the account's, or less if its user wants less."""
        return min(self.multiplier, int(configurations["max_margin_multiplier"]))


@dataclass(frozen=True, slots=True)
class Worth:
    """An account at an instant, in USD: cash, long positions, and short ones (0 or below)."""

    cash: Decimal
    long: Decimal
    short: Decimal

    @property
    def equity(self) -> Decimal:
        """Everything together."""
        return self.cash + self.long + self.short

    @property
    def exposure(self) -> Decimal:
        """Both sides added up."""
        return self.long - self.short

    def buying_power(self, multiplier: int, open_orders: Iterable[Order]) -> Decimal:
        """Equity times the multiplier, less positions and what open orders may cost; cents, never below zero.

        With a multiplier of 1 and nothing short that is cash less what open buys may cost.
        """
        reserved = sum((order.reserved_usd for order in open_orders), ZERO)
        return max(ZERO, cents(self.equity * multiplier - self.exposure - reserved))


def held_for_orders(position: Position, open_orders: Iterable[Order]) -> Decimal:
    """Shares that open orders on the other side already claim."""
    side = "sell" if position.qty > 0 else "buy"
    closing = (order for order in open_orders if order.symbol == position.symbol and order.side == side)
    return sum((order.leaves_qty for order in closing), ZERO)

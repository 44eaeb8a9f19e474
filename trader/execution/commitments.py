"""Where the day stands while orders work: what is held, what may still be bought, what is left to spend."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.domain.orders import Side
from trader.domain.plan import Plan
from trader.execution.order_state import OrderView


@dataclass(frozen=True, slots=True)
class Commitments:
    """Shares held and shares working buys may still add, by symbol; amounts in USD.

    Holdings are valued at the closes the plan was made with; cash counts every fill at its order's limit, the worst it
    can have cost, so that nothing here is rosier than the truth.
    """

    held: Mapping[str, Decimal]
    buying: Mapping[str, Decimal]
    exposure_usd: Decimal
    cash_usd: Decimal


def commitments(plan: Plan, views: Iterable[OrderView]) -> Commitments:
    """The morning's book brought forward by the day's orders."""
    prices = {intent.symbol: intent.reference_price for intent in plan.intents}
    held = {h.symbol: h.quantity for h in plan.book.holdings}
    buying: dict[str, Decimal] = {}
    cash_usd, working_usd = plan.book.cash_usd, Decimal(0)
    value_usd = plan.equity_usd - plan.book.cash_usd
    for view in views:
        symbol, sign = view.key.symbol, 1 if view.key.side is Side.BUY else -1
        limit = view.intended.limit_price if view.intended else prices.get(symbol, Decimal(0))
        held[symbol] = held.get(symbol, Decimal(0)) + sign * view.filled_quantity
        cash_usd -= sign * view.filled_quantity * limit
        value_usd += sign * view.filled_quantity * prices.get(symbol, limit)
        if sign > 0 and not view.status.terminal:
            remaining = view.quantity - view.filled_quantity
            buying[symbol] = buying.get(symbol, Decimal(0)) + remaining
            working_usd += remaining * limit
    return Commitments(held, buying, value_usd + working_usd, cash_usd - working_usd)

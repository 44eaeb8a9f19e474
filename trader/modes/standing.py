"""The day's commitments and exposure, kept in step with its orders."""

from collections.abc import Mapping
from decimal import Decimal

from trader.decision.exposure import Exposure, Stake, exposure
from trader.decision.gate_state import DayInSymbol
from trader.domain.orders import Side
from trader.domain.plan import Plan
from trader.execution.commitments import Commitment, Sums, brought_forward, morning, reducing, sums
from trader.execution.order_state import OrderView


class Standing:
    """What a plan's day has bound so far. A look at the orders counts those symbols anew in which one has changed.

    The gate asks before every order: to count them all each time would take minutes of a day of a thousand orders.
    """

    def __init__(self, plan: Plan) -> None:
        self._morning, self._reducing = morning(plan), reducing(plan)
        self._seen: Mapping[str, OrderView] = {}
        self._ordered: dict[str, Commitment] = {}
        stakes = {symbol: stake(start) for symbol, start in self._morning.items()}
        self.exposure: Exposure = exposure(stakes, {trait.symbol: trait for trait in plan.traits})

    def look(self, views: Mapping[str, OrderView]) -> None:
        """Take in every order that is new or has changed; `views` are all orders of the day by id."""
        changed: dict[str, list[OrderView]] = {
            view.key.symbol: [] for name, view in views.items() if self._seen.get(name) is not view
        }
        if not changed:
            return
        for view in views.values():
            if view.key.symbol in changed:
                changed[view.key.symbol].append(view)
        for symbol, orders in changed.items():
            now = brought_forward(self._morning.get(symbol, Commitment()), orders, self._reducing)
            self._ordered[symbol] = now
            self.exposure = self.exposure.changed(symbol, stake(now))
        self._seen = dict(views)

    def of(self, symbol: str) -> Commitment:
        """Where a symbol stands."""
        return self._ordered.get(symbol) or self._morning.get(symbol, Commitment())

    def sums(self) -> Sums:
        """What the day's orders come to."""
        return sums(self._ordered.values())


def stake(now: Commitment) -> Stake:
    """What a symbol may come to with the orders that work."""
    return Stake(now.held - now.selling, now.held + now.buying, now.price)


def day_in_symbol(now: Commitment) -> DayInSymbol:
    """What the day's orders did in one symbol."""
    working: tuple[tuple[Side, Decimal], ...] = ((Side.BUY, now.buying), (Side.SELL, now.selling))
    return DayInSymbol(
        traded_shares=now.traded,
        opened_usd=now.opened_usd,
        orders=now.orders,
        working_sides=frozenset(side for side, quantity in working if quantity),
    )

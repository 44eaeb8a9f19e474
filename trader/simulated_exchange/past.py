"""What was true a while ago, for a broker whose answers trail behind. Not kept over a restart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trader.simulated_exchange.account import Position
from trader.simulated_exchange.orders import Order


@dataclass(frozen=True, slots=True)
class Lags:
    """How old the orders and the positions are that a client is told."""

    orders_ns: int = 0
    positions_ns: int = 0


class Past:
    """Every version of every order and position since the start, and how far back readers are to look."""

    def __init__(self, orders: Iterable[Order], positions: Mapping[str, Position]) -> None:
        """Begin with what has been for ever."""
        self.lags = Lags()
        self._orders = [(0, order) for order in orders]
        self._positions: list[tuple[int, str, Position | None]] = [(0, *item) for item in positions.items()]

    def note_order(self, at_ns: int, order: Order) -> None:
        """An order has become this."""
        self._orders.append((at_ns, order))

    def note_position(self, at_ns: int, symbol: str, position: Position | None) -> None:
        """A position has become this."""
        self._positions.append((at_ns, symbol, position))

    def orders(self, now_ns: int) -> list[Order]:
        """Every order as it is told, in the order of arrival."""
        until = now_ns - self.lags.orders_ns
        return list({order.client_order_id: order for at_ns, order in self._orders if at_ns <= until}.values())

    def positions(self, now_ns: int) -> dict[str, Position]:
        """Every position as it is told."""
        until = now_ns - self.lags.positions_ns
        known = {symbol: position for at_ns, symbol, position in self._positions if at_ns <= until}
        return {symbol: position for symbol, position in known.items() if position}

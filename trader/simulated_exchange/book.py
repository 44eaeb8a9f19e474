"""Every order ever accepted, and what comes next to the open ones."""

import heapq
from collections.abc import Callable, Iterable
from uuid import UUID

from trader.simulated_exchange.orders import Order, Step

NextStep = Callable[[Order], Step | None]


class Book:
    """Orders by both names, and a queue of their next steps in order of time, then client order id."""

    def __init__(self, next_step: NextStep, orders: Iterable[Order]) -> None:
        """Take over orders, for instance those of an earlier run; their next steps are worked out again."""
        self._next_step = next_step
        self._orders: dict[str, Order] = {}
        self._client_id: dict[UUID, str] = {}
        self._open: dict[str, Order] = {}
        self._queue: list[tuple[int, str, Step]] = []
        self._due: dict[str, Step] = {}
        for order in orders:
            self.put(order)

    def put(self, order: Order) -> None:
        """Add an order or replace it by its later self."""
        name = order.client_order_id
        self._orders[name] = order
        self._client_id[order.id] = name
        step = self._next_step(order)
        if step is None:
            self._open.pop(name, None)
            self._due.pop(name, None)
            return
        self._open[name] = order
        self._due[name] = step
        heapq.heappush(self._queue, (step.at_ns, name, step))

    def next_due(self) -> tuple[Order, Step] | None:
        """The earliest coming step of all, and whose it is."""
        while self._queue:
            _, name, step = self._queue[0]
            if self._due.get(name) is step:
                return self._orders[name], step
            heapq.heappop(self._queue)
        return None

    def __len__(self) -> int:
        """How many orders there have ever been."""
        return len(self._orders)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """By the name the client gave."""
        return self._orders.get(client_order_id)

    def by_id(self, order_id: UUID) -> Order | None:
        """By the exchange's name."""
        name = self._client_id.get(order_id)
        return None if name is None else self._orders[name]

    @property
    def open(self) -> list[Order]:
        """Orders that something can still happen to, oldest first."""
        return list(self._open.values())

    @property
    def all(self) -> list[Order]:
        """Every order, in the order of arrival."""
        return list(self._orders.values())

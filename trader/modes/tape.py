"""One session date's journal while it is being written: every event goes to the ledger first, then into the views."""

from collections.abc import Iterable
from datetime import date

import structlog

from trader.domain.journal import Event, OrderObserved
from trader.domain.orders import BrokerOrder
from trader.execution.identifiers import belongs, parse
from trader.execution.order_state import Views, apply, fold
from trader.modes.desk import Desk

log = structlog.get_logger()


class Tape:
    """The day's entries as views of orders, kept in step with the ledger."""

    def __init__(self, desk: Desk, day: date) -> None:
        self._desk = desk
        self.day = day
        self.views: Views = fold(desk.ledger.entries(day))

    def record(self, *events: Event) -> None:
        """Commit the events durably, then take them into the views; what another process recorded first, as well."""
        if not events:
            return
        written = self._desk.ledger.append(*events)
        if len(written) < len(events):  # a fill that reconcile has recorded meanwhile counts once, and counts here
            self.views = fold(self._desk.ledger.entries(self.day))
            return
        for entry in written:
            apply(self.views, entry)

    def observe(self, orders: Iterable[BrokerOrder]) -> None:
        """Record what the broker says of our orders where it is news."""
        for order in orders:
            if self._is_ours(order) and self._is_news(order):
                self.record(OrderObserved(self.day, order.client_order_id, order))
                log.info(
                    f"ORDER {order.status.value}",
                    client_order_id=order.client_order_id,
                    filled=str(order.filled_quantity),
                    average_price=str(order.filled_average_price),
                )

    def _is_ours(self, order: BrokerOrder) -> bool:
        policy = self._desk.policies.execution
        return belongs(parse(order.client_order_id), policy.account, policy.strategy, self.day)

    def _is_news(self, order: BrokerOrder) -> bool:
        view = self.views.get(order.client_order_id)
        if view is None or view.broker_order_id is None:
            return True
        return order.filled_quantity > view.filled_quantity or view.moved_to(order.status) != view

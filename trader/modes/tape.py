"""One session date's journal while it is being written: every event goes to the ledger first, then into the views."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from trader.domain.journal import BreakerTripped, Entry, Event, OrderDenied, OrderObserved, StateChanged
from trader.domain.orders import FLATTENING, BrokerOrder
from trader.domain.plan import Denial
from trader.execution.identifiers import belongs, parse
from trader.execution.order_state import Views, apply
from trader.modes.desk import Desk

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the gate refuses an order for now, and when it last said so (UTC)."""

    denial: Denial
    at: datetime


class Tape:
    """The day's entries as views of orders, kept in step with the ledger.

    Beside them: what the gate refuses for now, by order id; the breakers tripped, as (code, subject); whether all was
    to be closed; and when the last entry was made.
    """

    def __init__(self, desk: Desk, day: date) -> None:
        self._desk = desk
        self.day = day
        self.views: Views = {}
        self.refusals: dict[str, Refusal] = {}
        self.tripped: set[tuple[str, str]] = set()
        self._flattening = False
        self.changed_at = desk.clock.now()
        self._take(desk.ledger.entries(day))

    @property
    def flattened(self) -> bool:
        """Whether everything was closed today, or was to be; told by the orders, too, when the ledger was lost."""
        return self._flattening or any(view.key.purpose in FLATTENING for view in self.views.values())

    def record(self, *events: Event) -> None:
        """Commit the events durably, then take them into the views; what another process recorded first, as well."""
        if not events:
            return
        written = self._desk.ledger.append(*events)
        if len(written) < len(events):  # a fill that reconcile has recorded meanwhile counts once, and counts here
            self.read_again()
        else:
            self._take(written)
        self.changed_at = self._desk.clock.now()

    def read_again(self) -> None:
        """Fold the day anew: another process may have written."""
        self.views = {}
        self._take(self._desk.ledger.entries(self.day))

    def refuse(self, client_order_id: str, denial: Denial) -> None:
        """Note that the gate has refused this order once more for now; the ledger has it from the first time."""
        self.refusals[client_order_id] = Refusal(denial, self._desk.clock.now())

    def _take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            apply(self.views, entry)
            match entry.event:
                case OrderDenied(passing=True, client_order_id=name, denial=denial):
                    self.refusals[name] = Refusal(denial, entry.at)
                case BreakerTripped(code=code, subject=subject, action=action):
                    self.tripped.add((code, subject))
                    self._flattening |= action == "flatten"
                case StateChanged(flattens=True):
                    self._flattening = True
                case _:
                    pass

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

"""The life of an order: which status may follow which, and the fold of the journal into one view an order.

The broker's word arrives late, twice and out of order; a status the table does not allow is an older word
and changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from trader.domain.journal import (
    CancelRequested,
    Entry,
    FillRecorded,
    OrderDenied,
    OrderIntended,
    OrderObserved,
    OrderRefused,
    SubmitUnknown,
)
from trader.domain.orders import OrderKey, OrderStatus
from trader.execution.identifiers import parse

S = OrderStatus
_ENDS = frozenset({S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})
_AT_BROKER = frozenset({S.WORKING, S.PARTIALLY_FILLED, S.PENDING_CANCEL})

NEXT: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    S.INTENDED: _ENDS | _AT_BROKER | {S.UNKNOWN, S.DENIED},
    S.UNKNOWN: _ENDS | _AT_BROKER | {S.DENIED},
    S.WORKING: _ENDS | {S.PARTIALLY_FILLED, S.PENDING_CANCEL},
    S.PARTIALLY_FILLED: _ENDS | {S.PENDING_CANCEL},
    S.PENDING_CANCEL: _ENDS | {S.WORKING, S.PARTIALLY_FILLED},  # a cancel can be refused
    S.DENIED: _ENDS | _AT_BROKER,  # given up as absent, and then seen after all: the broker is right
    S.FILLED: frozenset(),
    S.CANCELED: frozenset(),
    S.EXPIRED: frozenset(),
    S.REJECTED: _ENDS | _AT_BROKER,  # a refusal that was misread, and the order is seen after all
}


@dataclass(frozen=True, slots=True)
class OrderView:
    """Where one order stands. `unsure_since` is when its POST may last have gone out without a recorded answer.

    `cancel_reason` and `cancel_asked_at` are of the newest and the first request to cancel it.
    """

    client_order_id: str
    key: OrderKey
    quantity: Decimal
    status: OrderStatus
    unsure_since: datetime
    intended: OrderIntended | None = None
    broker_order_id: str | None = None
    filled_quantity: Decimal = Decimal(0)
    fills: Mapping[str, Decimal] = field(default_factory=dict)
    cancel_reason: str | None = None
    cancel_asked_at: datetime | None = None

    @property
    def executed_quantity(self) -> Decimal:
        """Shares filled, by the broker's report or by the fills we have recorded: whichever knows of more."""
        return max(self.filled_quantity, sum(self.fills.values(), Decimal(0)))

    @property
    def fills_missing(self) -> bool:
        """Whether the broker reports more filled shares than the fills we have recorded."""
        return sum(self.fills.values(), Decimal(0)) < self.filled_quantity

    def moved_to(self, status: OrderStatus) -> "OrderView":
        """This view in `status` when the table allows it, else as it is."""
        return replace(self, status=status) if status in NEXT[self.status] else self


Views = dict[str, OrderView]


def fold(entries: Iterable[Entry]) -> Views:
    """The views after these entries, by client order id, in the order of first mention."""
    views: Views = {}
    for entry in entries:
        apply(views, entry)
    return views


def arrival_prices(views: Iterable[OrderView]) -> dict[str, Decimal]:
    """The price (USD) each order is measured against, by id: at the sending of the first generation of its part.

    So that what the price did while an order waited for a better one counts as a cost (Perold, 1988).
    """
    first: dict[str, Decimal] = {}
    prices: dict[str, Decimal] = {}
    for view in sorted(views, key=lambda each: each.key.generation):
        if view.intended is not None:
            part = view.client_order_id.rpartition(".")[0]
            prices[view.client_order_id] = first.setdefault(part, view.intended.arrival_price)
    return prices


def apply(views: Views, entry: Entry) -> None:
    """Bring `views` forward by one entry; entries that are not about an order of ours change nothing."""
    event = entry.event
    match event:
        case OrderIntended():
            views[event.client_order_id] = OrderView(
                event.client_order_id, event.key, event.quantity, S.INTENDED, entry.at, intended=event
            )
        case OrderDenied(passing=True):
            pass  # it is tried again
        case OrderDenied():
            _start(views, event.client_order_id, event.quantity, entry)
            _change(views, event.client_order_id, lambda view: view.moved_to(S.DENIED))
        case OrderObserved():
            _observe(views, event, entry)
        case SubmitUnknown():
            _change(views, event.client_order_id, lambda v: replace(v.moved_to(S.UNKNOWN), unsure_since=entry.at))
        case OrderRefused():
            _change(views, event.client_order_id, lambda view: view.moved_to(S.REJECTED))
        case CancelRequested():
            _change(views, event.client_order_id, lambda view: _cancel_asked(view, event.reason, entry.at))
        case FillRecorded():
            fill = {event.fill.fill_id: event.fill.quantity}
            _change(views, event.client_order_id, lambda view: replace(view, fills={**view.fills, **fill}))
        case _:
            pass


def _start(views: Views, client_order_id: str, quantity: Decimal, entry: Entry) -> None:
    key = parse(client_order_id)
    if key is not None and client_order_id not in views:
        views[client_order_id] = OrderView(client_order_id, key, quantity, S.INTENDED, entry.at)


def _change(views: Views, client_order_id: str, change: Callable[[OrderView], OrderView]) -> None:
    if client_order_id in views:
        views[client_order_id] = change(views[client_order_id])


def _cancel_asked(view: OrderView, reason: str, at: datetime) -> OrderView:
    return replace(view, cancel_reason=reason, cancel_asked_at=view.cancel_asked_at or at)


def _observe(views: Views, event: OrderObserved, entry: Entry) -> None:
    order = event.order
    _start(views, event.client_order_id, order.quantity, entry)
    _change(
        views,
        event.client_order_id,
        lambda view: replace(
            view.moved_to(order.status),
            broker_order_id=order.broker_order_id,
            filled_quantity=max(view.filled_quantity, order.filled_quantity),
        ),
    )

"""The order and its life: a table of transitions and the one function that applies them."""

from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from trader.simulated_exchange.calendar import Calendar
from trader.simulated_exchange.draws import identity
from trader.simulated_exchange.market import Side
from trader.simulated_exchange.money import ZERO
from trader.simulated_exchange.timestamps import new_york_date

Status = Literal[
    "accepted",
    "pending_new",
    "new",
    "partially_filled",
    "pending_cancel",
    "pending_replace",
    "filled",
    "canceled",
    "expired",
    "rejected",
    "replaced",
]
CancelFate = Literal["stuck_cancel", "fill_after_cancel"]
EventKind = Literal[
    "new",
    "partial_fill",
    "fill",
    "pending_cancel",
    "pending_replace",
    "canceled",
    "expired",
    "rejected",
    "replaced",
    "carried",
    "triggered",
]
CANCEL_FATES: dict[str, CancelFate] = {fate: fate for fate in get_args(CancelFate)}
QUIET: frozenset[EventKind] = frozenset({"carried", "triggered"})
"""Steps that nobody is told of: an order goes on into the next session, or its stop is reached."""
Intent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
TERMINAL: frozenset[Status] = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})

_WAITING: dict[EventKind, Status] = {
    "new": "new",
    "rejected": "rejected",
    "partial_fill": "partially_filled",
    "fill": "filled",
    "pending_cancel": "pending_cancel",
    "canceled": "canceled",
    "expired": "expired",
}
_WORKING: dict[EventKind, Status] = {
    **{kind: status for kind, status in _WAITING.items() if kind != "new"},
    "pending_replace": "pending_replace",
}
_CANCELLING: dict[EventKind, Status] = {
    "partial_fill": "pending_cancel",
    "fill": "filled",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
}
_REPLACING: dict[EventKind, Status] = _CANCELLING | {"partial_fill": "pending_replace", "replaced": "replaced"}
_OPEN: dict[Status, dict[EventKind, Status]] = {
    "accepted": _WAITING,
    "pending_new": _WAITING,
    "new": _WORKING,
    "partially_filled": _WORKING,
    "pending_cancel": _CANCELLING,
    "pending_replace": _REPLACING,
}
TRANSITIONS = {status: steps | dict.fromkeys(QUIET, status) for status, steps in _OPEN.items()}
_GTC_LIFE = timedelta(days=90)


def order_id(client_order_id: str) -> UUID:
    """The exchange's own name for an order."""
    return identity("order", client_order_id)


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """Something that happens to an order at an instant; quantity and price (USD) for fills, `day` when carried."""

    at_ns: int
    kind: EventKind
    qty: Decimal = ZERO
    price: Decimal = ZERO
    day: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One order as the exchange knows it. Instants in ns, prices in USD, `day` its session (ISO date).

    `reserve_price` is what a share of an opening order holds back from buying power. `doomed` orders are rejected on
    arrival. `replaces` and `replaced_by` are client order ids; an order that `waits` does so for the one it replaces,
    and does not arrive before `not_before_ns`. A cancel with a fate does not take effect.
    """

    number: int
    client_order_id: str
    symbol: str
    side: Side
    type: str
    time_in_force: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    reserve_price: Decimal
    status: Status
    submitted_ns: int
    day: str
    updated_ns: int
    doomed: bool = False
    stop_price: Decimal | None = None
    triggered_ns: int | None = None
    extended_hours: bool = False
    replaces: str | None = None
    replaced_by: str | None = None
    replace_requested_ns: int | None = None
    waits: bool = False
    not_before_ns: int = 0
    intent: Intent | None = None
    expires_ns: int = 0
    cancel_fate: CancelFate | None = None
    filled_qty: Decimal = ZERO
    filled_usd: Decimal = ZERO
    fills: int = 0
    last_fill_ns: int | None = None
    cancel_requested_ns: int | None = None
    ended_ns: int | None = None

    @property
    def id(self) -> UUID:
        """The exchange's own name for it."""
        return order_id(self.client_order_id)

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status not in TERMINAL

    @property
    def leaves_qty(self) -> Decimal:
        """Shares still to fill; 0 for a notional order, whose shares are known only when it fills."""
        return ZERO if self.qty is None or not self.is_open else self.qty - self.filled_qty

    @property
    def position_intent(self) -> Intent:
        """What it does to the position."""
        return self.intent or ("buy_to_open" if self.side == "buy" else "sell_to_close")

    @property
    def reserved_usd(self) -> Decimal:
        """What an open order that opens a position holds back from buying power."""
        if self.position_intent.endswith("close") or not self.is_open:
            return ZERO
        return self.leaves_qty * self.reserve_price if self.notional is None else self.notional


def expiry_ns(calendar: Calendar, time_in_force: str, submitted_ns: int, day: date) -> int:
    """The close that ends an order of that day; for GTC the last one within 90 days."""
    sent = new_york_date(submitted_ns)
    days = (sent, sent + _GTC_LIFE) if time_in_force == "gtc" else (day, day)
    return max(session.close_ns for session in calendar.sessions_between(*days))


def apply(order: Order, step: Step) -> Order:
    """The order after the step; KeyError for a step that its status does not allow."""
    status = TRANSITIONS[order.status][step.kind]
    if step.kind == "carried":
        return replace(order, day=step.day)
    if step.kind == "triggered":
        return replace(order, triggered_ns=step.at_ns)
    after = replace(order, status=status, updated_ns=step.at_ns)
    if step.kind in {"partial_fill", "fill"}:
        after = replace(
            after,
            filled_qty=order.filled_qty + step.qty,
            filled_usd=order.filled_usd + step.qty * step.price,
            fills=order.fills + 1,
            last_fill_ns=step.at_ns,
        )
    if step.kind == "pending_cancel":
        after = replace(after, cancel_requested_ns=step.at_ns)
    if step.kind == "pending_replace":
        after = replace(after, replace_requested_ns=step.at_ns)
    return after if after.is_open else replace(after, ended_ns=step.at_ns)


_AMOUNTS = {field.name for field in fields(Order) if "Decimal" in str(field.type)}


def to_record(order: Order) -> dict[str, Any]:
    """Plain JSON values, amounts as text."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(order).items()}


def from_record(record: dict[str, Any]) -> Order:
    """The order of `to_record`."""
    values: dict[str, Any] = {
        name: Decimal(value) if name in _AMOUNTS and value is not None else value for name, value in record.items()
    }
    return Order(**values)

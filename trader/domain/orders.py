"""Orders from intent to fill."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class Purpose(StrEnum):
    """Why an order exists; the letter stands in its client id."""

    PLAN = "p"
    STOP = "s"
    BREAKER = "k"
    FLATTEN = "f"


FLATTENING = frozenset({Purpose.FLATTEN, Purpose.BREAKER})
"""Purposes of orders that close everything; after one of them nothing is opened on that day."""


class OrderType(StrEnum):
    """How an order meets the market."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class OrderStatus(StrEnum):
    """Our view of an order: the broker's statuses, and those before and beyond the broker's sight."""

    INTENDED = "intended"  # committed to the ledger, not known to be at the broker
    UNKNOWN = "unknown"  # posted, no clear answer yet
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"  # by our own gate; never sent

    @property
    def terminal(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.DENIED}
)


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One line of the plan: what shall be traded, not yet at which price.

    `quantity` in shares; `reference_price` (USD) is the close the size was computed from; `reduces` is true
    when the order only brings a holding nearer to zero; `sequence` counts the plan's orders from 0. It is sent in
    `slices` parts.
    """

    sequence: int
    symbol: str
    side: Side
    quantity: Decimal
    reference_price: Decimal
    reduces: bool
    slices: int = 1


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it would go out: the intent's generation with its limit, before the gate has seen it."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    reduces: bool


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker reports it. Quantities in shares, prices in USD."""

    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    status: OrderStatus
    filled_quantity: Decimal
    filled_average_price: Decimal | None
    submitted_at: datetime
    updated_at: datetime
    broker_status: str


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fill_id` is the broker's activity id: the key that keeps a fill from counting twice."""

    fill_id: str
    broker_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What a client order id says; grammar in `execution.identifiers`."""

    account: str
    strategy: str
    session_date: date
    symbol: str
    side: Side
    purpose: Purpose
    sequence: int
    slice: int
    generation: int

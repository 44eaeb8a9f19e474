"""A fill as the account's activities and the stream tell it."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from trader.simulated_exchange.draws import identity
from trader.simulated_exchange.orders import Order, Step
from trader.simulated_exchange.timestamps import NEW_YORK, to_datetime

_AMOUNTS = ("qty", "price", "cum_qty", "leaves_qty")


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; `number` is the order's own count of fills, from 1."""

    client_order_id: str
    number: int
    symbol: str
    side: str
    at_ns: int
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    leaves_qty: Decimal
    order_status: str

    @property
    def activity_type(self) -> str:
        """As the account's activities call it."""
        return "FILL"

    @property
    def told_ns(self) -> int:
        """The instant that filters on time look at."""
        return self.at_ns

    @property
    def execution_id(self) -> UUID:
        """Unique for ever; the key to drop a repetition by."""
        return identity("execution", self.client_order_id, self.number)

    @property
    def activity_id(self) -> str:
        """Wall time in New York to the millisecond, then a UUID."""
        local = to_datetime(self.at_ns).astimezone(NEW_YORK)
        return f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}::{self.execution_id}"


def fill_of(order: Order, step: Step) -> Fill:
    """The fill that brought `order` where it is, by `step`."""
    return Fill(
        order.client_order_id,
        order.fills,
        order.symbol,
        order.side,
        step.at_ns,
        step.qty,
        step.price,
        order.filled_qty,
        order.leaves_qty,
        order.status,
    )


def fill_record(fill: Fill) -> dict[str, Any]:
    """Plain JSON values, amounts as text."""
    return asdict(fill) | {name: str(getattr(fill, name)) for name in _AMOUNTS}


def fill_from(record: dict[str, Any]) -> Fill:
    """The fill of `fill_record`."""
    return Fill(**record | {name: Decimal(record[name]) for name in _AMOUNTS})

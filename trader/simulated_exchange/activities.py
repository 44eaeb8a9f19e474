"""What happens to an account without a trade, as the account's activities tell it."""

from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from trader.simulated_exchange.draws import identity
from trader.simulated_exchange.timestamps import midnight_new_york, to_ns


@dataclass(frozen=True, slots=True)
class Activity:
    """One row; those of one `action` belong together, `place` counts them from 0.

    `qty` is signed: shares that go or come, or for a dividend those it is paid on. Amounts are in USD.
    """

    action: int
    place: int
    activity_type: str
    sub_type: str
    day: str
    symbol: str
    net_amount: Decimal
    qty: Decimal | None
    per_share_amount: Decimal | None
    created_ns: int
    description: str

    @property
    def group_id(self) -> str:
        """Shared by the rows of one action."""
        return str(identity("action", self.action))

    @property
    def activity_id(self) -> str:
        """The date with zeros for a time, then a UUID."""
        return f"{self.day.replace('-', '')}000000000::{identity('activity', self.action, self.place)}"

    @property
    def told_ns(self) -> int:
        """The instant that filters on time look at: midnight of its date in New York."""
        return to_ns(midnight_new_york(date.fromisoformat(self.day)))


_AMOUNTS = {field.name for field in fields(Activity) if "Decimal" in str(field.type)}


def activity_record(activity: Activity) -> dict[str, Any]:
    """Plain JSON values, amounts as text."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(activity).items()}


def activity_from(record: dict[str, Any]) -> Activity:
    """The activity of `activity_record`."""
    values: dict[str, Any] = {
        name: Decimal(value) if name in _AMOUNTS and value is not None else value for name, value in record.items()
    }
    return Activity(**values)

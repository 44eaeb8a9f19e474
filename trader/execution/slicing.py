"""An order in parts, evenly in time (TWAP): what each part is, and when it is due.

Both come from the plan and the policy alone, so that a restart arrives at the same ids and quantities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.orders import OrderIntent
from trader.domain.policy import ExecutionPolicy

_SHARE, _FRACTION = Decimal(1), Decimal("0.000000001")


@dataclass(frozen=True, slots=True)
class Part:
    """Part `slice` (from 0) of an intent, `quantity` in shares."""

    intent: OrderIntent
    slice: int
    quantity: Decimal


def parts(intent: OrderIntent) -> tuple[Part, ...]:
    """The intent in `slices` nearly equal parts, the larger ones first; fewer when there are not so many shares.

    Whole shares; an intent for a fraction of a share is cut to 9 decimals.
    """
    if intent.slices == 1:
        return (Part(intent, 0, intent.quantity),)
    return tuple(Part(intent, n, quantity) for n, quantity in enumerate(_quantities(intent)) if quantity)


def _quantities(intent: OrderIntent) -> Iterator[Decimal]:
    unit = _SHARE if intent.quantity == intent.quantity.to_integral_value() else _FRACTION
    units = int(intent.quantity / unit)
    each, left = divmod(units, intent.slices)
    for n in range(intent.slices):
        yield (each + (n < left)) * unit


def due_at(part: Part, open_at: datetime, policy: ExecutionPolicy) -> datetime:
    """When the part is sent: open_delay_s after the open, and slice_interval_s after the part before.

    The interval is shortened where the last part would come later than latest_start_s.
    """
    room_s = max(0, policy.latest_start_s - policy.open_delay_s)
    interval_s = min(policy.slice_interval_s, room_s // part.intent.slices)
    return open_at + timedelta(seconds=policy.open_delay_s + part.slice * interval_s)

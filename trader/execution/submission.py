"""What to do next about each line of the plan: the rules of sending, as one pure function."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.domain.orders import OrderIntent, OrderKey, OrderRequest, OrderStatus, Purpose
from trader.domain.plan import Plan
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import OrderView

UNCLEAR = (OrderStatus.INTENDED, OrderStatus.UNKNOWN)
"""Statuses of an order that may or may not be at the broker."""

_HALTS = ("halt", "outside")


class Step(StrEnum):
    """The next act for an order intent."""

    SEND = "send"  # commit the generation and POST it
    LOOK_UP = "look_up"  # it may be at the broker: ask before anything else
    FOLLOW = "follow"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step, with the request when it is to be sent, or the order it is about."""

    step: Step
    intent: OrderIntent
    request: OrderRequest | None = None
    generation: int = 0
    view: OrderView | None = None


def key_of(plan: Plan, intent: OrderIntent, generation: int) -> OrderKey:
    """The key of one generation of an intent."""
    return OrderKey(
        plan.account,
        plan.strategy,
        plan.session_date,
        intent.symbol,
        intent.side,
        Purpose.PLAN,
        intent.sequence,
        0,
        generation,
    )


def chains(views: Iterable[OrderView]) -> Mapping[int, Sequence[OrderView]]:
    """The plan's orders by sequence number, generations ascending."""
    found: dict[int, list[OrderView]] = {}
    for view in views:
        if view.key.purpose is Purpose.PLAN:
            found.setdefault(view.key.sequence, []).append(view)
    return {sequence: sorted(chain, key=lambda v: v.key.generation) for sequence, chain in found.items()}


def next_step(plan: Plan, intent: OrderIntent, chain: Sequence[OrderView]) -> NextStep:
    """What the rules ask for. A new generation is made only for what a halt cancelled."""
    if not chain:
        return _send(plan, intent, 0, intent.quantity)
    last = chain[-1]
    if last.status in UNCLEAR:
        return NextStep(Step.LOOK_UP, intent, view=last)
    if not last.status.terminal:
        return NextStep(Step.FOLLOW, intent, view=last)
    remainder = intent.quantity - sum((view.filled_quantity for view in chain), Decimal(0))
    if last.status is OrderStatus.CANCELED and last.cancel_reason in _HALTS and remainder > 0:
        return _send(plan, intent, last.key.generation + 1, remainder)
    return NextStep(Step.DONE, intent, view=last)


def _send(plan: Plan, intent: OrderIntent, generation: int, quantity: Decimal) -> NextStep:
    request = OrderRequest(
        client_order_id(key_of(plan, intent, generation)), intent.symbol, intent.side, quantity, intent.reduces
    )
    return NextStep(Step.SEND, intent, request, generation)


def cancelled_from_outside(views: Iterable[OrderView]) -> tuple[OrderView, ...]:
    """Orders that were cancelled although we did not ask: somebody stops us, which counts as a halt."""
    return tuple(v for v in views if v.status is OrderStatus.CANCELED and v.cancel_reason is None)

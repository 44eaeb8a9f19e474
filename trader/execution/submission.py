"""What to do next about each part of the plan's lines: the rules of sending, as one pure function."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trader.domain.market import SessionDay
from trader.domain.orders import OrderIntent, OrderKey, OrderRequest, OrderStatus, OrderType, Purpose
from trader.domain.plan import Plan
from trader.domain.policy import ExecutionPolicy
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import OrderView
from trader.execution.slicing import Part, due_at, parts

UNCLEAR = (OrderStatus.INTENDED, OrderStatus.UNKNOWN)
"""Statuses of an order that may or may not be at the broker."""

REPRICE = "reprice"
"""Reason of a cancel that makes room for a new price."""

_GOES_ON = ("halt", "outside", "reduce", REPRICE)
"""Reasons of a cancel after which the remainder is sent as the next generation."""


class Step(StrEnum):
    """The next act for a part of an order intent."""

    WAIT = "wait"  # its time has not come
    SEND = "send"  # commit the generation and POST it
    LOOK_UP = "look_up"  # it may be at the broker: ask before anything else
    FOLLOW = "follow"
    REPRICE = "reprice"  # cancel it, so that the remainder can go out at a new price
    DONE = "done"


UNSENT = (Step.WAIT, Step.SEND, Step.LOOK_UP)
"""Steps of what the broker may not have yet."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, the session and policy it falls in, and whether anything new may be opened."""

    now: datetime
    session: SessionDay
    policy: ExecutionPolicy
    may_open: bool


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step; `request` is what is to be sent, `view` the part's newest order, `due_at` the end of a wait."""

    step: Step
    part: Part
    view: OrderView | None = None
    request: OrderRequest | None = None
    generation: int = 0
    due_at: datetime | None = None

    @property
    def intent(self) -> OrderIntent:
        """The line of the plan it is about."""
        return self.part.intent


Chains = Mapping[tuple[int, int], Sequence[OrderView]]
"""The plan's orders by (sequence, slice), generations ascending."""


def key_of(plan: Plan, part: Part, generation: int) -> OrderKey:
    """The key of one generation of a part."""
    intent = part.intent
    return OrderKey(
        plan.account,
        plan.strategy,
        plan.session_date,
        intent.symbol,
        intent.side,
        Purpose.PLAN,
        intent.sequence,
        part.slice,
        generation,
    )


def chains(views: Iterable[OrderView]) -> Chains:
    """The orders of the plan, each part's in a chain of its own."""
    found: dict[tuple[int, int], list[OrderView]] = {}
    for view in views:
        if view.key.purpose is Purpose.PLAN:
            found.setdefault((view.key.sequence, view.key.slice), []).append(view)
    return {place: sorted(chain, key=lambda v: v.key.generation) for place, chain in found.items()}


def next_steps(plan: Plan, views: Iterable[OrderView], moment: Moment) -> list[NextStep]:
    """What the rules ask for, for every part of every line, in the plan's order."""
    known = chains(views)
    return [
        next_step(plan, part, known.get((intent.sequence, part.slice), ()), moment)
        for intent in plan.intents
        for part in parts(intent)
    ]


def next_step(plan: Plan, part: Part, chain: Sequence[OrderView], moment: Moment) -> NextStep:
    """What the rules ask for. A new generation follows an end that leaves a remainder, and that we wish to go on from.

    Of a chain only the newest order can still fill: the next one is made when it is at its end.
    """
    if not chain:
        due = due_at(part, moment.session.open_at, moment.policy)
        return _send(plan, part, 0, part.quantity) if moment.now >= due else NextStep(Step.WAIT, part, due_at=due)
    last = chain[-1]
    if last.status in UNCLEAR:
        return NextStep(Step.LOOK_UP, part, last)
    if not last.status.terminal:
        return NextStep(Step.REPRICE if _is_outdated(part, chain, moment) else Step.FOLLOW, part, last)
    remainder = part.quantity - sum((view.executed_quantity for view in chain), Decimal(0))
    if last.status is OrderStatus.CANCELED and last.cancel_reason in _GOES_ON and remainder > 0:
        return _send(plan, part, last.key.generation + 1, remainder, last)
    return NextStep(Step.DONE, part, last)


def _send(plan: Plan, part: Part, generation: int, quantity: Decimal, last: OrderView | None = None) -> NextStep:
    intent, name = part.intent, client_order_id(key_of(plan, part, generation))
    request = OrderRequest(name, intent.symbol, intent.side, quantity, intent.reduces)
    return NextStep(Step.SEND, part, last, request, generation)


def _is_outdated(part: Part, chain: Sequence[OrderView], moment: Moment) -> bool:
    """Whether the newest order has worked too long at its price, or its cancel for that reason may have got lost.

    Only limit orders have a price that ages. A new price is new risk: an opener needs the right to open for it.
    """
    last, policy = chain[-1], moment.policy
    if last.cancel_reason is not None:
        return last.cancel_reason == REPRICE and last.status is not OrderStatus.PENDING_CANCEL
    if last.intended is None or last.intended.order_type is not OrderType.LIMIT or not policy.reprice_after_s:
        return False
    repriced = sum(view.cancel_reason == REPRICE for view in chain)
    allowed = repriced < policy.max_reprices and (part.intent.reduces or moment.may_open)
    return allowed and moment.now >= last.unsure_since + timedelta(seconds=policy.reprice_after_s)


def cancelled_from_outside(views: Iterable[OrderView]) -> tuple[OrderView, ...]:
    """Orders that were cancelled although we did not ask: somebody stops us, which counts as a halt."""
    return tuple(v for v in views if v.status is OrderStatus.CANCELED and v.cancel_reason is None)

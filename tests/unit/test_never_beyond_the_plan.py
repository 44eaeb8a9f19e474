"""Whatever the order of answers, losses, fills, cancels and restarts: a line's orders never exceed its quantity.

The journal and the pure rules are ours; the broker is a few lines of what any broker does: it accepts an id once,
fills what is open, and may forget to answer, answer late, or tell an older story.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.orders import DAY, OPEN, SESSION, intended, intent, observed, plan
from trader.domain.journal import CancelRequested, Entry, Event, SubmitUnknown
from trader.domain.orders import OrderStatus
from trader.domain.policy import ExecutionPolicy
from trader.execution.identifiers import client_order_id, parse
from trader.execution.order_state import Views, fold
from trader.execution.submission import REPRICE, Moment, NextStep, Step, next_steps

POLICY = ExecutionPolicy(reprice_after_s=30, max_reprices=3, slice_interval_s=30)
fates = st.sampled_from(["answered", "unanswered", "late", "lost", "killed"])


@dataclass(frozen=True)
class Placed:
    """An order as the broker has it."""

    quantity: int
    filled: int = 0
    status: OrderStatus = OrderStatus.WORKING

    @property
    def may_fill(self) -> int:
        """Shares that may still be filled."""
        return 0 if self.status.terminal else self.quantity - self.filled


class Trading(RuleBasedStateMachine):
    """One line of a plan at work."""

    @initialize(quantity=st.integers(1, 40), slices=st.integers(1, 4))
    def begin(self, quantity: int, slices: int) -> None:
        self.quantity = quantity
        self.plan = plan(replace(intent(quantity=quantity), slices=slices))
        self.now = OPEN + timedelta(seconds=30)
        self.journal: list[Entry] = []
        self.placed: dict[str, Placed] = {}
        self.late: dict[str, int] = {}
        self.stories: list[dict[str, Placed]] = [{}]

    def write(self, *events: Event) -> None:
        self.journal += [Entry(len(self.journal) + 1, self.now, event, "") for event in events]

    def views(self) -> Views:
        """Folded anew each time: every act begins as after a restart."""
        return fold(self.journal)

    def steps(self) -> list[NextStep]:
        return next_steps(self.plan, self.views().values(), Moment(self.now, SESSION, POLICY, may_open=True))

    def change(self, name: str, order: Placed) -> None:
        self.placed = {**self.placed, name: order}
        self.stories.append(self.placed)

    def arrive(self, name: str, quantity: int) -> None:
        if name not in self.placed:  # an id is accepted once
            self.change(name, Placed(quantity))

    def post(self, name: str, quantity: int, fate: str) -> None:
        if fate in ("answered", "unanswered"):
            self.arrive(name, quantity)
        elif fate == "late":
            self.late[name] = quantity
        if fate == "answered":
            self.tell(name, self.placed[name])
        elif fate != "killed":
            self.write(SubmitUnknown(DAY, name, fate))

    def tell(self, name: str, order: Placed) -> None:
        of = parse(name)
        assert of is not None
        self.write(observed(of, order.status, order.filled, order.quantity))

    @rule(age=st.integers(0, 2), fate=fates, cancel_arrives=st.booleans(), at_most=st.integers(1, 5))
    def pass_once(self, age: int, fate: str, cancel_arrives: bool, at_most: int) -> None:
        """Look at how things are, or were; then do what the rules ask for, and perhaps die in between."""
        self.look(age)
        for step in self.steps()[:at_most]:
            match step:
                case NextStep(step=Step.SEND, request=request) if request is not None:
                    of = parse(request.client_order_id)
                    assert of is not None
                    self.write(intended(of, int(request.quantity)))
                    self.post(request.client_order_id, int(request.quantity), fate)
                case NextStep(step=Step.LOOK_UP, view=view) if view is not None:
                    self.look_up(view.client_order_id, int(view.quantity), fate)
                case NextStep(step=Step.REPRICE, view=view) if view is not None:
                    self.cancel(view.client_order_id, REPRICE, cancel_arrives)
                case _:
                    pass

    def look_up(self, name: str, quantity: int, fate: str) -> None:
        if name in self.placed:
            self.tell(name, self.placed[name])
        elif self.now >= self.views()[name].unsure_since + timedelta(seconds=POLICY.unknown_grace_s):
            self.write(SubmitUnknown(DAY, name, "absent, sent again"))
            self.post(name, quantity, fate)

    def cancel(self, name: str, reason: str, arrives: bool) -> None:
        self.write(CancelRequested(DAY, name, reason))
        if arrives and not self.placed[name].status.terminal:
            self.change(name, replace(self.placed[name], status=OrderStatus.PENDING_CANCEL))

    @precondition(lambda self: self.late)
    @rule()
    def what_was_late_arrives(self) -> None:
        for name, quantity in self.late.items():
            self.arrive(name, quantity)
        self.late = {}

    @rule(seconds=st.sampled_from([2, 31]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def look(self, age: int) -> None:
        for name, order in self.stories[max(0, len(self.stories) - 1 - age)].items():
            self.tell(name, order)

    @rule(data=st.data())
    def the_market_fills(self, data: st.DataObject) -> None:
        name = self.drawn(data)
        if name is not None:
            order = self.placed[name]
            filled = order.filled + data.draw(st.integers(1, order.may_fill))
            done = OrderStatus.FILLED if filled == order.quantity else order.status
            self.change(name, replace(order, filled=filled, status=done))

    @rule(data=st.data())
    def a_cancel_is_done(self, data: st.DataObject) -> None:
        name = self.drawn(data, OrderStatus.PENDING_CANCEL)
        if name is not None:
            self.change(name, replace(self.placed[name], status=OrderStatus.CANCELED))

    @rule(arrives=st.booleans())
    def trading_is_halted_and_resumed(self, arrives: bool) -> None:
        for name, view in self.views().items():
            if view.broker_order_id and not view.status.terminal:
                self.cancel(name, "halt", arrives)

    def drawn(self, data: st.DataObject, status: OrderStatus | None = None) -> str | None:
        names = [n for n, o in self.placed.items() if o.may_fill and status in (None, o.status)]
        return data.draw(st.sampled_from(names)) if names else None

    @invariant()
    def nothing_goes_beyond_the_plan(self) -> None:
        known = {name: order.filled + order.may_fill for name, order in getattr(self, "placed", {}).items()}
        coming = {name: quantity for name, quantity in getattr(self, "late", {}).items() if name not in known}
        assert sum(known.values()) + sum(coming.values()) <= getattr(self, "quantity", 0)

    def teardown(self) -> None:
        """With a market that fills and a broker that answers, the whole line is filled in the end."""
        if not hasattr(self, "plan"):
            return
        self.what_was_late_arrives()
        for _ in range(60):
            self.now += timedelta(seconds=31)
            for name, order in self.placed.items():
                if order.may_fill:
                    pending = order.status is OrderStatus.PENDING_CANCEL
                    end = OrderStatus.CANCELED if pending else OrderStatus.FILLED
                    self.change(name, replace(order, filled=order.filled if pending else order.quantity, status=end))
            self.pass_once(0, "answered", True, 100)
        assert {step.step for step in self.steps()} == {Step.DONE}
        assert sum(order.filled for order in self.placed.values()) == self.quantity
        lines = [parse(name) for name in self.placed]
        assert all(of is not None and client_order_id(of) in self.views() for of in lines)
        assert sum((view.executed_quantity for view in self.views().values()), Decimal(0)) == self.quantity


TestNeverBeyondThePlan = Trading.TestCase
TestNeverBeyondThePlan.settings = settings(max_examples=35, stateful_step_count=30, deadline=None)

"""The rules of sending: what comes next for a line of the plan."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.orders import DAY, OPEN, SESSION, entries, intended, intent, key, observed, plan
from trader.domain.journal import CancelRequested, Event, OrderRefused, SubmitUnknown
from trader.domain.orders import OrderIntent, OrderStatus, OrderType, Side
from trader.domain.policy import ExecutionPolicy
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import fold
from trader.execution.submission import Moment, NextStep, Step, cancelled_from_outside, next_steps

POLICY = ExecutionPolicy(reprice_after_s=120, max_reprices=2)
ID = client_order_id(key())
SOON = OPEN + timedelta(seconds=60)
LATER = OPEN + timedelta(seconds=200)


def steps(
    *events: Event, line: OrderIntent | None = None, now: datetime = SOON, may_open: bool = True
) -> list[NextStep]:
    moment = Moment(now, SESSION, POLICY, may_open)
    return next_steps(plan(line or intent()), fold(entries(*events)).values(), moment)


def after(*events: Event, now: datetime = SOON, may_open: bool = True) -> NextStep:
    return steps(*events, now=now, may_open=may_open)[0]


def test_an_untouched_line_is_sent_whole_under_the_id_of_the_decision() -> None:
    step = after()
    assert step.step is Step.SEND
    assert step.request is not None
    assert (step.request.client_order_id, step.request.quantity) == (ID, Decimal(10))


@pytest.mark.parametrize("unclear", [[], [SubmitUnknown(DAY, ID, "504")]])
def test_an_intent_without_a_clear_answer_is_looked_up_and_never_sent(unclear: list[Event]) -> None:
    assert after(intended(key()), *unclear).step is Step.LOOK_UP


@pytest.mark.parametrize("status", [OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL])
def test_a_working_order_is_followed(status: OrderStatus) -> None:
    assert after(intended(key()), observed(key(), status)).step is Step.FOLLOW


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.REJECTED])
def test_an_end_is_an_end(status: OrderStatus) -> None:
    assert after(intended(key()), observed(key(), status)).step is Step.DONE


def test_a_rejected_order_is_not_tried_again() -> None:
    assert after(intended(key()), OrderRefused(DAY, ID, 403, 40310000, "no")).step is Step.DONE


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("halt", Step.SEND),
        ("outside", Step.SEND),
        ("reduce", Step.SEND),
        ("reprice", Step.SEND),
        ("close", Step.DONE),
        ("stop_loss", Step.DONE),
    ],
)
def test_what_was_cancelled_to_go_on_goes_on_as_the_next_generation(reason: str, step: Step) -> None:
    events = [
        intended(key()),
        observed(key(), OrderStatus.PARTIALLY_FILLED, filled=4),
        CancelRequested(DAY, ID, reason),
        observed(key(), OrderStatus.CANCELED, filled=4),
    ]
    found = after(*events)
    assert found.step is step
    if found.request is not None:
        assert found.request.client_order_id == client_order_id(key(generation=1))
        assert found.request.quantity == Decimal(6)


def test_the_remainder_counts_every_generation() -> None:
    second = key(generation=1)
    events: list[Event] = []
    for generation, filled in ((key(), 4), (second, 5)):
        events += [
            intended(generation),
            observed(generation, OrderStatus.WORKING),
            CancelRequested(DAY, client_order_id(generation), "halt"),
            observed(generation, OrderStatus.CANCELED, filled=filled),
        ]
    request = after(*events).request
    assert request is not None
    assert request.quantity == Decimal(1)


def test_a_cancel_nobody_asked_for_is_noticed() -> None:
    views = fold(entries(intended(key()), observed(key(), OrderStatus.CANCELED))).values()
    assert [view.client_order_id for view in cancelled_from_outside(views)] == [ID]


def repriced(generation: int, filled: int = 0) -> list[Event]:
    """A generation that was cancelled for a new price, with so many of its shares filled."""
    of = key(generation=generation)
    return [
        intended(of),
        observed(of, OrderStatus.WORKING),
        CancelRequested(DAY, client_order_id(of), "reprice"),
        observed(of, OrderStatus.CANCELED, filled=filled),
    ]


def test_a_limit_that_has_worked_too_long_gets_a_new_price() -> None:
    aging = [intended(key()), observed(key(), OrderStatus.PARTIALLY_FILLED, filled=4)]
    old = OPEN + timedelta(seconds=121)  # a second after the intent was recorded
    assert after(*aging, now=old - timedelta(seconds=1)).step is Step.FOLLOW
    assert after(*aging, now=old).step is Step.REPRICE
    request = after(
        *aging, CancelRequested(DAY, ID, "reprice"), observed(key(), OrderStatus.CANCELED, filled=4)
    ).request
    assert request is not None
    assert (request.client_order_id, request.quantity) == (client_order_id(key(generation=1)), Decimal(6))


def test_a_cancel_for_a_new_price_is_asked_for_until_it_is_taken() -> None:
    asked = [intended(key()), observed(key(), OrderStatus.WORKING), CancelRequested(DAY, ID, "reprice")]
    assert after(*asked).step is Step.REPRICE
    assert after(*asked, observed(key(), OrderStatus.PENDING_CANCEL), now=LATER).step is Step.FOLLOW


def test_new_prices_have_an_end() -> None:
    second = [*repriced(0), *repriced(1)]
    last = [intended(key(generation=2)), observed(key(generation=2), OrderStatus.WORKING)]
    assert after(*second).generation == 2
    assert after(*second, *last, now=LATER).step is Step.FOLLOW


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT])
def test_only_limits_age(kind: OrderType) -> None:
    sleeping = [replace(intended(key()), order_type=kind), observed(key(), OrderStatus.WORKING)]
    assert after(*sleeping, now=LATER).step is Step.FOLLOW


def test_an_opener_gets_no_new_price_when_nothing_may_be_opened_and_a_reducer_does() -> None:
    opener = [intended(key()), observed(key(), OrderStatus.WORKING)]
    assert after(*opener, now=LATER, may_open=False).step is Step.FOLLOW
    selling = key(side=Side.SELL)
    reducer = [intended(selling), observed(selling, OrderStatus.WORKING)]
    (step,) = steps(*reducer, line=intent(side=Side.SELL), now=LATER, may_open=False)
    assert step.step is Step.REPRICE


def test_parts_are_sent_when_they_are_due_each_with_a_chain_of_its_own() -> None:
    line = replace(intent(quantity=10), slices=3)
    first = replace(key(), slice=0)
    found = steps(intended(first, 4), observed(first, OrderStatus.FILLED, 4, 4), line=line, now=SOON)
    assert [step.step for step in found] == [Step.DONE, Step.WAIT, Step.WAIT]
    assert found[1].due_at == OPEN + timedelta(seconds=330)
    found = steps(line=line, now=OPEN + timedelta(seconds=330))
    assert [step.step for step in found] == [Step.SEND, Step.SEND, Step.WAIT]
    assert [step.request.quantity for step in found if step.request] == [4, 3]
    assert [step.request.client_order_id[-6:] for step in found if step.request] == ["p0.0.0", "p0.1.0"]

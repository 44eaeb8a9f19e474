"""The rules of sending: what comes next for a line of the plan."""

from decimal import Decimal

import pytest

from tests.support.orders import DAY, entries, intended, intent, key, observed, plan
from trader.domain.journal import CancelRequested, Event, OrderRefused, SubmitUnknown
from trader.domain.orders import OrderStatus
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import fold
from trader.execution.submission import NextStep, Step, cancelled_from_outside, chains, next_step

INTENT = intent()
PLAN = plan(INTENT)
ID = client_order_id(key())


def after(*events: Event) -> NextStep:
    chain = chains(fold(entries(*events)).values()).get(0, ())
    return next_step(PLAN, INTENT, chain)


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


@pytest.mark.parametrize(("reason", "step"), [("halt", Step.SEND), ("outside", Step.SEND), ("close", Step.DONE)])
def test_what_a_halt_cancelled_goes_on_as_the_next_generation(reason: str, step: Step) -> None:
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

"""The life of an order: the broker's word may come late, twice and out of order."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import DAY, OPEN, entries, intended, key, observed
from trader.domain.journal import CancelRequested, FillRecorded, OrderDenied, SubmitUnknown
from trader.domain.orders import Fill, OrderStatus, Side
from trader.domain.plan import Denial
from trader.execution.identifiers import client_order_id
from trader.execution.order_state import NEXT, OrderView, arrival_prices, fold

KEY = key()
ID = client_order_id(KEY)
ends = [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED]


def test_every_status_has_its_row_and_ends_are_final() -> None:
    assert set(NEXT) == set(OrderStatus)
    assert all(not NEXT[end] for end in ends)


@given(st.sampled_from(ends), st.lists(st.sampled_from(sorted(set(OrderStatus) - {OrderStatus.INTENDED}))))
def test_nothing_moves_an_order_from_its_end(end: OrderStatus, later: Sequence[OrderStatus]) -> None:
    views = fold(entries(intended(KEY), observed(KEY, end), *(observed(KEY, status) for status in later)))
    assert views[ID].status is end


def test_an_older_report_neither_reopens_nor_unfills() -> None:
    reports = [observed(KEY, OrderStatus.PARTIALLY_FILLED, filled=6), observed(KEY, OrderStatus.WORKING, filled=0)]
    view = fold(entries(intended(KEY), *reports))[ID]
    assert (view.status, view.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, Decimal(6))


def test_an_unclear_answer_restarts_the_wait_for_proof_of_absence() -> None:
    view = fold(entries(intended(KEY), SubmitUnknown(DAY, ID, "time-out")))[ID]
    assert view.status is OrderStatus.UNKNOWN
    assert (view.unsure_since - OPEN).total_seconds() == 2


def test_a_fill_counts_once_and_missing_fills_show() -> None:
    fill = FillRecorded(DAY, ID, Fill("f1", "b", "AAA", Side.BUY, Decimal(4), Decimal(100), OPEN))
    events = [intended(KEY), observed(KEY, OrderStatus.PARTIALLY_FILLED, filled=6), fill, fill]
    assert fold(entries(*events))[ID].fills_missing
    rest = FillRecorded(DAY, ID, Fill("f2", "b", "AAA", Side.BUY, Decimal(2), Decimal(100), OPEN))
    assert not fold(entries(*events, rest))[ID].fills_missing


def test_an_order_found_at_the_broker_alone_has_a_view() -> None:
    view = fold(entries(observed(KEY, OrderStatus.WORKING)))[ID]
    assert isinstance(view, OrderView)
    assert view.intended is None
    assert view.broker_order_id


@pytest.mark.parametrize("reason", ["halt", "outside"])
def test_the_reason_of_a_cancel_is_kept(reason: str) -> None:
    events = [intended(KEY), observed(KEY, OrderStatus.WORKING), CancelRequested(DAY, ID, reason)]
    assert fold(entries(*events, observed(KEY, OrderStatus.CANCELED)))[ID].cancel_reason == reason


def test_a_new_price_is_measured_against_the_arrival_of_the_first_and_a_part_against_its_own() -> None:
    dear = Decimal(103)
    later, other = key(generation=1), replace(KEY, slice=1)
    views = fold(entries(intended(KEY), *(replace(intended(of), arrival_price=dear) for of in (later, other)))).values()
    first = Decimal(100)
    assert arrival_prices(views) == {ID: first, client_order_id(later): first, client_order_id(other): dear}


def test_a_refusal_for_now_is_no_end() -> None:
    refused = OrderDenied(DAY, ID, Side.BUY, Decimal(10), Denial("AAA", "no_quote", ""), passing=True)
    assert fold(entries(refused)) == {}
    assert fold(entries(refused, intended(KEY)))[ID].status is OrderStatus.INTENDED
    assert fold(entries(refused, replace(refused, passing=False)))[ID].status is OrderStatus.DENIED

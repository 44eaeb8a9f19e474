"""What the gate approves: limits inside their collar, orders sent again, and the orders that close positions."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import DAY, OPEN, PROVENANCE, gate_state, intended, key, quote
from trader.decision.admission import ApprovedOrder, admit, approve_flatten, readmit
from trader.decision.admission import intended as record_of
from trader.decision.order_rules import RULES, may_open
from trader.decision.pricing import limit_price
from trader.domain.errors import InvariantViolated
from trader.domain.journal import OrderIntended, TradingState
from trader.domain.market import Quote
from trader.domain.orders import OrderRequest, OrderType, Side
from trader.domain.plan import Denial
from trader.domain.policy import ExecutionPolicy
from trader.domain.portfolio import Position


def order(quantity: int = 10, side: Side = Side.BUY, reduces: bool = False) -> OrderRequest:
    return OrderRequest("id", "AAA", side, Decimal(quantity), reduces)


LATEST = OPEN + timedelta(seconds=5400)
SECOND = timedelta(seconds=1)

prices = st.decimals(Decimal("0.02"), Decimal(5000), places=4)


@given(prices, st.decimals(Decimal(0), Decimal(5), places=2), st.decimals(Decimal(1), Decimal(500), places=1))
def test_a_limit_is_marketable_and_inside_its_collar(bid: Decimal, width: Decimal, collar_bps: Decimal) -> None:
    at = Quote("AAA", bid, bid + width, OPEN)
    buy, sell = limit_price(Side.BUY, at, collar_bps), limit_price(Side.SELL, at, collar_bps)
    assert buy <= at.ask * (1 + collar_bps / 10_000)
    assert sell >= at.bid * (1 - collar_bps / 10_000)
    for price in (buy, sell):
        assert price == price.quantize(Decimal("0.01") if price >= 1 else Decimal("0.0001"))


def test_a_post_that_did_not_arrive_is_approved_again_only_while_its_time_lasts() -> None:
    before = intended(key())
    again = readmit(before, False, gate_state())
    assert isinstance(again, ApprovedOrder)
    assert (again.client_order_id, again.limit_price) == (before.client_order_id, before.limit_price)
    assert isinstance(readmit(before, False, gate_state(now=LATEST + SECOND)), Denial)
    assert isinstance(readmit(before, False, gate_state(barred={"AAA"})), Denial)
    assert isinstance(readmit(before, True, gate_state(barred={"AAA"})), ApprovedOrder)
    assert isinstance(readmit(before, True, gate_state(frozen=frozenset({"AAA"}))), Denial)
    assert isinstance(readmit(before, True, gate_state(now=LATEST + SECOND)), ApprovedOrder)
    assert isinstance(readmit(before, True, gate_state(trading_state=TradingState.HALT)), Denial)
    assert record_of(DAY, key(), again, PROVENANCE).limit_price == before.limit_price


def test_flatten_closes_what_the_broker_reports_and_nothing_else() -> None:
    position = Position("AAA", Decimal(10), Decimal(90), Decimal(100), Decimal(1000))
    closing = approve_flatten(order(10, Side.SELL, reduces=True), position, quote(), Decimal(50))
    assert closing.limit_price == Decimal("99.50")
    for wrong in (order(11, Side.SELL), order(10, Side.BUY), OrderRequest("id", "BBB", Side.SELL, Decimal(1), True)):
        with pytest.raises(InvariantViolated):
            approve_flatten(wrong, position, quote(), Decimal(50))


def test_why_nothing_may_be_opened_is_said() -> None:
    assert may_open(gate_state()) is None
    assert may_open(gate_state(trading_state=TradingState.REDUCE)) == "trading state is reduce"
    assert "flattened today" in (may_open(gate_state(flattened=True)) or "")


def test_an_approved_order_carries_the_quote_and_the_checks_it_passed() -> None:
    stops = gate_state(execution=ExecutionPolicy(order_type="stop_limit"))
    approved = admit(order(), quote(), stops)
    assert approved == ApprovedOrder(
        "id", "AAA", Side.BUY, Decimal(10), Decimal("100.62"), Decimal(100), Decimal("99.99"), Decimal("100.01"),
        quote().at, tuple(RULES), OrderType.STOP_LIMIT, Decimal("100.12"),
    )  # fmt: skip
    recorded = record_of(DAY, key(), approved, PROVENANCE)
    assert recorded == OrderIntended(
        DAY, "id", key(), Decimal(10), Decimal("100.62"), Decimal(100), Decimal("99.99"), Decimal("100.01"),
        quote().at, tuple(RULES), PROVENANCE, OrderType.STOP_LIMIT, Decimal("100.12"),
    )  # fmt: skip
    assert readmit(recorded, False, gate_state()) == approved
    late = readmit(recorded, False, gate_state(barred={"AAA"}))
    assert late == Denial("AAA", "symbol_barred", "nothing is opened in it today")


def test_a_closing_order_is_a_limit_inside_the_collar_on_either_side() -> None:
    for quantity, side, limit in ((10, Side.SELL, "99.50"), (-10, Side.BUY, "100.51"), (1, Side.SELL, "99.50")):
        position = Position("AAA", Decimal(quantity), Decimal(90), Decimal(100), Decimal(1000))
        request = order(abs(quantity), side, reduces=True)
        assert approve_flatten(request, position, quote(), Decimal(50)) == ApprovedOrder(
            "id", "AAA", side, Decimal(abs(quantity)), Decimal(limit), Decimal(100), Decimal("99.99"),
            Decimal("100.01"), quote().at, ("reduce_only",),
        )  # fmt: skip
        with pytest.raises(InvariantViolated, match=r"id does not only reduce.*Close the position at the broker"):
            approve_flatten(order(abs(quantity) + 1, side, reduces=True), position, quote(), Decimal(50))

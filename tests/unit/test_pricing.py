"""Prices of each order type: on the tick, inside the collar, beyond the touch."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import OPEN, quote
from trader.decision.pricing import Terms, stop_price, terms
from trader.domain.market import Quote
from trader.domain.orders import OrderType, Side
from trader.domain.policy import ExecutionPolicy

CASES = [
    ("limit", Side.BUY, Terms(OrderType.LIMIT, Decimal("100.51"))),
    ("limit", Side.SELL, Terms(OrderType.LIMIT, Decimal("99.50"))),
    ("market", Side.BUY, Terms(OrderType.MARKET, Decimal("100.51"))),
    ("stop", Side.BUY, Terms(OrderType.STOP, Decimal("100.62"), Decimal("100.12"))),
    ("stop", Side.SELL, Terms(OrderType.STOP, Decimal("99.40"), Decimal("99.89"))),
    ("stop_limit", Side.BUY, Terms(OrderType.STOP_LIMIT, Decimal("100.62"), Decimal("100.12"))),
]


@pytest.mark.parametrize(("kind", "side", "expected"), CASES)
def test_an_opener_has_the_type_of_the_policy(kind: str, side: Side, expected: Terms) -> None:
    policy = ExecutionPolicy.model_validate({"order_type": kind, "collar_bps": 50, "stop_offset_bps": 10})
    assert terms(side, False, quote(bid="99.99", ask="100.01"), policy) == expected


@pytest.mark.parametrize(
    ("kind", "expected"), [("limit", "limit"), ("market", "market"), ("stop", "limit"), ("stop_limit", "limit")]
)
def test_what_reduces_never_sleeps_behind_a_stop(kind: str, expected: str) -> None:
    found = terms(Side.SELL, True, quote(), ExecutionPolicy.model_validate({"order_type": kind}))
    assert (found.order_type.value, found.stop_price) == (expected, None)


prices = st.decimals(Decimal("0.02"), Decimal(5000), places=4)


@given(prices, st.decimals(Decimal(0), Decimal(5), places=2), st.decimals(Decimal(0), Decimal(1000), places=1))
def test_a_stop_is_at_least_its_offset_beyond_the_touch_and_on_the_tick(
    bid: Decimal, width: Decimal, offset_bps: Decimal
) -> None:
    at = Quote("AAA", bid, bid + width, OPEN)
    buy, sell = stop_price(Side.BUY, at, offset_bps), stop_price(Side.SELL, at, offset_bps)
    assert buy >= at.ask * (1 + offset_bps / 10_000)
    assert sell <= at.bid * (1 - offset_bps / 10_000)
    for price in (buy, sell):
        assert price == price.quantize(Decimal("0.01") if price >= 1 else Decimal("0.0001"))

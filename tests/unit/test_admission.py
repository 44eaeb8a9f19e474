"""The gate at the moment of sending: each rule at its boundary, from both sides."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import DAY, OPEN, PROVENANCE, SESSION, gate_state, intended, key, quote
from trader.decision.admission import (
    RULES,
    ApprovedOrder,
    GateState,
    admit,
    approve_flatten,
    may_open,
    readmit,
)
from trader.decision.admission import intended as record_of
from trader.decision.pricing import limit_price
from trader.domain.errors import InvariantViolated
from trader.domain.journal import TradingState
from trader.domain.market import Quote
from trader.domain.orders import OrderRequest, Side
from trader.domain.plan import Denial
from trader.domain.portfolio import Position

LIMIT = Decimal("100.51")  # ask 100.01 plus the collar of 50 bps, rounded down to the cent


def order(quantity: int = 10, side: Side = Side.BUY, reduces: bool = False) -> OrderRequest:
    return OrderRequest("id", "AAA", side, Decimal(quantity), reduces)


def code(request: OrderRequest, state: GateState, at: Quote | None = None) -> str:
    verdict = admit(request, at or quote(), state)
    return verdict.code if isinstance(verdict, Denial) else "approved"


LATEST = OPEN + timedelta(seconds=5400)
CUT_OFF = SESSION.close_at - timedelta(seconds=600)
SECOND = timedelta(seconds=1)

BOUNDARIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("trading_state", {}, {"trading_state": TradingState.REDUCE}),
    ("trading_state", {"preflight_passed": True}, {"preflight_passed": False}),
    ("max_position_size", {"held_quantity": Decimal(480)}, {"held_quantity": Decimal(490)}),
    ("max_position_size", {"committed_quantity": Decimal(480)}, {"committed_quantity": Decimal(490)}),
    ("max_total_exposure", {"exposure_usd": 980_000 - 10 * LIMIT}, {"exposure_usd": 980_001 - 10 * LIMIT}),
    ("cash", {"cash_usd": 10 * LIMIT}, {"cash_usd": 10 * LIMIT - Decimal("0.01")}),
    ("max_adverse_open", {"reference_price": Decimal(100) / Decimal("1.15")}, {"reference_price": Decimal("86.9")}),
]


@pytest.mark.parametrize(("name", "inside", "outside"), BOUNDARIES)
def test_a_rule_on_the_state_holds_at_its_boundary(name: str, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    assert code(order(), gate_state(**inside)) == "approved"
    assert code(order(), gate_state(**outside)) == name


def test_times_hold_at_their_boundaries() -> None:
    def at(instant: Any, request: OrderRequest) -> str:
        fresh = Quote("AAA", Decimal("99.99"), Decimal("100.01"), instant)
        return code(request, gate_state(now=instant, held_quantity=Decimal(10)), fresh)

    reducer = order(side=Side.SELL, reduces=True)
    assert [at(OPEN - SECOND, order()), at(OPEN, order())] == ["market_open", "approved"]
    assert [at(LATEST, order()), at(LATEST + SECOND, order())] == ["approved", "trading_state"]
    assert [at(CUT_OFF - SECOND, reducer), at(CUT_OFF, reducer)] == ["approved", "market_open"]


def test_the_quote_must_be_there_fresh_straight_and_narrow() -> None:
    state = gate_state()
    assert admit(order(), None, state) == Denial("AAA", "no_quote", "no usable quote at the moment of sending")
    assert code(order(), state, quote(bid="100.02", ask="100.01")) == "no_quote"
    assert [code(order(), state, quote(age_s=age)) for age in (120, 121)] == ["approved", "quote_age"]
    assert [code(order(), state, quote(bid="99", ask=ask)) for ask in ("101.00", "101.02")] == [
        "approved",
        "max_spread_bps",
    ]


def test_the_cap_on_one_order_is_at_its_limit_price() -> None:
    rich = gate_state(equity_usd=Decimal(100_000_000), cash_usd=Decimal(100_000_000))
    assert [code(order(quantity), rich) for quantity in (994, 995)] == ["approved", "order_notional_cap_usd"]


def test_a_reducer_passes_where_an_opener_does_not_but_never_turns_a_holding_around() -> None:
    poor = gate_state(
        trading_state=TradingState.REDUCE, preflight_passed=False, cash_usd=Decimal(0), held_quantity=Decimal(10)
    )
    assert code(order(10, Side.SELL, reduces=True), poor) == "approved"
    assert code(order(11, Side.SELL, reduces=True), poor) == "reduce_only"


def test_a_halt_stops_reducers_too() -> None:
    halted = gate_state(trading_state=TradingState.HALT, held_quantity=Decimal(10))
    assert code(order(1, Side.SELL, reduces=True), halted) == "trading_state"


def test_every_rule_was_met_above() -> None:
    met = {name for name, _, _ in BOUNDARIES} | {
        "market_open",
        "quote_age",
        "max_spread_bps",
        "order_notional_cap_usd",
        "reduce_only",
    }
    assert met == set(RULES)


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

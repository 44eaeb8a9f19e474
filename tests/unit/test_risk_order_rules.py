"""Every rule an order meets, at its boundary: just within, nothing refuses; just beyond, it alone does."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.orders import OPEN, SESSION, TRAIT, gate_state, quote
from trader.decision.admission import ApprovedOrder, admit
from trader.decision.exposure import Stake, exposure
from trader.decision.gate_state import DayInSymbol, GateState
from trader.decision.order_rules import EVERY, OPENING, RULES, candidate
from trader.decision.pricing import terms
from trader.domain.journal import TradingState
from trader.domain.market import Asset, Quote
from trader.domain.orders import OrderRequest, Side
from trader.domain.plan import Denial, Trait
from trader.domain.policy import RiskPolicy

D = Decimal
TEN = D(10)
LIMIT = D("100.51")  # ask 100.01 plus the collar of 50 bps, rounded down to the cent
COST = 10 * LIMIT
SHORT = 10 * D("100.01")  # a short may be filled up to the ask
SECOND = timedelta(seconds=1)
CUT_OFF = SESSION.close_at - timedelta(seconds=600)
CENT = D("0.01")
GRAIN = D("0.00000001")


@dataclass(frozen=True)
class Case:
    """An order and the state it meets."""

    quantity: Decimal = TEN
    side: Side = Side.BUY
    reduces: bool = False
    quote: Quote = field(default_factory=quote)
    changes: dict[str, Any] = field(default_factory=dict)

    def order(self) -> OrderRequest:
        return OrderRequest("pt1.line.0", "AAA", self.side, self.quantity, self.reduces)

    def state(self) -> GateState:
        return gate_state(**self.changes)

    def refusing(self) -> set[str]:
        """Every rule that refuses."""
        state, order = self.state(), self.order()
        limit = terms(order.side, order.reduces, self.quote, state.execution).limit_price
        it = candidate(order, self.quote, limit, state)
        return {code for code, rule in (EVERY if self.reduces else RULES).items() if rule(it, state) is not None}


def buy(**changes: Any) -> Case:
    return Case(changes=changes)


def short(**changes: Any) -> Case:
    return Case(side=Side.SELL, changes={"risk": RiskPolicy(allow_shorts=True), **changes})


def reducer(quantity: int = 10, **changes: Any) -> Case:
    return Case(D(quantity), Side.SELL, reduces=True, changes={"held": 10, **changes})


def at(instant: Any, case: Case) -> Case:
    fresh = Quote("AAA", D("99.99"), D("100.01"), instant)
    return replace(case, quote=fresh, changes={**case.changes, "now": instant})


def risk(**limits: Any) -> dict[str, Any]:
    return {"risk": RiskPolicy(**limits)}


def beside(shares: int, sector: str = "Materials", correlated: tuple[str, ...] = (), **limits: Any) -> Case:
    """A buy next to `shares` of BBB that stand at 100 USD."""
    others = {"BBB": Stake(D(shares), D(shares), D(100))}
    traits = {"AAA": replace(TRAIT, correlated=correlated), "BBB": Trait("BBB", sector, D(100), D(1))}
    return buy(exposure=exposure(others, traits), **risk(**limits))


def day(**counts: Any) -> dict[str, Any]:
    return {"symbol_day": DayInSymbol(**counts)}


def asset(tradable: bool = True, shortable: bool = True) -> dict[str, Any]:
    return {"asset": Asset("AAA", tradable, shortable, fractionable=True)}


def volume(shares: int) -> dict[str, Any]:
    return {"exposure": exposure({}, {"AAA": replace(TRAIT, adv_shares=D(shares))})}


WHOLE = (500_000 + COST) / 1_000_000  # 5,000 shares of BBB at 100 and the order, of a million
WHOLE_SHORT = (500_000 + SHORT) / 1_000_000
GROUP = exposure(
    {"BBB": Stake(D(3000), D(3000), D(100)), "CCC": Stake(D(2000), D(2000), D(100))},
    {
        "AAA": replace(TRAIT, correlated=("BBB",)),
        "BBB": Trait("BBB", "Materials", D(100), D(1), ("AAA", "CCC")),
        "CCC": Trait("CCC", "Utilities", D(100), D(1), ("BBB",)),
    },
)  # AAA moves with BBB, and BBB with CCC as well

HALF = risk(capital_utilization_factor=D("0.5"))

CASES: list[tuple[str, Case, Case]] = [
    ("paper_host", buy(paper=True), buy(paper=False)),
    ("trading_state", reducer(trading_state=TradingState.REDUCE), reducer(trading_state=TradingState.HALT)),
    ("trading_state", buy(), buy(trading_state=TradingState.REDUCE)),
    ("trading_state", buy(), buy(preflight_passed=False)),
    ("trading_state", reducer(preflight_passed=False), reducer(trading_state=TradingState.HALT)),
    ("trading_state", at(OPEN + 5400 * SECOND, buy()), at(OPEN + 5401 * SECOND, buy())),
    ("trading_state", reducer(flattened=True), buy(flattened=True)),
    ("trading_state", buy(frozen=frozenset({"BBB"})), buy(frozen=frozenset({""}))),
    ("trading_state", buy(**risk(trade_around_breaks=False)),
     buy(frozen=frozenset({"BBB"}), **risk(trade_around_breaks=False))),
    ("market_open", at(OPEN, buy()), at(OPEN - SECOND, buy())),
    ("market_open", at(CUT_OFF - SECOND, reducer()), at(CUT_OFF, reducer())),
    ("duplicate", buy(known_ids={"pt1.line.1"}), buy(known_ids={"pt1.line.0"})),
    ("duplicate", buy(working_lines={"other"}), buy(working_lines={"pt1.line"})),
    ("open_break", buy(frozen=frozenset({"BBB"})), buy(frozen=frozenset({"AAA"}))),
    ("open_break", reducer(), reducer(frozen=frozenset({"AAA"}))),
    ("tradable", buy(**asset()), buy(**asset(tradable=False))),
    ("tradable", reducer(**asset()), reducer(asset=None)),
    ("tradable", buy(halted={"BBB"}), buy(halted={"AAA"})),
    ("wash_trade", buy(**day(working_sides=frozenset({Side.BUY}))), buy(**day(working_sides=frozenset({Side.SELL})))),
    ("wash_trade", reducer(), reducer(**day(working_sides=frozenset({Side.BUY})))),
    ("quote_age", Case(quote=quote(age_s=120)), Case(quote=quote(age_s=121))),
    ("max_spread_bps", Case(quote=quote("99", "101.00")), Case(quote=quote("99", "101.02"))),
    ("price_collar_bps", buy(**risk(price_collar_bps=51)), buy(**risk(price_collar_bps=D("50.99")))),
    ("reduce_only", reducer(10), reducer(11)),
    ("reduce_only", reducer(1, held=1), reducer(2, held=1)),
    ("reduce_only", reducer(9, working=-1), reducer(10, working=-1)),
    ("reduce_only", replace(reducer(10), side=Side.BUY, changes={"held": -10}), replace(reducer(10), side=Side.BUY)),
    ("reduce_only", replace(reducer(9), side=Side.BUY, changes={"held": -10, "working": 1}),
     replace(reducer(10), side=Side.BUY, changes={"held": -10, "working": 1})),
    ("position", reducer(broker_quantity=TEN), reducer(broker_quantity=D(9))),
    ("position", replace(reducer(10), side=Side.BUY, changes={"held": -10, "broker_quantity": D(-10)}),
     replace(reducer(10), side=Side.BUY, changes={"held": -10, "broker_quantity": D(-9)})),
    ("position", buy(held=5, working=5, broker_quantity=TEN), buy(held=5, working=5, broker_quantity=D(11))),
    ("position", short(held=-5, working=-5, broker_quantity=D(-10)),
     short(held=-5, working=-5, broker_quantity=D(-11))),
    ("position", buy(broker_quantity=D(-1)), buy(broker_quantity=D(1))),
    ("crosses_zero", buy(held=0), buy(held=-1)),
    ("crosses_zero", short(held=-1), short(held=1)),
    ("symbol_barred", buy(barred={"BBB"}), buy(barred={"AAA"})),
    ("symbol_barred", reducer(barred={"AAA"}), buy(barred={"AAA"})),
    ("allow_shorts", short(), short(risk=RiskPolicy())),
    ("borrowable", short(**asset()), short(**asset(shortable=False))),
    ("max_signal_age_sessions", buy(signal_age_sessions=1), buy(signal_age_sessions=2)),
    ("max_adverse_open", buy(reference_price=D(100) / D("1.15")), buy(reference_price=D("86.95"))),
    ("max_adverse_open", buy(reference_price=D("117.64")), buy(reference_price=D("117.65"))),
    ("order_notional_cap_usd", buy(**risk(order_notional_cap_usd=COST)),
     buy(**risk(order_notional_cap_usd=COST - CENT))),
    ("max_trade_size_usd", buy(**day(opened_usd=D(5000)), **risk(max_trade_size_usd=COST + 5000)),
     buy(**day(opened_usd=5000 + CENT), **risk(max_trade_size_usd=COST + 5000))),
    ("min_trade_size_usd", buy(**risk(min_trade_size_usd=COST)), buy(**risk(min_trade_size_usd=COST + CENT))),
    ("min_shares", buy(**risk(min_shares=10)), buy(**risk(min_shares=D("10.001")))),
    ("max_orders_per_day", buy(orders_today=1999), buy(orders_today=2000)),
    ("max_orders_per_symbol", buy(**day(orders=29)), buy(**day(orders=30))),
    ("max_adv_participation", buy(**day(traded_shares=D(49_990))), buy(**day(traded_shares=D(49_991)))),
    ("max_adv_participation", buy(**volume(200)), buy(**volume(199))),
    ("max_adv_participation", buy(**volume(200)), buy(**volume(0))),
    ("max_adv_participation", buy(), buy(exposure=exposure({}, {}))),
    ("max_position_size", buy(held=90, working=10, **risk(max_position_size=110 * LIMIT / 1_000_000)),
     buy(held=90, working=10, **risk(max_position_size=110 * LIMIT / 1_000_000 - GRAIN))),
    ("max_position_size", short(risk=RiskPolicy(allow_shorts=True, max_position_size=SHORT / 1_000_000)),
     short(risk=RiskPolicy(allow_shorts=True, max_position_size=SHORT / 1_000_000 - GRAIN))),
    ("max_total_exposure", beside(5000, max_total_exposure=WHOLE), beside(5000, max_total_exposure=WHOLE - GRAIN)),
    ("max_total_exposure", replace(beside(5000, max_total_exposure=D("0.1"), allow_shorts=True), side=Side.SELL),
     beside(5000, max_total_exposure=D("0.1"), allow_shorts=True)),
    ("max_gross_exposure", beside(-5000, max_gross_exposure=WHOLE), beside(-5000, max_gross_exposure=WHOLE - GRAIN)),
    ("max_net_exposure", beside(5000, max_net_exposure=WHOLE), beside(5000, max_net_exposure=WHOLE - GRAIN)),
    ("max_net_exposure",
     replace(beside(-5000, max_net_exposure=WHOLE_SHORT, allow_shorts=True), side=Side.SELL),
     replace(beside(-5000, max_net_exposure=WHOLE_SHORT - GRAIN, allow_shorts=True), side=Side.SELL)),
    ("max_sector_exposure", beside(5000, "Energy", max_sector_exposure=WHOLE),
     beside(5000, "Energy", max_sector_exposure=WHOLE - GRAIN)),
    ("max_sector_exposure", beside(5000, "Materials", max_sector_exposure=D("0.01")),
     beside(5000, "Energy", max_sector_exposure=D("0.01"))),
    ("max_correlation_exposure", beside(5000, correlated=("BBB",), max_correlation_exposure=WHOLE),
     beside(5000, correlated=("BBB",), max_correlation_exposure=WHOLE - GRAIN)),
    ("max_correlation_exposure", buy(exposure=GROUP, **risk(max_correlation_exposure=WHOLE)),
     buy(exposure=GROUP, **risk(max_correlation_exposure=WHOLE - GRAIN))),
    ("portfolio_heat", beside(-5000, portfolio_heat=WHOLE / 5), beside(-5000, portfolio_heat=WHOLE / 5 - GRAIN)),
    ("buying_power", buy(buying_power_usd=COST), buy(buying_power_usd=COST - CENT)),
    ("buying_power", buy(buying_power_usd=2 * COST + 500, opened_usd=D(500), **HALF),
     buy(buying_power_usd=2 * COST + 499, opened_usd=D(500), **HALF)),
    ("buying_power", short(buying_power_usd=SHORT * D("1.03")), short(buying_power_usd=SHORT * D("1.03") - CENT)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "within", "beyond"), CASES, ids=[code for code, _, _ in CASES])
def test_a_rule_refuses_just_beyond_its_boundary_and_no_other_does(code: str, within: Case, beyond: Case) -> None:
    assert within.refusing() == set()
    assert isinstance(admit(within.order(), within.quote, within.state()), ApprovedOrder)
    assert beyond.refusing() == {code}
    denied = admit(beyond.order(), beyond.quote, beyond.state())
    assert isinstance(denied, Denial)
    assert (denied.symbol, denied.code) == ("AAA", code)
    assert denied.detail


def test_every_rule_has_a_boundary_above() -> None:
    assert {code for code, _, _ in CASES} == set(RULES)


def test_a_reducer_meets_no_rule_about_what_is_opened() -> None:
    nothing_left = risk(
        max_position_size=0, max_total_exposure=0, max_gross_exposure=0, max_net_exposure=0, max_sector_exposure=0,
        portfolio_heat=0, order_notional_cap_usd=1, max_trade_size_usd=1, min_trade_size_usd=9999, min_shares=11,
        max_orders_per_day=1, max_orders_per_symbol=1, max_adv_participation=0, capital_utilization_factor=0,
        max_adverse_open=0,
    )  # fmt: skip
    blocked = reducer(
        **nothing_left, **day(orders=9), orders_today=9, buying_power_usd=D(0), barred={"AAA"}, signal_age_sessions=9
    )
    approved = admit(blocked.order(), blocked.quote, blocked.state())
    assert isinstance(approved, ApprovedOrder)
    assert approved.checks == tuple(EVERY)
    opener = admit(buy().order(), quote(), gate_state())
    assert isinstance(opener, ApprovedOrder)
    assert opener.checks == (*EVERY, *OPENING)


@pytest.mark.parametrize("unusable", [None, quote("0", "0.01"), quote("100.02", "100.01")])
def test_without_a_usable_quote_nothing_goes_out(unusable: Quote | None) -> None:
    denied = admit(reducer().order(), unusable, reducer().state())
    assert denied == Denial("AAA", "no_quote", "no usable quote at the moment of sending")


@pytest.mark.parametrize("usable", [quote("0.5", "0.5001"), quote("100", "100")])
def test_a_quote_below_a_dollar_or_without_a_spread_is_one(usable: Quote) -> None:
    assert isinstance(admit(reducer().order(), usable, reducer().state()), ApprovedOrder)


def test_without_a_stop_loss_there_is_no_heat() -> None:
    assert beside(5000, portfolio_heat=0).refusing() == {"portfolio_heat"}
    cold = beside(5000, portfolio_heat=0)
    assert replace(cold, changes={**cold.changes, "stop_loss": D(0)}).refusing() == set()

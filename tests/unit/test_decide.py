"""The decision: the same snapshot gives the same bytes, and nothing excluded is touched."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from tests.support.markets import random_panel, sectors_of
from trader.decision.decide import Snapshot, decide
from trader.decision.features import FEATURES
from trader.domain.bars import BarPanel, Panel
from trader.domain.canonical import dumps, loads
from trader.domain.market import Universe
from trader.domain.orders import Side
from trader.domain.plan import Exclusion, Plan
from trader.domain.policy import DataPolicy, RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book, Holding, Lot

SIZING = SizingPolicy(max_positions=5)
RISK = RiskPolicy(max_position_size=Decimal("0.25"), order_notional_cap_usd=Decimal(300_000))
DAY = date(2026, 4, 1)


@dataclass(frozen=True)
class ByFirstFeature:
    """A ranker that believes in the first feature."""

    hash: str = "m" * 64
    features: tuple[str, ...] = FEATURES
    trained_until: date = date(2026, 3, 1)

    def predict(self, features: Panel) -> Panel:
        return np.asarray(features[:, 0], dtype=np.float64)


def holding(symbol: str, quantity: int, cost_usd: int) -> Holding:
    return Holding(symbol, (Lot(date(2026, 3, 2), Decimal(quantity), Decimal(cost_usd)),))


def snapshot(panel: BarPanel | None = None, holdings: tuple[Holding, ...] = ()) -> Snapshot:
    bars = panel or random_panel(3, 30, 280)
    return Snapshot(
        account="main",
        strategy="xgb",
        session_date=DAY,
        release="0.1.0",
        config_hash="c" * 64,
        panel=bars,
        universe=Universe(tuple(zip(bars.symbols, sectors_of(bars), strict=True))),
        book=Book(Decimal(1_000_000), holdings),
        ranker=ByFirstFeature(),
        data=DataPolicy(),
        sizing=SIZING,
        risk=RISK,
    )


def without_history(panel: BarPanel, symbol: str) -> BarPanel:
    """The panel as if the symbol had listed ten sessions ago."""
    column = panel.symbols.index(symbol)
    fields = {}
    for name in ("open", "high", "low", "close", "volume"):
        field = getattr(panel, name).copy()
        field[:-10, column] = np.nan
        fields[name] = field
    return replace(panel, **fields)


def test_the_same_snapshot_gives_the_same_bytes_and_they_read_back() -> None:
    one, two = decide(snapshot()), decide(snapshot())
    assert dumps(one) == dumps(two)
    assert loads(Plan, dumps(one)) == one
    assert len(one.targets) == len(one.intents) == 5


def test_another_bar_or_another_book_gives_other_bytes() -> None:
    panel = random_panel(3, 30, 280)
    moved = replace(panel, close=panel.close * np.where(np.arange(30) == 4, 1.001, 1.0))
    plans = {dumps(decide(s)) for s in (snapshot(), snapshot(moved), snapshot(holdings=(holding("S001", 5, 500),)))}
    assert len(plans) == 3


def test_caps_hold_over_the_whole_plan() -> None:
    plan = decide(snapshot())
    spent = sum(order.quantity * order.reference_price for order in plan.intents)
    assert spent <= SIZING.target_exposure * plan.equity_usd
    for order in plan.intents:
        assert order.quantity * order.reference_price <= RISK.max_position_size * plan.equity_usd


def test_what_is_held_and_not_wanted_is_sold_first() -> None:
    unwanted = [
        symbol for symbol in snapshot().panel.symbols if symbol not in {t.symbol for t in decide(snapshot()).targets}
    ]
    plan = decide(snapshot(holdings=(holding(unwanted[0], 100, 10_000),)))
    first = plan.intents[0]
    assert (first.symbol, first.side, first.quantity, first.reduces) == (unwanted[0], Side.SELL, Decimal(100), True)


@pytest.mark.parametrize("quantity", [100, 2000])
def test_an_excluded_holding_is_left_alone_and_its_value_is_not_invested_twice(quantity: int) -> None:
    panel = without_history(random_panel(3, 30, 280), "S007")
    plan = decide(snapshot(panel, (holding("S007", quantity, 100 * quantity),)))
    assert [(e.symbol, e.code) for e in plan.exclusions] == [("S007", "short_history")]
    assert "S007" not in {order.symbol for order in plan.intents}
    stuck_usd = quantity * Decimal(float(panel.close[-1, panel.symbols.index("S007")]))
    spent_usd = sum(order.quantity * order.reference_price for order in plan.intents)
    assert stuck_usd + spent_usd <= SIZING.target_exposure * plan.equity_usd + 1


def test_a_holding_outside_the_universe_is_sold_and_never_ranked() -> None:
    full = snapshot(holdings=(holding("S003", 50, 5_000),))
    fewer = replace(full, universe=Universe(tuple(pair for pair in full.universe.sectors if pair[0] != "S003")))
    plan = decide(fewer)
    assert (plan.intents[0].symbol, plan.intents[0].side) == ("S003", Side.SELL)
    assert "S003" not in {target.symbol for target in plan.targets}


def test_a_symbol_with_an_open_break_is_left_alone_and_the_rest_is_traded() -> None:
    full = decide(snapshot())
    broken = full.targets[0].symbol
    torn = replace(snapshot(holdings=(holding(broken, 10, 1_000),)), frozen=(Exclusion(broken, "open_break", "9"),))
    plan = decide(torn)
    assert [(e.symbol, e.code) for e in plan.exclusions] == [(broken, "open_break")]
    assert broken not in {order.symbol for order in plan.intents}
    assert len(plan.intents) == 5
    assert broken in {trait.symbol for trait in plan.traits}


@pytest.mark.parametrize(
    ("symbol", "risk"),
    [("", RISK), ("S003", RISK.model_copy(update={"trade_around_breaks": False}))],
)
def test_a_break_of_the_account_lets_only_reducers_into_the_plan(symbol: str, risk: RiskPolicy) -> None:
    unwanted = holding("ZZZ", 10, 1_000)
    torn = replace(snapshot(holdings=(unwanted,)), frozen=(Exclusion(symbol, "open_break", "cash"),), risk=risk)
    plan = decide(torn)
    assert [order.symbol for order in plan.intents] == ["ZZZ"]
    assert {denial.code for denial in plan.denials} == {"open_break"}
    assert len(plan.denials) == 5


def test_openers_go_in_parts_and_reducers_in_one() -> None:
    plan = decide(replace(snapshot(holdings=(holding("ZZZ", 10, 1_000),)), slices=4))
    assert [(order.reduces, order.slices) for order in plan.intents] == [(True, 1)] + [(False, 4)] * 5


def test_a_long_short_plan_keeps_its_gross_within_the_target() -> None:
    sizing = SIZING.model_copy(update={"short_threshold": Decimal("0.2"), "max_positions": 8})
    risk = RISK.model_copy(update={"allow_shorts": True})
    plan = decide(replace(snapshot(), sizing=sizing, risk=risk))
    value_usd = [
        (1 if order.side is Side.BUY else -1) * order.quantity * order.reference_price for order in plan.intents
    ]
    assert min(value_usd) < 0 < max(value_usd)
    assert sum(abs(value) for value in value_usd) <= sizing.target_exposure * plan.equity_usd
    assert loads(Plan, dumps(plan)) == plan


def test_a_sector_over_its_limit_is_cut_and_the_cut_is_told() -> None:
    risk = RISK.model_copy(update={"max_sector_exposure": Decimal("0.25")})
    plan = decide(replace(snapshot(), risk=risk))
    by_sector: dict[str, Decimal] = {}
    sector = {trait.symbol: trait.sector for trait in plan.traits}
    for order in plan.intents:
        value_usd = order.quantity * order.reference_price
        by_sector[sector[order.symbol]] = by_sector.get(sector[order.symbol], Decimal(0)) + value_usd
    assert max(by_sector.values()) <= Decimal("0.25") * plan.equity_usd
    assert "max_sector_exposure" in {denial.code for denial in plan.denials}

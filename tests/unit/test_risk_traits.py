"""What the plan tells the gate of each symbol: volume, sector, and what moves with it."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.support.markets import random_panel, sectors_of
from trader.decision.traits import correlated, traits
from trader.domain.bars import BarPanel
from trader.domain.market import Universe
from trader.domain.policy import RiskPolicy

PANEL = random_panel(5, 6, 80)
UNIVERSE = Universe(tuple(zip(PANEL.symbols, sectors_of(PANEL), strict=True))[:5])  # S005 is held from elsewhere
PRICES = dict.fromkeys(PANEL.symbols, Decimal(7))


def moved(**columns: object) -> BarPanel:
    """The panel with other closes in the named columns."""
    close = PANEL.close.copy()
    for name, values in columns.items():
        close[:, PANEL.symbols.index(name)] = values
    return replace(PANEL, close=close)


def test_volume_is_the_mean_of_the_last_sessions_in_whole_shares() -> None:
    volume = PANEL.volume.copy()
    volume[-20:, 0] = np.arange(20)  # mean 9.5
    volume[-1, 1] = np.nan
    volume[-21, 2] = np.nan
    found = traits(replace(PANEL, volume=volume), PANEL.symbols, PRICES, UNIVERSE, RiskPolicy(adv_sessions=20))
    assert found["S000"].adv_shares == 9
    assert found["S001"].adv_shares == 0
    assert found["S002"].adv_shares == int(volume[-20:, 2].mean())
    short = traits(PANEL, PANEL.symbols, PRICES, UNIVERSE, RiskPolicy(adv_sessions=81))
    assert {trait.adv_shares for trait in short.values()} == {0}


def test_a_symbol_outside_the_universe_is_unclassified() -> None:
    found = traits(PANEL, ["S000", "S005"], PRICES, UNIVERSE, RiskPolicy())
    assert [(t.sector, t.reference_price) for t in found.values()] == [("Energy", 7), ("unclassified", 7)]


def test_symbols_that_move_together_name_each_other() -> None:
    twin = PANEL.close[:, 0] * 3
    broken = np.where(np.arange(80) == 50, np.nan, PANEL.close[:, 0])
    panel = moved(S003=twin, S004=broken, S005=12.0)
    assert correlated(panel, PANEL.symbols, RiskPolicy()) == {
        "S000": ("S003",), "S001": (), "S002": (), "S003": ("S000",)
    }  # fmt: skip
    assert correlated(panel, ["S003", "S001"], RiskPolicy()) == {"S001": (), "S003": ()}


@pytest.mark.parametrize(("threshold", "together"), [("0.6", True), ("0.9", False), ("1", False)])
def test_from_the_threshold_on_they_move_together(threshold: str, together: bool) -> None:
    steps = np.diff(np.log(PANEL.close[:, 0]), prepend=0.0)
    other = np.diff(np.log(PANEL.close[:, 1]), prepend=0.0)
    mixed = steps / steps[1:].std() + other / other[1:].std() * 0.8
    panel = moved(S002=np.exp(np.cumsum(mixed) / 100))
    held = np.corrcoef(np.diff(np.log(panel.close[-61:, [0, 2]]), axis=0), rowvar=False)[0, 1]
    assert 0.6 < held < 0.9
    found = correlated(panel, ["S000", "S002"], RiskPolicy(correlation_threshold=Decimal(threshold)))
    assert (found["S000"] == ("S002",)) == together


def test_a_limit_that_cannot_bind_costs_no_correlation() -> None:
    twin = moved(S003=PANEL.close[:, 0] * 3)
    risk = RiskPolicy(max_correlation_exposure=Decimal("0.99"), max_gross_exposure=Decimal(1))
    assert correlated(twin, PANEL.symbols, risk)["S000"] == ("S003",)
    assert correlated(twin, PANEL.symbols, risk.model_copy(update={"max_correlation_exposure": Decimal(1)})) == {}
    assert correlated(twin.last(60), PANEL.symbols, risk) == {}
    assert correlated(twin.last(61), PANEL.symbols, risk)["S000"] == ("S003",)

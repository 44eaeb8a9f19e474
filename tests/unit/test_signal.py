"""From predictions to ranks: a total order, or no trading."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.support.markets import random_panel, sectors_of
from tests.support.rankers import FormulaRanker, momentum
from trader.decision.features import FEATURES, features
from trader.decision.signal import signal
from trader.domain.bars import Panel
from trader.domain.errors import ChecksFailed, ConfigurationError

PANEL = random_panel(seed=8, symbols=21, sessions=260)
SECTORS = sectors_of(PANEL)


def test_ranks_run_from_zero_to_one_in_the_order_of_the_predictions() -> None:
    ranks = signal(PANEL, SECTORS, frozenset(), FormulaRanker()).ranks
    scores = momentum(features(PANEL, SECTORS, last_only=True)[0])
    by_score = [PANEL.symbols[n] for n in np.argsort(scores)]
    assert sorted(ranks, key=ranks.__getitem__) == by_score
    assert [ranks[symbol] for symbol in by_score] == [
        (Decimal(n) / 20).quantize(Decimal("0.000001")) for n in range(21)
    ]
    assert list(ranks) == sorted(ranks)


def test_equal_predictions_are_ordered_by_symbol() -> None:
    pairs = FormulaRanker(lambda rows: np.arange(len(rows)) // 2 + 1e-9 * np.arange(len(rows)))
    ranks = signal(PANEL, SECTORS, frozenset(), pairs).ranks
    best_first = sorted(ranks, key=lambda symbol: -ranks[symbol])
    assert best_first[:5] == ["S020", "S018", "S019", "S016", "S017"]


def test_an_excluded_symbol_changes_nobodys_features() -> None:
    rows: list[Panel] = []

    def remember(values: Panel) -> Panel:
        rows.append(values)
        return np.arange(len(values), dtype=np.float64)

    wild = PANEL.close.copy()
    wild[-1, 2] *= 40
    for panel in (PANEL, replace(PANEL, close=wild)):
        assert "S002" not in signal(panel, SECTORS, frozenset({"S002"}), FormulaRanker(remember)).ranks
    assert np.array_equal(rows[0], rows[1])


def test_symbols_without_all_features_are_named() -> None:
    close = PANEL.close.copy()
    close[240, 5] = np.nan
    result = signal(replace(PANEL, close=close), SECTORS, frozenset({"S001"}), FormulaRanker())
    assert [(e.symbol, e.code) for e in result.exclusions] == [("S005", "features_missing")]
    assert not {"S001", "S005"} & set(result.ranks)
    assert len(result.ranks) == 19


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_prediction_that_is_no_number_stops_the_day(value: float) -> None:
    def spoiled(rows: Panel) -> Panel:
        return np.where(np.arange(len(rows)) == 3, value, np.arange(len(rows)))

    with pytest.raises(ChecksFailed, match=r"no usable numbers.*promote"):
        signal(PANEL, SECTORS, frozenset(), FormulaRanker(spoiled))


def test_a_model_without_an_opinion_stops_the_day() -> None:
    for formula in (lambda rows: np.full(len(rows), 0.5), lambda rows: np.arange(len(rows)) % 2 / 1):
        with pytest.raises(ChecksFailed, match=r"predicts only [12] values for 21 symbols"):
            signal(PANEL, SECTORS, frozenset(), FormulaRanker(formula))


def test_one_symbol_is_no_cross_section() -> None:
    with pytest.raises(ChecksFailed, match="only 1 symbols"):
        signal(PANEL, SECTORS, frozenset(PANEL.symbols[1:]), FormulaRanker())


def test_a_model_of_other_features_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="other features"):
        signal(PANEL, SECTORS, frozenset(), FormulaRanker(features=FEATURES[:-1]))

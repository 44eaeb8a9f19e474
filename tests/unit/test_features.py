"""Features: their definitions, their windows and their ranks."""

import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.markets import random_panel, sectors_of
from trader.decision.features import BARS_NEEDED, FEATURES, RECIPES, features, fingerprint
from trader.domain.bars import BarPanel

PANEL = random_panel(seed=5, symbols=12, sessions=300)
SECTORS = sectors_of(PANEL)
WHOLE = features(PANEL, SECTORS)


def rows_of(panel: BarPanel, start: int, stop: int) -> BarPanel:
    return panel.until(panel.dates[stop - 1]).last(stop - start)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 40), stop=st.integers(BARS_NEEDED + 40, 300))
def test_neither_more_history_nor_the_future_moves_a_bit(start: int, stop: int) -> None:
    cut = features(rows_of(PANEL, start, stop), SECTORS)
    first = start + BARS_NEEDED - 1
    assert same(cut[BARS_NEEDED - 1 :], WHOLE[first:stop])
    assert np.isfinite(cut[BARS_NEEDED - 1 :]).all()
    assert np.isnan(cut[: BARS_NEEDED - 1]).all()


@pytest.mark.parametrize("stop", [BARS_NEEDED, 277, 300])
def test_the_last_session_alone_is_the_last_row_of_all(stop: int) -> None:
    assert same(features(rows_of(PANEL, 0, stop), SECTORS, last_only=True)[0], WHOLE[stop - 1])


def test_a_later_split_adjustment_changes_no_rank() -> None:
    halved = [field.copy() for field in (PANEL.open, PANEL.high, PANEL.low, PANEL.close, PANEL.volume)]
    for field in halved[:4]:
        field[:, 3] /= 2
    halved[4][:, 3] *= 2
    assert same(features(BarPanel(PANEL.dates, PANEL.symbols, *halved), SECTORS), WHOLE)


def by_hand(bars: BarPanel, column: int) -> dict[str, float]:
    """Some raw values of the last session, written out."""
    close, high, low, volume = (list(field[:, column]) for field in (bars.close, bars.high, bars.low, bars.volume))
    daily = [b / a - 1 for a, b in pairwise(close)]
    moves = [b - a for a, b in pairwise(close[-15:])]
    gain, loss = sum(max(m, 0) for m in moves), sum(max(-m, 0) for m in moves)
    mean20, spread20 = statistics.mean(close[-20:]), statistics.stdev(close[-20:])
    return {
        "return_1": close[-1] / close[-2] - 1,
        "return_60": close[-1] / close[-61] - 1,
        "close_to_average_200": close[-1] / statistics.mean(close[-200:]) - 1,
        "average_20_to_50": mean20 / statistics.mean(close[-50:]) - 1,
        "volatility_60": statistics.stdev(daily[-60:]),
        "volatility_20_to_60": statistics.stdev(daily[-20:]) / statistics.stdev(daily[-60:]),
        "high_volatility": float(statistics.stdev(daily[-20:]) > 1.5 * statistics.stdev(daily[-60:])),
        "volume_5_to_20": statistics.mean(volume[-5:]) / statistics.mean(volume[-20:]),
        "volume_1_to_20": volume[-1] / statistics.mean(volume[-20:]),
        "momentum_60_skip_5": close[-6] / close[-61] - 1,
        "momentum_250_skip_20": close[-21] / close[-251] - 1,
        "band_position_20": (close[-1] - (mean20 - 2 * spread20)) / (4 * spread20),
        "band_width_20": 4 * spread20 / mean20,
        "rsi_14": 100 - 100 / (1 + gain / loss),
        "reversion_5": (1 - close[-1] / statistics.mean(close[-5:])) / (statistics.stdev(daily[-20:]) * 5**0.5),
        "to_high_55": close[-1] / max(high[-55:]) - 1,
        "to_low_20": close[-1] / min(low[-20:]) - 1,
        "breakout_20": float(close[-1] > max(high[-21:-1])) - float(close[-1] < min(low[-21:-1])),
    }


@pytest.mark.parametrize("column", [0, 7])
@pytest.mark.parametrize("stop", [BARS_NEEDED, 290])
def test_raw_values_are_what_their_names_say(column: int, stop: int) -> None:
    bars = rows_of(PANEL, 0, stop)
    for name, value in by_hand(bars, column).items():
        assert RECIPES[name](bars)[-1, column] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_breakouts_and_high_volatility_are_seen() -> None:
    close = PANEL.close.copy()
    close[-1, 0], close[-1, 1], close[-15:, 2] = 9_999.0, 0.01, close[-15:, 2] * np.resize([1.0, 1.4], 15)
    bars = replace(PANEL, close=close)
    assert [RECIPES["breakout_55"](bars)[-1, n] for n in (0, 1)] == [1.0, -1.0]
    assert RECIPES["high_volatility"](bars)[-1, 2] == 1.0


def test_ranks_are_percentiles_less_the_sectors_mean() -> None:
    bars, column = PANEL, FEATURES.index("return_1")
    raw = RECIPES["return_1"](bars)[-1]
    percentile = [(sum(other < value for other in raw) + 0.5) / len(raw) for value in raw]
    for n, sector in enumerate(SECTORS):
        peers = [percentile[m] for m, other in enumerate(SECTORS) if other == sector]
        assert WHOLE[-1, n, column] == pytest.approx(percentile[n] - statistics.mean(peers), abs=1e-12)


def test_equal_values_share_their_average_rank() -> None:
    flags = RECIPES["breakout_55"](PANEL)[-1]
    twins = [n for n, flag in enumerate(flags) if flag == 0 and SECTORS[n] == SECTORS[0]]
    assert len(twins) > 1
    assert len({WHOLE[-1, n, FEATURES.index("breakout_55")] for n in twins}) == 1


def test_a_symbol_with_a_gap_takes_no_part() -> None:
    close = PANEL.close.copy()
    close[150, 4] = np.nan
    holed = features(replace(PANEL, close=close), SECTORS)
    assert np.isnan(holed[-1, 4]).all()
    others = [n for n in range(len(PANEL.symbols)) if n != 4]
    without = BarPanel(
        PANEL.dates,
        tuple(PANEL.symbols[n] for n in others),
        *(field[:, others] for field in (PANEL.open, PANEL.high, PANEL.low, PANEL.close, PANEL.volume)),
    )
    assert same(holed[-1, others], features(without, [SECTORS[n] for n in others])[-1])


def test_a_short_or_lifeless_history_is_not_a_number() -> None:
    assert np.isnan(features(PANEL.last(BARS_NEEDED - 1), SECTORS, last_only=True)).all()
    still = replace(PANEL, close=np.full_like(PANEL.close, 20.0))
    assert np.isnan(features(still, SECTORS, last_only=True)).all()


def test_the_meaning_of_the_features_is_pinned() -> None:
    """When this changes, models trained before are refused: say so in the change and train again."""
    assert len(FEATURES) == 33
    assert fingerprint() == "4bfca9123203719eb8786452742dcbdf03d8492d084c48b61b75a7821c9518b1"

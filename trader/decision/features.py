"""What the model sees of a symbol on a date: 33 ranks among the symbols, each less the mean rank of its sector.

Raw values read a fixed window of bars up to their own date and are ratios, so that neither a longer history nor a
later split adjustment moves them. On each date a symbol is eligible when all its raw values are finite.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from trader.decision.ranks import doubled_ranks
from trader.decision.windows import before, deviation, highest, lowest, mean
from trader.domain.bars import BarPanel, Panel

BARS_NEEDED = 251
"""Bars up to and including a date that its row of features reads."""

HIGH_VOLATILITY = 1.5
"""The 20-session volatility counts as high from this multiple of the 60-session one."""

Mask = npt.NDArray[np.bool_]
Recipe = Callable[[BarPanel], Panel]


def _change(bars: BarPanel, sessions: int, skip: int = 0) -> Panel:
    """Simple return from the close `sessions` ago to the one `skip` sessions ago."""
    return before(bars.close, skip) / before(bars.close, sessions) - 1


def _average(bars: BarPanel, fast: int, slow: int) -> Panel:
    """One moving average of the close relative to a slower one; a window of 1 is the close itself."""
    return mean(bars.close, fast) / mean(bars.close, slow) - 1


def _volatility(bars: BarPanel, window: int) -> Panel:
    """Sample standard deviation of daily returns."""
    return deviation(_change(bars, 1), window)


def _volatility_ratio(bars: BarPanel) -> Panel:
    return _volatility(bars, 20) / _volatility(bars, 60)


def _high_volatility(bars: BarPanel) -> Panel:
    ratio = _volatility_ratio(bars)
    return np.where(np.isnan(ratio), np.nan, 1.0 * (ratio > HIGH_VOLATILITY))


def _volume_ratio(bars: BarPanel, fast: int) -> Panel:
    return mean(bars.volume, fast) / mean(bars.volume, 20)


def _band_position(bars: BarPanel) -> Panel:
    """Where the close stands between the Bollinger bands (20 sessions, 2 deviations): 0 lower, 1 upper."""
    return (bars.close - mean(bars.close, 20)) / (4 * deviation(bars.close, 20)) + 0.5


def _band_width(bars: BarPanel) -> Panel:
    return 4 * deviation(bars.close, 20) / mean(bars.close, 20)


def _rsi(bars: BarPanel) -> Panel:
    """Relative strength index over 14 sessions with simple averages (Cutler's form), 0 to 100."""
    move = bars.close - before(bars.close, 1)
    gain, loss = mean(np.maximum(move, 0), 14), mean(np.maximum(-move, 0), 14)
    return 100 * gain / (gain + loss)


def _reversion(bars: BarPanel, window: int) -> Panel:
    """How far the close lies below its moving average, in deviations of a `window`-session move."""
    return -_average(bars, 1, window) / (_volatility(bars, 20) * math.sqrt(window))


def _to_high(bars: BarPanel, window: int) -> Panel:
    return bars.close / highest(bars.high, window) - 1


def _to_low(bars: BarPanel, window: int) -> Panel:
    return bars.close / lowest(bars.low, window) - 1


def _breakout(bars: BarPanel, window: int) -> Panel:
    """1 when the close leaves the range of the `window` sessions before it upwards, -1 downwards, else 0."""
    above, below = before(highest(bars.high, window), 1), before(lowest(bars.low, window), 1)
    known = np.where(np.isnan(above + below + bars.close), np.nan, 0.0)
    return known + (bars.close > above) - (bars.close < below)


RECIPES: dict[str, Recipe] = {
    **{f"return_{n}": partial(_change, sessions=n) for n in (1, 5, 10, 20, 60)},
    **{f"close_to_average_{n}": partial(_average, fast=1, slow=n) for n in (5, 10, 20, 50, 200)},
    "average_5_to_20": partial(_average, fast=5, slow=20),
    "average_20_to_50": partial(_average, fast=20, slow=50),
    **{f"volatility_{n}": partial(_volatility, window=n) for n in (10, 20, 60)},
    "volatility_20_to_60": _volatility_ratio,
    "high_volatility": _high_volatility,
    "volume_5_to_20": partial(_volume_ratio, fast=5),
    "volume_1_to_20": partial(_volume_ratio, fast=1),
    "momentum_60_skip_5": partial(_change, sessions=60, skip=5),
    "momentum_120_skip_20": partial(_change, sessions=120, skip=20),
    "momentum_250_skip_20": partial(_change, sessions=250, skip=20),
    "band_position_20": _band_position,
    "band_width_20": _band_width,
    "rsi_14": _rsi,
    **{f"reversion_{n}": partial(_reversion, window=n) for n in (5, 20)},
    **{f"to_high_{n}": partial(_to_high, window=n) for n in (20, 55)},
    **{f"to_low_{n}": partial(_to_low, window=n) for n in (20, 55)},
    **{f"breakout_{n}": partial(_breakout, window=n) for n in (20, 55)},
}

FEATURES: tuple[str, ...] = tuple(RECIPES)
"""The names of the columns, in order."""


def features(panel: BarPanel, sectors: Sequence[str], last_only: bool = False) -> Panel:
    """T x S x F array of features, 1 x S x F for the last session only; a row of NaN for a symbol that is not eligible.

    `sectors` names the sector of each symbol of the panel. A value is p - mean(p of the eligible symbols of the sector)
    where p = (r - 1/2) / n is the percentile rank of the raw value: r its rank among the n eligible symbols of the
    date, 1 for the smallest, the average rank for equal values.
    """
    seen = panel.last(BARS_NEEDED) if last_only else panel
    rows = slice(-1, None) if last_only else slice(None)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.stack([recipe(seen)[rows] for recipe in RECIPES.values()])
    eligible: Mask = np.logical_and.reduce(np.isfinite(raw), axis=0)
    raw[:, ~eligible] = np.nan
    days = np.flatnonzero(np.logical_or.reduce(eligible, axis=1))
    members = _membership(sectors)
    for values in raw:
        values[days] = _residual_ranks(values[days], eligible[days], members)
    return np.moveaxis(raw, 0, -1)


def _membership(sectors: Sequence[str]) -> Panel:
    """S x K matrix of ones where a symbol belongs to a sector."""
    names = sorted(set(sectors))
    return np.array([[float(sector == name) for name in names] for sector in sectors])


def _residual_ranks(values: Panel, eligible: Mask, members: Panel) -> Panel:
    """Percentile ranks along each row less the mean rank of the sector; NaN where not eligible.

    Twice the rank is an integer, so the sums over a sector are exact, whatever their order.
    """
    doubled = np.where(eligible, doubled_ranks(values), 0.0)
    totals, counts = doubled @ members, eligible @ members
    sector_means = (totals / np.maximum(counts, 1)) @ members.T
    return np.where(eligible, (doubled - sector_means) / (2 * eligible.sum(axis=1, keepdims=True)), np.nan)


@cache
def fingerprint() -> str:
    """SHA-256 (hex) of the names and of the values on a fixed panel: it changes when what a feature means changes."""
    import hashlib

    found = features(_specimen(), ["a", "b", "a", "b", "a", "b", "a"])
    return hashlib.sha256(repr(FEATURES).encode() + np.ascontiguousarray(found).tobytes()).hexdigest()


def _specimen() -> BarPanel:
    from datetime import date, timedelta

    rows, columns = BARS_NEEDED + 9, 7
    steps = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    noise = (steps * steps * 7919 + steps * 104_729) % 1009
    close = 50.0 + np.cumsum(noise - 504, axis=0) / 1024
    dates = tuple(date(2000, 1, 1) + timedelta(days=n) for n in range(rows))
    return BarPanel(
        dates, tuple("ABCDEFG"), close, close + noise / 512, close - noise / 512, close, noise + np.ones(noise.shape)
    )

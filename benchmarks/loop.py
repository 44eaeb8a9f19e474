"""The same features and the same kind of decision as a script would have them: pandas, one symbol after another."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from trader.decision.features import FEATURES


def features_of_symbol(bars: pd.DataFrame) -> pd.DataFrame:
    """The raw features of one symbol, its bars ascending by date."""
    c, h, low, v = bars["close"], bars["high"], bars["low"], bars["volume"]
    returns = c.pct_change(fill_method=None)
    found = bars[["symbol", "date", "sector"]].copy()
    for n in (1, 5, 10, 20, 60):
        found[f"return_{n}"] = c.pct_change(n, fill_method=None)
    averages = {n: c.rolling(n).mean() for n in (5, 10, 20, 50, 200)}
    for n, average in averages.items():
        found[f"close_to_average_{n}"] = c / average - 1
    found["average_5_to_20"] = averages[5] / averages[20] - 1
    found["average_20_to_50"] = averages[20] / averages[50] - 1
    for n in (10, 20, 60):
        found[f"volatility_{n}"] = returns.rolling(n).std()
    ratio = found["volatility_20_to_60"] = found["volatility_20"] / found["volatility_60"]
    found["high_volatility"] = (ratio > 1.5).astype(float).where(ratio.notna())
    volume = v.rolling(20).mean()
    found["volume_5_to_20"] = v.rolling(5).mean() / volume
    found["volume_1_to_20"] = v / volume
    for n, skip in ((60, 5), (120, 20), (250, 20)):
        found[f"momentum_{n}_skip_{skip}"] = c.shift(skip) / c.shift(n) - 1
    deviation = c.rolling(20).std()
    found["band_position_20"] = (c - averages[20]) / (4 * deviation) + 0.5
    found["band_width_20"] = 4 * deviation / averages[20]
    move = c.diff()
    gain, loss = move.clip(lower=0).rolling(14).mean(), (-move).clip(lower=0).rolling(14).mean()
    found["rsi_14"] = 100 * gain / (gain + loss)
    for n in (5, 20):
        found[f"reversion_{n}"] = -(c / averages[n] - 1) / (found["volatility_20"] * np.sqrt(n))
    for n in (20, 55):
        highest, lowest = h.rolling(n).max(), low.rolling(n).min()
        found[f"to_high_{n}"] = c / highest - 1
        found[f"to_low_{n}"] = c / lowest - 1
        above, below = highest.shift(1), lowest.shift(1)
        known = above.notna() & below.notna() & c.notna()
        found[f"breakout_{n}"] = ((c > above).astype(float) - (c < below)).where(known)
    return found


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Ranks within each date less the sector's mean rank; rows lacking any raw feature are left out."""
    names = list(FEATURES)
    raw = pd.concat([features_of_symbol(one) for _, one in bars.groupby("symbol", sort=True)])
    raw = raw.replace([np.inf, -np.inf], np.nan).dropna(subset=names)
    ranks = (raw.groupby("date")[names].rank() - 0.5).div(raw.groupby("date")["symbol"].transform("size"), axis=0)
    keys = [raw["date"], raw["sector"]]
    out = raw[["symbol", "date", "sector"]].copy()
    out[names] = ranks - ranks.groupby(keys).transform("mean")
    return out


def decision(
    bars: pd.DataFrame,
    predict: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    equity_usd: float,
    positions: int,
) -> pd.DataFrame:
    """Features of the last date, predictions, the best `positions` in equal weights, whole shares."""
    seen = features(bars)
    today = seen[seen["date"] == seen["date"].max()].copy()
    today["score"] = predict(today[list(FEATURES)].to_numpy())
    best: pd.DataFrame = today.nlargest(positions, "score")
    closes = bars[bars["date"] == bars["date"].max()].set_index("symbol")["close"]
    price = best["symbol"].map(closes)
    best["shares"] = np.floor(0.95 * equity_usd / positions / price)
    return best

"""From signals to target weights."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from trader.domain.bars import BarPanel, Panel
from trader.domain.policy import RiskPolicy, SizingPolicy

_GRAIN = Decimal("0.000001")


def volatilities(panel: BarPanel, sessions: int) -> dict[str, float]:
    """Standard deviation of the daily log returns over the last `sessions`; symbols without a value are absent."""
    close: Panel = panel.last(sessions + 1).close
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.diff(np.log(close), axis=0).std(axis=0, ddof=1)
    return {s: float(v) for s, v in zip(panel.symbols, deviation, strict=True) if np.isfinite(v) and v > 0}


def strength(signal: Decimal, short: bool) -> Decimal:
    """How strong a signal is for its side: a short's is as strong as it is low."""
    return 1 - signal if short else signal


def chosen(signals: Mapping[str, Decimal], policy: SizingPolicy, allow_shorts: bool = False) -> dict[str, int]:
    """The symbols to hold, 1 long or -1 short: the strongest first, ties by symbol, at most `max_positions`.

    Long from signal_threshold on; short, where allowed, up to short_threshold (0: none).
    """
    sides = {symbol: 1 for symbol, signal in signals.items() if signal >= policy.signal_threshold}
    if allow_shorts and policy.short_threshold:
        low = (symbol for symbol, signal in signals.items() if signal <= policy.short_threshold)
        sides |= {symbol: -1 for symbol in low if symbol not in sides}
    strongest = sorted(sides, key=lambda symbol: (-strength(signals[symbol], sides[symbol] < 0), symbol))
    return {symbol: sides[symbol] for symbol in strongest[: policy.max_positions]}


def weights(
    sides: Mapping[str, int],
    volatility: Mapping[str, float],
    investable: Decimal,
    sizing: SizingPolicy,
    risk: RiskPolicy,
) -> dict[str, Decimal]:
    """Shares of equity for the chosen symbols, negative for shorts: their absolute sum is `investable` at most.

    Inverse volatility: w_i = (1 / s_i) / sum(1 / s_j). What the position cap cuts off stays cash. Rounded towards zero
    to 1e-6, so that no sum exceeds what it was made from.
    """
    if not sides or investable <= 0:
        return {}
    raw = np.ones(len(sides))
    if sizing.weighting == "inverse_volatility":
        typical = float(np.median([volatility[s] for s in sides if s in volatility] or [1.0]))
        raw = np.array([1.0 / volatility.get(symbol, typical) for symbol in sides])
    cap = risk.max_position_size * (1 - sizing.price_headroom)
    shares = (Decimal(float(share)) for share in raw / raw.sum())
    return {
        symbol: side * min(share * investable, cap).quantize(_GRAIN, ROUND_FLOOR)
        for (symbol, side), share in zip(sides.items(), shares, strict=True)
    }

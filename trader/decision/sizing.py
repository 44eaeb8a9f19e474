"""From signals to target weights."""

from collections.abc import Mapping, Sequence
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


def chosen(signals: Mapping[str, Decimal], policy: SizingPolicy) -> tuple[str, ...]:
    """The symbols to hold: signal at or over the threshold, best first, ties by symbol, at most `max_positions`."""
    over = [symbol for symbol, signal in signals.items() if signal >= policy.signal_threshold]
    return tuple(sorted(over, key=lambda symbol: (-signals[symbol], symbol))[: policy.max_positions])


def weights(
    symbols: Sequence[str], volatility: Mapping[str, float], investable: Decimal, sizing: SizingPolicy, risk: RiskPolicy
) -> dict[str, Decimal]:
    """Shares of equity for the chosen symbols: they sum to `investable` at most.

    Inverse volatility: w_i = (1 / s_i) / sum(1 / s_j). What the position cap cuts off stays cash. Rounded down to
    1e-6, so that no sum exceeds what it was made from.
    """
    if not symbols or investable <= 0:
        return {}
    raw = np.ones(len(symbols))
    if sizing.weighting == "inverse_volatility":
        typical = float(np.median([volatility[s] for s in symbols if s in volatility] or [1.0]))
        raw = np.array([1.0 / volatility.get(symbol, typical) for symbol in symbols])
    cap = risk.max_position_size * (1 - sizing.price_headroom)
    shares = (Decimal(float(share)) for share in raw / raw.sum())
    return {
        symbol: min(share * investable, cap).quantize(_GRAIN, ROUND_FLOOR)
        for symbol, share in zip(symbols, shares, strict=True)
    }

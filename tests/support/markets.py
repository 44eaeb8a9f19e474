"""Small synthetic markets: the same bars for the same seed."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from trader.domain.bars import BarPanel
from trader.simulated_exchange.calendar import sessions_between

SECTORS = ("Energy", "Financials", "Utilities")


def session_dates(sessions: int, end: date) -> tuple[date, ...]:
    """The last `sessions` exchange sessions up to `end`."""
    start = end - timedelta(days=sessions * 8 // 5 + 15)
    return tuple(session.day for session in sessions_between(start, end))[-sessions:]


def random_panel(seed: int, symbols: int, sessions: int, end: date = date(2026, 3, 31)) -> BarPanel:
    """Bars of `symbols` names (S000, S001, ...) over the `sessions` exchange sessions up to `end`, prices in cents."""
    draw = np.random.default_rng(seed)
    shape = (sessions, symbols)
    market = draw.normal(0.0003, 0.01, (sessions, 1))
    moves = np.exp(market + draw.normal(0, draw.uniform(0.008, 0.03, symbols), shape))
    close = np.maximum(np.round(draw.uniform(20, 400, symbols) * np.cumprod(moves, axis=0), 2), 1.0)
    before = np.vstack([close[:1], close[:-1]])
    opened = np.maximum(np.round(before * np.exp(draw.normal(0, 0.006, shape)), 2), 1.0)
    high = np.round(np.maximum(opened, close) * (1 + draw.exponential(0.004, shape)), 2)
    low = np.maximum(np.round(np.minimum(opened, close) * (1 - draw.exponential(0.004, shape)), 2), 0.01)
    volume = np.round(draw.uniform(2e5, 5e6, symbols) * np.exp(draw.normal(0, 0.35, shape)))
    names = tuple(f"S{n:03d}" for n in range(symbols))
    return BarPanel(session_dates(sessions, end), names, opened, high, low, close, volume)


def sectors_of(panel: BarPanel) -> tuple[str, ...]:
    """A sector for each symbol of the panel."""
    return tuple(SECTORS[n % len(SECTORS)] for n in range(len(panel.symbols)))


def as_frame(panel: BarPanel) -> pd.DataFrame:
    """The panel's bars in long form, by symbol and date: symbol, date, open, high, low, close, volume."""
    count = len(panel.dates)
    fields = ("open", "high", "low", "close", "volume")
    frame = pd.DataFrame(
        {
            "symbol": np.repeat(panel.symbols, count),
            "date": np.tile(np.array(panel.dates, dtype="datetime64[us]"), len(panel.symbols)),
        }
        | {field: getattr(panel, field).ravel(order="F") for field in fields}
    )
    return frame.dropna().reset_index(drop=True)

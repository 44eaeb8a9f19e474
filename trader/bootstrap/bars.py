"""What the bar store holds, for people."""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.bootstrap.parts import bar_archive
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Summary:
    """How many symbols there are, and how many end on which date, newest first."""

    symbols: int
    newest: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; prices in USD to four decimals."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def summary(place: Place) -> Summary:
    """The store in figures."""
    last_dates = bar_archive(place).last_dates()
    return Summary(len(last_dates), tuple(sorted(Counter(last_dates.values()).items(), reverse=True)))


def newest_bars(place: Place, symbol: str, count: int) -> tuple[Bar, ...]:
    """The newest `count` bars of a symbol. Raises ConfigurationError when it has none."""
    archive = bar_archive(place)
    last = archive.last_dates().get(symbol)
    if last is None:
        raise ConfigurationError(symbol, "no bars are stored", "`trader data show` counts what there is.")
    panel = archive.panel((symbol,), last, count)
    bars = zip(panel.open, panel.high, panel.low, panel.close, panel.volume, strict=True)
    rows = [(day, [float(cell[0]) for cell in bar]) for day, bar in zip(panel.dates, bars, strict=True)]
    return tuple(_bar(day, *cells) for day, cells in rows if not math.isnan(cells[0]))


def _bar(day: date, opened: float, high: float, low: float, close: float, volume: float) -> Bar:
    return Bar(day, _usd(opened), _usd(high), _usd(low), _usd(close), int(volume))


def _usd(price: float) -> Decimal:
    return Decimal(f"{price:.4f}")

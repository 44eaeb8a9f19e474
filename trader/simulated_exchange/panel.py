"""Daily bars as dense panels, one row per symbol and one column per session."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trader.simulated_exchange.calendar import Session, sessions_between
from trader.simulated_exchange.config import ExchangeStartError

if TYPE_CHECKING:
    from pyarrow import Array

Ints = npt.NDArray[np.int64]
E4 = 10_000
"""Prices are integers of a ten-thousandth of a dollar."""
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars [symbols, sessions]; prices in 1/10,000 USD, volume in shares; a close of 0 means no bar that day."""

    symbols: tuple[str, ...]
    sessions: tuple[Session, ...]
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    sectors: dict[str, str]


def make_panel(
    symbols: tuple[str, ...],
    sessions: tuple[Session, ...],
    prices: dict[str, Ints],
    volume: Ints,
    sectors: dict[str, str],
) -> Panel:
    """Clean the panels: a bar lacking any price is no bar, and high and low enclose open and close."""
    whole = np.logical_and.reduce([prices[name] > 0 for name in _PRICES])
    clean = {name: np.where(whole, prices[name], 0) for name in _PRICES}
    high = np.maximum.reduce([clean["open"], clean["high"], clean["close"]])
    low = np.minimum.reduce([clean["open"], clean["low"], clean["close"]])
    return Panel(
        symbols, sessions, clean["open"], high, low, clean["close"], np.where(whole, np.maximum(volume, 0), 0), sectors
    )


def load_bars(file: Path) -> Panel:
    """Read symbol, date, open, high, low, close, volume in long form; rows on days without a session are ignored.

    Raises ExchangeStartError naming the file and what it lacks.
    """
    from pyarrow import ArrowException, date32, float64, parquet, string

    wanted = ["symbol", "date", *_PRICES, "volume"]
    try:
        with parquet.ParquetFile(file) as source:
            table = source.read(columns=wanted)
    except (OSError, ArrowException) as error:
        raise ExchangeStartError(f"--bars {file}: {error}") from error
    missing = set(wanted) - set(table.column_names)
    if missing:
        raise ExchangeStartError(f"--bars {file}: column(s) {', '.join(sorted(missing))} are missing")
    if table.num_rows == 0:
        raise ExchangeStartError(f"--bars {file}: there is no row in it")
    coded = table["symbol"].cast(string()).combine_chunks().dictionary_encode()
    names, rank = np.unique(np.array(coded.dictionary.to_pylist()), return_inverse=True)
    rows = rank[_numbers(coded.indices, "int32")]
    days = _numbers(table["date"].cast(date32(), safe=False).combine_chunks(), "int32").astype("datetime64[D]")
    sessions = tuple(sessions_between(_as_date(days.min()), _as_date(days.max())))
    if not sessions:
        raise ExchangeStartError(f"--bars {file}: none of its dates is a trading session")
    session_days = np.array([session.day for session in sessions], dtype="datetime64[D]")
    columns = np.minimum(np.searchsorted(session_days, days), len(sessions) - 1)
    kept = session_days[columns] == days
    shape = (len(names), len(sessions))

    def panel_of(name: str, scale: int) -> Ints:
        column = table[name].cast(float64()).combine_chunks()
        given = column.fill_null(0.0) if column.null_count else column
        values = np.nan_to_num(_numbers(given, "float64"), nan=0.0, posinf=0.0, neginf=0.0)
        out = np.zeros(shape, np.int64)
        out[rows[kept], columns[kept]] = np.rint(values[kept] * scale).astype(np.int64)
        return out

    prices = {name: panel_of(name, E4) for name in _PRICES}
    return make_panel(tuple(map(str, names)), sessions, prices, panel_of("volume", 1), {})


def _numbers(column: "Array[Any]", kind: str) -> npt.NDArray[Any]:
    """The values as they lie in memory; pyarrow's own conversion would import pandas."""
    buffer = column.buffers()[1]
    return np.frombuffer(memoryview(buffer or b""), kind)[column.offset : column.offset + len(column)]


def _as_date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))

"""Daily bars in one Parquet file.

One file, because a rename is the only thing a file system does at once: bars of many files could be half new after a
power loss. It is sorted by date, so that the morning reads its last row groups alone.
"""

import fcntl
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trader.adapters import durable
from trader.decision.bar_rules import COLUMNS, NUMBERS, faults, normalised
from trader.domain.bars import BarPanel
from trader.domain.errors import BadData, ConfigurationError
from trader.ports.stores import Calendar

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

Days = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1).toordinal()
_ROWS_PER_GROUP = 1 << 16


class ParquetBarArchive:
    """ports.stores.BarArchive in `directory`; the rows of a panel are the calendar's sessions."""

    def __init__(self, directory: Path, calendar: Calendar) -> None:
        self._calendar = calendar
        self.path = directory / "bars.parquet"

    def panel(self, symbols: Sequence[str], end: date, sessions: int) -> BarPanel:
        """The last `sessions` session dates up to `end`; a symbol without any bar has a column of NaN."""
        generous = end - timedelta(days=sessions * 8 // 5 + 15)
        dates = tuple(day.date for day in self._calendar.sessions(generous, end))[-sessions:]
        names = tuple(sorted(set(symbols)))
        fields = np.full((len(NUMBERS), len(dates), len(names)), np.nan)
        if dates:
            stored = _read(self.path, dates[0], dates[-1])
            rows, columns = _places(stored.days, dates), _columns(stored, names)
            wanted = (rows >= 0) & (columns >= 0)
            fields[:, rows[wanted], columns[wanted]] = stored.values[:, wanted]
        return BarPanel(dates, names, *fields)

    def symbols(self) -> tuple[str, ...]:
        """Every symbol that has bars, sorted."""
        return tuple(self.last_dates())

    def last_dates(self) -> dict[str, date]:
        """The newest bar's date of each symbol, by symbol."""
        stored = _read(self.path, columns=("symbol", "date"))
        newest = np.zeros(len(stored.symbols), dtype=np.int64)
        np.maximum.at(newest, stored.codes, stored.days)
        return {symbol: _date(day) for symbol, day in zip(stored.symbols, newest.tolist(), strict=True)}

    def merge(self, bars: "pd.DataFrame") -> int:
        """Add or replace bars (long form); how many rows changed. Atomic. Raises BadData for malformed rows."""
        bars = normalised(bars)
        bad = faults(bars)
        if bad:
            first = tuple((row + 1, reason) for row, reason in list(bad.items())[:5])
            raise BadData("bars to store", f"{len(bad)} malformed rows", "Nothing was stored.", first)
        with durable.explained(self.path), self._lock():
            merged, changed = _merged(_read(self.path), _from_frame(bars))
            if changed:
                durable.replace(self.path, _encoded(merged))
            return changed

    def frame(self) -> "pd.DataFrame":
        """Every stored bar in long form, by symbol and date."""
        import pandas as pd

        stored = _read(self.path)
        days = stored.days.astype("datetime64[D]").astype("datetime64[us]")
        columns = {"symbol": np.array(stored.symbols, dtype=object)[stored.codes], "date": days}
        table = pd.DataFrame(columns | dict(zip(NUMBERS, stored.values, strict=True)))
        return table.iloc[np.lexsort((stored.days, stored.codes))].reset_index(drop=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One writer at a time; readers always see a whole file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Bars by (date, symbol): days since 1970, codes into the sorted symbols, values as fields x rows."""

    symbols: tuple[str, ...]
    days: Days
    codes: Days
    values: npt.NDArray[np.float64]


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH)


def _places(days: Days, dates: Sequence[date]) -> Days:
    """The row of each day among the dates, -1 for a day that is none of them."""
    known = np.array([day.toordinal() - _EPOCH for day in dates])
    places = np.minimum(np.searchsorted(known, days), len(known) - 1)
    return np.where(known[places] == days, places, -1)


def _columns(stored: _Rows, names: Sequence[str]) -> Days:
    """The column of each row's symbol among the names, -1 for others."""
    places = {name: n for n, name in enumerate(names)}
    return np.array([places.get(symbol, -1) for symbol in stored.symbols], dtype=np.int64)[stored.codes]


def _coded(symbols: Sequence[str], codes: Days) -> tuple[tuple[str, ...], Days]:
    """The symbols that occur, sorted, and the codes into them."""
    used = np.unique(codes)
    names = sorted(symbols[code] for code in used.tolist())
    places = {name: n for n, name in enumerate(names)}
    table = np.array([places.get(symbol, -1) for symbol in symbols], dtype=np.int64)
    return tuple(names), table[codes]


def _read(path: Path, first: date = date.min, last: date = date.max, columns: Sequence[str] = COLUMNS) -> _Rows:
    """The row groups that hold bars from `first` to `last`; rows outside come along."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, read_dictionary=["symbol"])
        groups = [n for n in range(file.num_row_groups) if _overlaps(file.metadata.row_group(n), first, last)]
        return _from_arrow(file.read_row_groups(groups, columns=list(columns)))
    except FileNotFoundError:
        return _Rows((), *(np.zeros(0, dtype=np.int64),) * 2, np.zeros((len(NUMBERS), 0)))
    except (pa.ArrowException, KeyError) as error:
        raise ConfigurationError(
            str(path),
            f"cannot be read as bars ({error})",
            "Restore it from a backup, or move it away and import the bars again with `trader data import`.",
        ) from error


def _overlaps(group: "pq.RowGroupMetaData", first: date, last: date) -> bool:
    span: Any = group.column(1).statistics
    return bool(span.min <= last and span.max >= first)


def _numbers(column: "pa.ChunkedArray[Any] | pa.Array[Any]") -> npt.NDArray[Any]:
    """The column without its library's own conversion, which imports pandas."""
    import pyarrow as pa

    whole: Any = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.from_dlpack(whole)


def _from_arrow(table: "pa.Table") -> _Rows:
    import pyarrow as pa

    symbol: Any = table["symbol"].unify_dictionaries().combine_chunks()
    days = _numbers(table["date"].cast(pa.int32())).astype(np.int64)
    names, codes = _coded(symbol.dictionary.to_pylist(), _numbers(symbol.indices).astype(np.int64))
    found = [_numbers(table[name]) for name in NUMBERS if name in table.column_names]
    return _Rows(names, days, codes, np.array(found, dtype=np.float64).reshape(len(found), len(days)))


def _from_frame(bars: "pd.DataFrame") -> _Rows:
    names, codes = np.unique(bars["symbol"].to_numpy(dtype=object), return_inverse=True)
    days = bars["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return _Rows(tuple(names.tolist()), days, codes.astype(np.int64), bars[list(NUMBERS)].to_numpy(np.float64).T)


def _merged(old: _Rows, new: _Rows) -> tuple[_Rows, int]:
    """The union, new over old, and how many rows are new or differ."""
    names = (*old.symbols, *new.symbols)
    symbols, codes = _coded(names, np.concatenate([old.codes, new.codes + len(old.symbols)]))
    keys = np.concatenate([old.days, new.days]) * len(symbols) + codes
    order = np.argsort(keys, kind="stable")
    values = np.concatenate([old.values, new.values], axis=1)[:, order]
    keys, is_new = keys[order], (order >= len(old.days))
    again = np.concatenate([[False], keys[1:] == keys[:-1]])
    same = np.concatenate([[False], (values[:, 1:] == values[:, :-1]).all(axis=0)])
    changed = int((is_new & ~(again & same)).sum())
    last = np.concatenate([keys[1:] != keys[:-1], [True]]) if len(keys) else np.zeros(0, dtype=bool)
    kept = keys[last]
    return _Rows(symbols, kept // len(symbols), kept % len(symbols), values[:, last]), changed


def _encoded(rows: _Rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    symbol = pa.DictionaryArray.from_arrays(rows.codes.astype(np.int32), pa.array(list(rows.symbols)))
    days = pa.array(rows.days.astype(np.int32)).cast(pa.date32())
    table = pa.table([symbol, days, *rows.values], names=list(COLUMNS))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=_ROWS_PER_GROUP, compression="zstd")
    return buffer.getvalue()

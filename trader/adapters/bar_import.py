"""Bars from a person's CSV or Parquet file into the archive: all of the file, or nothing of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trader.adapters import calendar as sessions_table
from trader.adapters import durable
from trader.adapters.bar_archive import ParquetBarArchive
from trader.decision.bar_rules import COLUMNS, NUMBERS, Finding, faults
from trader.domain.errors import BadData, ConfigurationError
from trader.ports.stores import Calendar

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

SHOWN = 5
_REMEDY = "Mend the file and import it again; nothing of it was stored."


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file's rows: read = stored + rows on `dropped` dates (no sessions) + `after_until`.

    `changed` counts the stored rows that were new or different; dates span the stored rows.
    """

    source: str
    read: int
    stored: int
    changed: int
    dropped: tuple[tuple[date, int], ...]
    after_until: int
    symbols: int
    first: date | None
    last: date | None
    zero_volume: int


def import_bars(path: Path, archive: ParquetBarArchive, calendar: Calendar, until: date | None = None) -> ImportReport:
    """Store the file's bars up to `until`; rows on dates without a session are dropped and reported.

    The columns are symbol, date, open, high, low, close, volume in any order; CSV dates are YYYY-MM-DD. Raises BadData
    naming the first malformed rows: by line in a CSV file, counted from 1 in a Parquet file.
    """
    bars = read_bars(path)
    days = bars["date"].dt.date
    closed = ~days.isin(_session_dates(calendar, days))
    late = ~closed & (days > until if until else False)
    kept = bars[~closed & ~late]
    span = kept["date"].dt.date
    return ImportReport(
        source=str(path),
        read=len(bars),
        stored=len(kept),
        changed=archive.merge(kept),
        dropped=tuple((day, int(count)) for day, count in days[closed].value_counts().sort_index().items()),
        after_until=int(late.sum()),
        symbols=kept["symbol"].nunique(),
        first=None if span.empty else span.min(),
        last=None if span.empty else span.max(),
        zero_volume=int((kept["volume"] == 0).sum()),
    )


def read_bars(path: Path) -> "pd.DataFrame":
    """The file's bars in long form. Raises ConfigurationError when it cannot be read, BadData for malformed rows."""
    require_file(path)
    with durable.explained(path):
        bars, unreadable = _from_csv(path) if _is_csv(path) else _from_parquet(path)
    bad = dict(sorted((faults(bars) | unreadable).items()))
    if bad:
        raise BadData(str(path), f"{len(bad)} malformed rows", _REMEDY, tuple(bad.items())[:SHOWN])
    return bars


def bar_dates(path: Path) -> tuple[date, ...]:
    """The dates of a Parquet file's bars, ascending, and nothing else of it. Raises as `read_bars`."""
    import pyarrow as pa

    require_file(path)
    with durable.explained(path), _opened_parquet(path) as file:
        days = file.read(["date"])["date"].cast(pa.date32(), safe=False).unique().to_pylist()
    return tuple(sorted(day for day in days if day is not None))


def require_file(path: Path) -> None:
    """Raise ConfigurationError when there is none."""
    if not path.is_file():
        raise ConfigurationError(str(path), "there is no such file", "Check the path.")


def check_archive(archive: ParquetBarArchive, calendar: Calendar) -> tuple[Finding, ...]:
    """What is wrong with the stored bars: malformed rows, dates that are no session, sessions without a bar."""
    bars = archive.frame()
    found = [Finding(bars["symbol"].iloc[row], reason) for row, reason in faults(bars).items()]
    days = bars["date"].dt.date
    sessions = _session_dates(calendar, days)
    closed = ~days.isin(sessions)
    found += [
        Finding(symbol, f"{day} is no session")
        for symbol, day in zip(bars["symbol"][closed], days[closed], strict=True)
    ]
    places = {day: n for n, day in enumerate(sessions)}
    spans = days[~closed].map(places).groupby(bars["symbol"]).agg(["min", "max", "count"])
    missing = (spans["max"] - spans["min"] + 1 - spans["count"]).astype(int)
    found += [
        Finding(str(symbol), f"{count} sessions without a bar between its first and its last")
        for symbol, count in missing[missing > 0].items()
    ]
    return tuple(sorted(found, key=lambda finding: (finding.symbol, finding.reason)))


def _session_dates(calendar: Calendar, days: "pd.Series[date]") -> Sequence[date]:
    """The sessions between the first and the last of the days, as far as the calendar reaches."""
    if days.empty:
        return ()
    first, last = max(days.min(), sessions_table.FIRST), min(days.max(), sessions_table.LAST)
    return [day.date for day in calendar.sessions(first, last)]


def _from_csv(path: Path) -> "tuple[pd.DataFrame, dict[int, str]]":
    """The file's bars labelled by line, and why some lines cannot be read."""
    import pyarrow as pa
    from pyarrow import csv

    ragged: dict[int, str] = {}

    def refuse(row: csv.InvalidRow) -> Literal["skip"]:
        ragged[row.number or 0] = f"{row.actual_columns} columns, {row.expected_columns} in the header"
        return "skip"

    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=refuse),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise BadData(str(path), f"cannot be read as CSV ({error})", _REMEDY) from error
    _check_columns(path, table.column_names)
    lines = [line for line in range(2, table.num_rows + len(ragged) + 2) if line not in ragged]
    raw = table.to_pandas().set_axis(lines)
    raw = raw[(raw != "").any(axis=1)]
    bars, unreadable = _parsed(raw)
    return bars, unreadable | ragged


def _from_parquet(path: Path) -> "tuple[pd.DataFrame, dict[int, str]]":
    """The file's bars labelled by row from 1, and why some rows cannot be read."""
    with _opened_parquet(path) as file:
        raw = file.read().to_pandas(date_as_object=False, ignore_metadata=True)
    return _parsed(raw.set_axis(range(1, len(raw) + 1)))


@contextmanager
def _opened_parquet(path: Path) -> "Iterator[pq.ParquetFile]":
    """The file, its columns checked, for a block whose reading may fail."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names)
            yield file
    except pa.ArrowException as error:
        raise BadData(str(path), f"cannot be read as Parquet ({error})", _REMEDY) from error


def _is_csv(path: Path) -> bool:
    return ".csv" in path.suffixes


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [column for column in COLUMNS if column not in names]
    unknown = [name for name in names if name not in COLUMNS]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = {"missing": missing, "unknown": unknown, "repeated": twice}
    told = "; ".join(f"{kind} column {', '.join(found)}" for kind, found in problems.items() if found)
    if told:
        raise BadData(str(path), told, f"The columns are {', '.join(COLUMNS)}. {_REMEDY}")


def _parsed(raw: "pd.DataFrame") -> "tuple[pd.DataFrame, dict[int, str]]":
    """The columns in their types, and the first cell of each row that has no value of its type."""
    import pandas as pd

    days, numbers = _dates(raw["date"]), {name: pd.to_numeric(raw[name], errors="coerce") for name in NUMBERS}
    unreadable = {row: f"date {cell} is no date (YYYY-MM-DD)" for row, cell in _cells(raw["date"], days)}
    for name, values in numbers.items():
        unreadable = {row: f"{name} {cell} is no number" for row, cell in _cells(raw[name], values)} | unreadable
    symbols = raw["symbol"].astype("str")
    typed = {name: values.astype("float64") for name, values in numbers.items()}
    return pd.DataFrame({"symbol": symbols, "date": days} | typed, index=raw.index), unreadable


def _cells(raw: "pd.Series[Any]", parsed: "pd.Series[Any]") -> list[tuple[int, str]]:
    """Row label and text of the cells that were not understood."""
    wrong = raw[parsed.isna()]
    return [
        (row, repr(cell) if isinstance(cell, str) else str(cell))
        for row, cell in zip(wrong.index.tolist(), wrong, strict=True)
    ]


def _dates(raw: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    """Midnights; missing where a value is no date, has a time of day, or a time zone."""
    import pandas as pd

    text = raw.dt.strftime("%Y-%m-%d %H:%M:%S%z") if pd.api.types.is_datetime64_any_dtype(raw) else raw.astype("str")
    return pd.to_datetime(text.str.removesuffix(" 00:00:00"), format="%Y-%m-%d", errors="coerce").astype(
        "datetime64[us]"
    )

"""The candidates as a CSV file: symbol, sector."""

import csv
import io
import re
from pathlib import Path

from trader.adapters import durable
from trader.domain.errors import BadData, ConfigurationError
from trader.domain.market import Universe

_COLUMNS = ["symbol", "sector"]
_SYMBOL = re.compile(r"[A-Z]{1,6}([.-][A-Z]{1,2})?")
_REMEDY = "The file has the columns symbol, sector and one row a symbol."


def read_universe(path: Path) -> Universe:
    """The candidates in `path`, sorted by symbol. Raises ConfigurationError, or BadData naming rows by line."""
    header, *rows = _lines(path) or [[]]
    if header != _COLUMNS:
        raise ConfigurationError(f"{path} line 1", f"columns {', '.join(header) or 'missing'}", _REMEDY)
    faults = _faults(rows)
    if faults:
        raise BadData(str(path), f"{len(faults)} malformed rows", _REMEDY, tuple(faults[:5]))
    return Universe(tuple(sorted((symbol, sector) for symbol, sector in rows)))


def write_universe(path: Path, universe: Universe) -> None:
    """Replace `path` by these candidates, in one step."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_COLUMNS, *map(list, universe.sectors)])
    with durable.explained(path):
        durable.replace(path, out.getvalue().encode())


def _lines(path: Path) -> list[list[str]]:
    try:
        with durable.explained(path):
            text = path.read_text(encoding="utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline="")))
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "not UTF-8 text", "Save the file as UTF-8.") from None
    except csv.Error as error:
        raise ConfigurationError(str(path), f"cannot be read as CSV ({error})", _REMEDY) from None


def _faults(rows: list[list[str]]) -> list[tuple[int, str]]:
    seen: set[str] = set()
    found = []
    for line, row in enumerate(rows, start=2):
        if fault := _fault(row, seen):
            found.append((line, fault))
        seen.update(row[:1])
    return found


def _fault(row: list[str], seen: set[str]) -> str:
    if len(row) != 2:
        return f"{len(row)} columns"
    symbol, sector = row
    if not _SYMBOL.fullmatch(symbol):
        return f"{symbol!r} is no symbol"
    if symbol in seen:
        return f"{symbol} stands twice"
    return "" if sector else f"{symbol} has no sector"

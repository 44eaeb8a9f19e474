"""What a row of bars must be before anything is stored or decided on it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "volume")
COLUMNS = ("symbol", "date", *NUMBERS)

SYMBOL = r"[A-Z][A-Z0-9]*(?:[.-][A-Z0-9]+)*"


def normalised(bars: "pd.DataFrame") -> "pd.DataFrame":
    """The columns in their order and types, rows numbered from 0."""
    numbers = {name: bars[name].astype("float64") for name in NUMBERS}
    typed = bars.assign(symbol=bars["symbol"].astype("str"), date=bars["date"].astype("datetime64[us]"), **numbers)
    return typed[list(COLUMNS)].reset_index(drop=True)


def faults(bars: "pd.DataFrame") -> dict[int, str]:
    """The malformed rows of bars in long form: index label (a unique number) -> first reason, in their order.

    `symbol` and `date` (datetime64, midnight) may be missing values, the other columns are float64.
    """
    found: dict[int, str] = {}
    for bad, reason in _rules(bars):
        rows = bars[bad]
        for number, row, day in zip(rows.index.tolist(), rows.itertuples(), rows["date"].dt.date, strict=True):
            found.setdefault(number, reason.format(row=row, day=day))
    return dict(sorted(found.items()))


def _rules(bars: "pd.DataFrame") -> "Iterator[tuple[pd.Series[bool], str]]":
    yield ~bars["symbol"].str.fullmatch(SYMBOL).fillna(False).astype(bool), "symbol {row.symbol!r} is no symbol"
    yield bars["date"].isna(), "date is missing"
    for column in NUMBERS:
        yield ~(bars[column].abs() < float("inf")), f"{column} is no number"
    for column in PRICES:
        yield bars[column] <= 0, f"{column} {{row.{column}}} is not positive"
    yield bars["volume"] < 0, "volume {row.volume} is negative"
    for column in ("open", "close", "low"):
        yield bars["high"] < bars[column], f"high {{row.high}} is below {column} {{row.{column}}}"
    for column in ("open", "close"):
        yield bars["low"] > bars[column], f"low {{row.low}} is above {column} {{row.{column}}}"
    yield bars.duplicated(["symbol", "date"]), "{row.symbol} {day} is there already"
    earlier = bars["date"] < bars.groupby("symbol", observed=True)["date"].shift()
    yield earlier, "{row.symbol} {day} comes after a later date: dates must ascend within a symbol"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a symbol's bars."""

    symbol: str
    reason: str


def validated(
    bars: "pd.DataFrame", source: str, sessions: Collection[date]
) -> "tuple[pd.DataFrame, tuple[Finding, ...]]":
    """The bars that may be stored, and why others may not.

    A malformed row costs its symbol all its bars of this batch, so that the symbol turns stale and is left alone; rows
    on dates that are no session are dropped alone. `source` says where the bars came from.
    """
    bars = normalised(bars)
    bad: dict[str, str] = {}
    for row, reason in faults(bars).items():
        bad.setdefault(str(bars["symbol"].iloc[row]), reason)
    sound = bars[~bars["symbol"].isin(list(bad))]
    closed = ~sound["date"].dt.date.isin(sessions)
    findings = [Finding(symbol, f"{source}: {reason}; its bars were not stored") for symbol, reason in bad.items()]
    findings += [
        Finding(symbol, f"{source}: {day} is no session; the bar was dropped")
        for symbol, day in zip(sound["symbol"][closed], sound["date"][closed].dt.date, strict=True)
    ]
    return sound[~closed].reset_index(drop=True), tuple(sorted(findings, key=lambda f: (f.symbol, f.reason)))

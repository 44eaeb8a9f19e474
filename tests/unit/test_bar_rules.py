"""What a row of bars must be, and what one bad row of a batch costs."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.markets import as_frame, random_panel
from trader.decision.bar_rules import Finding, faults, normalised, validated

PANEL = random_panel(seed=2, symbols=4, sessions=6)
FRAME = as_frame(PANEL)
INFINITE, NAN = float("inf"), float("nan")


def test_sound_bars_have_no_faults() -> None:
    assert faults(FRAME) == {}
    assert faults(FRAME.sort_values(["date", "symbol"])) == {}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("symbol", "aapl", "symbol 'aapl' is no symbol"),
        ("symbol", "", "symbol '' is no symbol"),
        ("symbol", None, "symbol nan is no symbol"),
        ("date", pd.NaT, "date is missing"),
        ("open", NAN, "open is no number"),
        ("volume", INFINITE, "volume is no number"),
        ("close", 0.0, "close 0.0 is not positive"),
        ("low", -1.5, "low -1.5 is not positive"),
        ("volume", -1.0, "volume -1.0 is negative"),
        ("high", 0.5, "high 0.5 is below open"),
        ("low", 1e6, "low 1000000.0"),
        ("date", pd.Timestamp(PANEL.dates[1]), f"S002 {PANEL.dates[1]} is there already"),
        ("date", pd.Timestamp("2019-01-02"), "S002 2019-01-02 comes after a later date"),
    ],
)
def test_each_rule_names_the_row_and_the_value(column: str, value: object, reason: str) -> None:
    bars = FRAME.copy()
    row = 2 * 6 + 3
    bars[column] = bars[column].where(bars.index != row, value)
    found = faults(bars)
    assert reason in " ".join(found.values())
    assert set(found) <= {row, row + 1}


def test_symbols_are_what_exchanges_use() -> None:
    names = ["A", "BRK.B", "BF-B", "NAN", "S000", "a", "A B", ".A", "A.", "A/B", "Ä"]
    bars = pd.concat([FRAME.iloc[:1]] * len(names), ignore_index=True).assign(symbol=names)
    assert sorted(faults(bars)) == [5, 6, 7, 8, 9, 10]


@given(st.sets(st.integers(0, 23), max_size=4))
def test_a_bad_row_costs_its_symbol_the_batch_and_nobody_else(rows: set[int]) -> None:
    bars = FRAME.copy()
    bars.loc[sorted(rows), "close"] = NAN
    kept, findings = validated(bars, "the feed", PANEL.dates)
    lost = {FRAME["symbol"][row] for row in rows}
    assert set(kept["symbol"]) == set(PANEL.symbols) - lost
    assert {finding.symbol for finding in findings} == lost
    assert len(kept) == 6 * (4 - len(lost))


def test_a_bar_on_a_closed_day_is_dropped_alone() -> None:
    kept, findings = validated(FRAME, "the feed", PANEL.dates[:-1])
    assert len(kept) == 4 * 5
    assert findings[0] == Finding("S000", f"the feed: {PANEL.dates[-1]} is no session; the bar was dropped")


def test_columns_come_in_any_order_and_type_that_holds_the_value() -> None:
    odd = FRAME.assign(symbol=FRAME["symbol"].astype("category"), volume=FRAME["volume"].astype("int64"), extra=1)
    odd["date"] = odd["date"].dt.date
    pd.testing.assert_frame_equal(normalised(odd[odd.columns[::-1]]), normalised(FRAME))
    assert normalised(odd)["date"].dt.date[0] == date(2026, 3, 24)

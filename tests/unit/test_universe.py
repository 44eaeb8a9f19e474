"""Which symbols may be traded, and which bars are missing."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.markets import random_panel, session_dates
from trader.decision.universe import BarRequest, missing_ranges, screen
from trader.domain.bars import BarPanel, Panel
from trader.domain.policy import DataPolicy

PANEL = random_panel(seed=3, symbols=6, sessions=280)
POLICY = DataPolicy()


def with_bars(panel: BarPanel, column: int, rows: slice, prices: float = 1.0, volume: float = 1.0) -> BarPanel:
    """The panel with some bars of a symbol multiplied (NaN removes them)."""

    def scaled(field: Panel, factor: float) -> Panel:
        changed = field.copy()
        changed[rows, column] *= factor
        return changed

    fields = {name: scaled(getattr(panel, name), prices) for name in ("open", "high", "low", "close")}
    return replace(panel, **fields, volume=scaled(panel.volume, volume))


def verdicts(panel: BarPanel, policy: DataPolicy = POLICY) -> dict[str, tuple[str, str]]:
    return {e.symbol: (e.code, e.detail) for e in screen(panel, policy)}


def test_sound_bars_exclude_nobody() -> None:
    assert verdicts(PANEL) == {}


@pytest.mark.parametrize(
    ("rows", "code", "detail"),
    [
        (slice(None), "no_bars", "no bar in 280 sessions"),
        (slice(-1, None), "stale", "last bar 2026-03-30, 1 sessions old"),
        (slice(0, 21), "short_history", "259 bars, 260 needed"),
        (slice(100, 103), "gap", "3 sessions without a bar since"),
    ],
)
def test_missing_bars_exclude_with_their_numbers(rows: slice, code: str, detail: str) -> None:
    found = verdicts(with_bars(PANEL, 2, rows, prices=np.nan, volume=np.nan))
    assert list(found) == ["S002"]
    assert found["S002"][0] == code
    assert detail in found["S002"][1]


def test_twenty_sessions_short_is_not_short() -> None:
    assert verdicts(with_bars(PANEL, 2, slice(0, 20), prices=np.nan, volume=np.nan)) == {}


def test_a_bar_may_be_as_old_as_the_policy_says() -> None:
    late = with_bars(PANEL, 2, slice(-2, None), prices=np.nan, volume=np.nan)
    assert verdicts(late, DataPolicy(max_stale_sessions=2)) == {}
    assert verdicts(late, DataPolicy(max_stale_sessions=1))["S002"][0] == "stale"


def test_the_last_bar_must_have_traded_at_a_price_worth_trading() -> None:
    assert verdicts(with_bars(PANEL, 1, slice(-1, None), volume=0))["S001"][0] == "zero_volume"
    assert verdicts(with_bars(PANEL, 1, slice(-2, -1), volume=0)) == {}
    cheap = with_bars(PANEL, 4, slice(None), prices=2.9 / PANEL.close[-1, 4])
    assert verdicts(cheap) == {"S004": ("low_price", "closed at 2.9000 USD, 3 needed")}


@pytest.mark.parametrize("split", [1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20])
@pytest.mark.parametrize("reverse", [False, True])
def test_an_unadjusted_split_is_found_where_it_is(split: float, reverse: bool) -> None:
    ratio = 1 / split if reverse else split
    jumped = with_bars(PANEL, 3, slice(0, 200), prices=ratio, volume=1 / ratio)
    found = verdicts(jumped)
    assert list(found) == ["S003"]
    code, detail = found["S003"]
    assert code == "split_like"
    assert str(PANEL.dates[200]) in detail
    assert detail.endswith(f"near {split:g}" if reverse else f"near 1/{split:g}")


def with_day(row: int, opened: float, high: float, low: float, closed: float, volume: float, after: float) -> BarPanel:
    """S003 with one eventful day, in multiples of the close before; the days after it at a multiple of theirs."""
    panel = with_bars(PANEL, 3, slice(row + 1, None), prices=after)
    close, usual = (
        float(panel.close[row - 1, 3]),
        float(np.median(panel.close[row - 20 : row, 3] * panel.volume[row - 20 : row, 3])),
    )
    for name, factor in {"open": opened, "high": high, "low": low, "close": closed}.items():
        getattr(panel, name)[row, 3] = close * factor
    panel.volume[row, 3] = volume * usual / (close * closed)
    return panel


def test_a_crash_that_began_near_the_old_price_is_no_split() -> None:
    """EPAM on 2022-02-28: opened 8 % down, closed 46 % down."""
    assert verdicts(with_day(200, 0.92, 0.93, 0.48, 0.50, volume=2.0, after=0.5)) == {}


def test_a_gap_with_the_volume_of_news_is_no_split() -> None:
    """PCG on 2019-01-14: down by half at the open, on four times the usual dollar volume."""
    assert verdicts(with_day(200, 0.52, 0.55, 0.44, 0.48, volume=4.0, after=0.48)) == {}
    assert verdicts(with_day(200, 0.52, 0.55, 0.44, 0.48, volume=2.0, after=0.48))["S003"][0] == "split_like"


def test_a_split_on_a_moving_day_is_found_and_a_wider_move_is_not_one() -> None:
    assert verdicts(with_day(200, 0.25, 0.27, 0.249, 0.27, volume=2.5, after=0.27))["S003"][0] == "split_like"
    assert verdicts(with_day(200, 0.25, 0.30, 0.249, 0.30, volume=2.5, after=0.30)) == {}


SESSIONS = session_dates(30, date(2026, 3, 31))


def test_only_what_is_missing_is_asked_for() -> None:
    held = {"A": SESSIONS[-1], "B": SESSIONS[-3], "C": SESSIONS[-3], "D": date(2020, 1, 2), "GONE": SESSIONS[-9]}
    assert missing_ranges(held, ["C", "NEW", "B", "A", "D"], SESSIONS) == (
        BarRequest(("D", "NEW"), SESSIONS[0], SESSIONS[-1]),
        BarRequest(("B", "C"), SESSIONS[-2], SESSIONS[-1]),
    )
    assert missing_ranges(held, ["A", "B"], SESSIONS, refetch={"A"}) == (
        BarRequest(("A",), SESSIONS[0], SESSIONS[-1]),
        BarRequest(("B",), SESSIONS[-2], SESSIONS[-1]),
    )
    assert missing_ranges(held, ["A"], SESSIONS) == ()


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from(SESSIONS)), st.sets(st.sampled_from("ABCDEFGH")))
def test_requests_and_held_bars_together_reach_the_target(held: dict[str, date], symbols: set[str]) -> None:
    asked = {s: r for r in missing_ranges(held, symbols, SESSIONS) for s in r.symbols}
    for symbol in symbols:
        after = [day for day in SESSIONS if symbol not in held or day > held[symbol]]
        assert (symbol in asked) == bool(after)
        if after:
            assert (asked[symbol].start, asked[symbol].end) == (after[0], after[-1])

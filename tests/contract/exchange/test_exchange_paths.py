"""What the price does between the bars of two days."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.simulated_exchange.calendar import session_on
from trader.simulated_exchange.config import ExchangeStartError
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.panel import E4, load_bars
from trader.simulated_exchange.path import day_path
from trader.simulated_exchange.scenario import Halt, Scenario
from trader.simulated_exchange.synthetic import synthetic_panel
from trader.simulated_exchange.timestamps import SECOND_NS

PRICES = st.integers(1, 5_000 * E4)


@given(
    prices=st.tuples(PRICES, PRICES, PRICES, PRICES), seed=st.integers(0, 99), seconds=st.sampled_from([12_600, 23_400])
)
def test_a_path_touches_the_bar_and_never_leaves_it(prices: tuple[int, ...], seed: int, seconds: int) -> None:
    low, *inside, high = sorted(prices)
    open_, close = inside if seed % 2 else reversed(inside)
    path = day_path(seed, "SYAAA", "2022-03-16", seconds, (open_, high, low, close))
    whole_day = path.between(0, seconds)
    assert (whole_day[0], whole_day[-1], whole_day[:-1].max(), whole_day[:-1].min()) == (open_, close, high, low)
    assert [path.at(second) for second in (0, 61, 7_777, seconds)] == whole_day[[0, 61, 7_777, seconds]].tolist()


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(synthetic_panel(3, 8, date(2022, 1, 3), date(2022, 3, 31)), seed=3)


def test_quotes_lie_on_the_tick_around_the_price(market: Market) -> None:
    session = session_on(date(2022, 3, 16))
    assert session is not None
    for symbol in market.panel.symbols:
        for second in range(0, session.seconds, 1_000):
            quote = market.quote(symbol, session.open_ns + second * SECOND_NS + 5)
            assert quote is not None
            assert quote.bid <= quote.mid <= quote.ask
            assert 100 <= quote.ask - quote.bid <= quote.mid * 21 // E4 + 200
            assert quote.bid % 100 == quote.ask % 100 == 0


def test_the_first_cross_is_the_first_second_whose_quote_meets_the_limit(market: Market) -> None:
    session = session_on(date(2022, 3, 16))
    assert session is not None
    for symbol in market.panel.symbols:
        quotes = [market.quote(symbol, session.open_ns + second * SECOND_NS) for second in range(300, 2_300)]
        asks = [quote.ask for quote in quotes if quote]
        limit = int(np.percentile(asks, 10))
        wanted = 300 + next(place for place, ask in enumerate(asks) if ask <= limit)
        assert market.first_cross(symbol, session, "buy", limit, 300) == wanted
        halt = Halt(symbol, session.open_ns + 300 * SECOND_NS, session.open_ns + (wanted + 1) * SECOND_NS)
        halted = market.staged(Scenario(halts=(halt,)))
        following = wanted + 1 + next(place for place, ask in enumerate(asks[wanted - 299 :]) if ask <= limit)
        assert halted.first_cross(symbol, session, "buy", limit, 300) == following


def test_a_stop_is_reached_in_the_first_live_second_at_its_price(market: Market) -> None:
    session = session_on(date(2022, 3, 16))
    assert session is not None
    path = market.path("SYAAA", session).between(0, session.seconds - 1)
    stop = int(np.percentile(path, 90))
    wanted = np.flatnonzero(path >= stop)
    assert market.first_print("SYAAA", session, "buy", stop, 0) == wanted[0]
    halt = Halt("SYAAA", session.open_ns, session.open_ns + int(wanted[5]) * SECOND_NS)
    halted = market.staged(Scenario(halts=(halt,)))
    assert halted.first_print("SYAAA", session, "buy", stop, 0) == wanted[5]


def test_a_closed_market_is_marked_at_the_close_and_knows_nothing_of_tomorrow(market: Market) -> None:
    symbol, session = "SYAAB", session_on(date(2022, 3, 16))
    assert session is not None
    column = market.panel.sessions.index(session)
    closed = int(market.panel.close[market.row[symbol], column])
    assert market.mark(symbol, session.close_ns) == closed
    assert market.mark(symbol, session.close_ns + 17 * 3600 * SECOND_NS) == closed
    assert market.mark(symbol, session.open_ns - 1) == int(market.panel.close[market.row[symbol], column - 1])


def test_the_same_seed_gives_the_same_market_and_another_does_not() -> None:
    days = (date(2022, 1, 3), date(2022, 3, 31))
    one, same, other = (synthetic_panel(seed, 5, *days) for seed in (1, 1, 2))
    assert np.array_equal(one.close, same.close)
    assert not np.array_equal(one.close, other.close)
    assert (one.low > 0).all()
    assert (one.low <= np.minimum(one.open, one.close)).all()
    assert (one.high >= np.maximum(one.open, one.close)).all()


def _write_bars(file: Path, rows: list[tuple[str, str, float]]) -> Path:
    symbols, days, closes = zip(*rows, strict=True)
    prices = {name: list(closes) for name in ("open", "high", "low", "close")}
    dates = pa.array([date.fromisoformat(day) for day in days])
    pq.write_table(pa.table({"symbol": symbols, "date": dates, **prices, "volume": [100] * len(rows)}), file)
    return file


def test_bars_from_a_file_keep_gaps_and_lose_holidays(tmp_path: Path) -> None:
    """2022-06-20 was a holiday; B has no bar on the 21st and is halted that day."""
    rows = [("B", "2022-06-17", 10.5), ("A", "2022-06-17", 7.1234), ("B", "2022-06-20", 99.0), ("A", "2022-06-21", 8.0)]
    market = Market(load_bars(_write_bars(tmp_path / "bars.parquet", rows)), seed=0)
    tuesday = session_on(date(2022, 6, 21))
    assert tuesday is not None
    assert market.panel.close.tolist() == [[71_234, 80_000], [105_000, 0]]
    assert market.mark("B", tuesday.open_ns + 1) == 105_000
    assert market.running("B", tuesday.open_ns) is None
    assert market.running("A", tuesday.open_ns) == tuesday


def test_a_file_without_the_columns_is_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"symbol": ["A"], "close": [1.0]}), tmp_path / "bars.parquet")
    with pytest.raises(
        ExchangeStartError, match=r"bars\.parquet: column\(s\) date, high, low, open, volume are missing"
    ):
        load_bars(tmp_path / "bars.parquet")

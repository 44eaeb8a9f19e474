"""The unmodified alpaca-py data client against the exchange."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame

from tests.contract.exchange.running import RunningExchange
from trader.simulated_exchange.panel import E4
from trader.simulated_exchange.synthetic import synthetic_panel

SYMBOLS = ["SYAAA", "SYAAB", "SYAAC"]
PANEL = synthetic_panel(7, 6, date(2022, 1, 3), date(2022, 6, 30))


def page(exchange: RunningExchange, **params: Any) -> dict[str, Any]:
    wanted = {"symbols": ",".join(SYMBOLS), "timeframe": "1Day", "start": "2022-03-01"} | params
    answer = exchange.call("GET", "/v2/stocks/bars", params=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_bars_are_those_of_the_market_and_end_with_the_last_finished_session(exchange: RunningExchange) -> None:
    request = StockBarsRequest(
        symbol_or_symbols=[*SYMBOLS, "NOPE"], timeframe=TimeFrame.Day, start=datetime(2022, 1, 1, tzinfo=UTC)
    )
    found: Any = exchange.data().get_stock_bars(request)
    assert sorted(found.data) == SYMBOLS
    for row, symbol in enumerate(SYMBOLS):
        bars = found.data[symbol]
        days = len(bars)
        assert [bar.close for bar in bars] == (PANEL.close[row, :days] / E4).tolist()
        assert [bar.volume for bar in bars] == PANEL.volume[row, :days].tolist()
        assert PANEL.sessions[days - 1].day == date(2022, 3, 15)
    assert found.data["SYAAA"][0].timestamp == datetime(2022, 1, 3, 5, tzinfo=UTC)
    assert found.data["SYAAA"][-1].timestamp == datetime(2022, 3, 15, 4, tzinfo=UTC)


def test_a_bar_appears_when_its_session_is_over(exchange: RunningExchange) -> None:
    for instant, last in [("15:59:59", "2022-03-15"), ("16:00:00", "2022-03-16")]:
        exchange.advance(f"2022-03-16T{instant}-04:00")
        assert page(exchange)["bars"]["SYAAA"][-1]["t"].startswith(last)


@pytest.mark.parametrize("limit", [1, 4, 11, 12, 36, 1000])
@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_pages_join_to_the_whole_without_an_empty_one(exchange: RunningExchange, limit: int, sort: str) -> None:
    """12 sessions from 2022-03-01 to 2022-03-16: limits that cut within a symbol, between two, and not at all."""
    exchange.advance("2022-03-16T17:00:00-04:00")
    wanted = {"end": "2022-03-16T04:00:00Z", "sort": sort}
    whole = page(exchange, **wanted)
    assert whole["next_page_token"] is None
    assert [len(bars) for bars in whole["bars"].values()] == [12, 12, 12]
    joined: dict[str, list[Any]] = {}
    token, pages = "", 0
    while token is not None:
        part = page(exchange, limit=limit, page_token=token, **wanted)
        assert 0 < sum(map(len, part["bars"].values())) <= limit
        for symbol, bars in part["bars"].items():
            joined[symbol] = joined.get(symbol, []) + bars
        token, pages = part["next_page_token"], pages + 1
        assert pages <= 36
    assert joined == whole["bars"]
    assert pages == -(-36 // limit)
    times = [bar["t"] for bar in joined["SYAAA"]]
    assert times == sorted(times, reverse=sort == "desc")


def test_nothing_found_is_an_empty_object(exchange: RunningExchange) -> None:
    assert page(exchange, symbols="NOPE") == {"bars": {}, "next_page_token": None}
    assert page(exchange, start="2022-06-01", end="2022-06-30") == {"bars": {}, "next_page_token": None}
    assert exchange.call("GET", "/v2/stocks/bars?symbols=SYAAA&timeframe=5Min").status_code == 422
    token = {"symbols": "SYAAA", "timeframe": "1Day", "page_token": "nonsense"}
    assert exchange.call("GET", "/v2/stocks/bars", params=token).status_code == 422


def test_latest_quotes_trades_bars_and_snapshots_agree(exchange: RunningExchange) -> None:
    exchange.advance("2022-03-17T12:34:56.5-04:00")
    data = exchange.data()
    quotes: Any = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=[*SYMBOLS, "NOPE"]))
    trades: Any = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=SYMBOLS))
    minutes: Any = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=SYMBOLS))
    snapshots: Any = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=SYMBOLS))
    assert sorted(quotes) == SYMBOLS
    for row, symbol in enumerate(SYMBOLS):
        quote, snapshot = quotes[symbol], snapshots[symbol]
        assert quote.timestamp == datetime(2022, 3, 17, 16, 34, 56, tzinfo=UTC)
        assert quote.bid_price < quote.ask_price
        assert quote.bid_price <= trades[symbol].price <= quote.ask_price
        assert trades[symbol].price == minutes[symbol].close == snapshot.daily_bar.close
        assert minutes[symbol].timestamp == datetime(2022, 3, 17, 16, 34, tzinfo=UTC)
        assert snapshot.latest_quote == quote
        yesterday = PANEL.sessions.index(next(each for each in PANEL.sessions if each.day == date(2022, 3, 16)))
        assert snapshot.daily_bar.open == PANEL.open[row, yesterday + 1] / E4
        assert snapshot.previous_daily_bar.close == PANEL.close[row, yesterday] / E4
    exchange.advance("2022-03-17T20:00:00-04:00")
    evening: Any = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="SYAAA"))["SYAAA"]
    assert evening.daily_bar.close == PANEL.close[0, yesterday + 1] / E4
    assert evening.previous_daily_bar.close == PANEL.close[0, yesterday] / E4
    assert evening.latest_trade.price == evening.daily_bar.close

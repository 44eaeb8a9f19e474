"""Alpaca's market data: ports.broker.MarketData over the official data client."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import pandas as pd
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from trader.adapters.alpaca import translate
from trader.adapters.alpaca.reads import read
from trader.domain.market import NEW_YORK, Quote
from trader.ports.clock import Clock

T = TypeVar("T")

SYMBOLS_PER_REQUEST = 200
_FREE_SIP_DELAY = timedelta(minutes=16)  # the free plan refuses a window that reaches into the last 15 minutes
_COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]


class AlpacaMarketData:
    """Bars and quotes of one feed (`iex` or `sip`). `client` must be guarded and give raw data."""

    def __init__(self, client: StockHistoricalDataClient, feed: str, clock: Clock) -> None:
        self._client: Any = client
        self._feed = DataFeed(feed)
        self._clock = clock

    def daily_bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Split-adjusted daily bars, long, sorted by symbol and date (Python dates); prices and volume float64.

        A symbol without bars is absent. Raises BrokerUnavailable.
        """
        first = translate.midnight(start)
        last = min(translate.midnight(end), self._clock.now() - _FREE_SIP_DELAY)
        wanted = _chunks(symbols) if first <= last else iter(())
        return _frame([row for chunk in wanted for row in self._bars(chunk, first, last)])

    def quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """The latest quotes; a symbol without bid or ask is absent. Raises BrokerUnavailable."""
        return {symbol: quote for chunk in _chunks(symbols) for symbol, quote in self._quotes(chunk).items()}

    def _bars(self, symbols: list[str], start: datetime, end: datetime) -> list[tuple[Any, ...]]:
        request = StockBarsRequest(
            symbol_or_symbols=symbols,
            timeframe=TimeFrame(1, TimeFrameUnit.Day),
            start=start,
            end=end,
            adjustment=Adjustment.SPLIT,
            feed=self._feed,
        )
        return self._read("the daily bars", lambda: translate.bars(self._client.get_stock_bars(request)))

    def _quotes(self, symbols: list[str]) -> dict[str, Quote]:
        request = StockLatestQuoteRequest(symbol_or_symbols=symbols, feed=self._feed)
        return self._read("the quotes", lambda: translate.quotes(self._client.get_stock_latest_quote(request)))

    def _read(self, operation: str, request: Callable[[], T]) -> T:
        return read(f"reading {operation}", request, self._clock)


def _chunks(symbols: Sequence[str]) -> Iterator[list[str]]:
    ordered = sorted(set(symbols))
    return (ordered[at : at + SYMBOLS_PER_REQUEST] for at in range(0, len(ordered), SYMBOLS_PER_REQUEST))


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """A bar's date is the New York date of its timestamp, which is that day's midnight there."""
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    opened = pd.to_datetime(frame["date"], utc=True, format="ISO8601").dt.tz_convert(NEW_YORK)
    frame["date"] = opened.dt.date
    frame[_COLUMNS[2:]] = frame[_COLUMNS[2:]].astype("float64")
    return frame.sort_values(["symbol", "date"], ignore_index=True)

"""/v2/stocks: daily bars by the page; latest bars, quotes and trades; snapshots."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

import numpy as np
from aiohttp import web

from trader.simulated_exchange import query
from trader.simulated_exchange.data_wire import Json, bar_json, daily_bars_json, midnight_ns, quote_json, trade_json
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.market import Bar
from trader.simulated_exchange.panel import Ints, Panel
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.timestamps import SECOND_NS, new_york_date

_MINUTE_S, _DAY_S = 60, 24 * 3600
_SIP_DELAY_NS = 15 * 60 * SECOND_NS


def _engine(request: web.Request) -> Engine:
    return request.app[EXCHANGE].engine


def _symbols(request: web.Request) -> list[str]:
    """The known ones of the symbols asked for, sorted."""
    asked = query.listed(request.query, "symbols")
    if not asked:
        raise invalid("symbols is required")
    return sorted(filter(_engine(request).knows, set(asked)))


def _entitle(request: web.Request, end_ns: int, default_feed: str) -> None:
    """403, without a code, for SIP data that the subscription does not include."""
    exchange = request.app[EXCHANGE]
    recent = end_ns > exchange.engine.now_ns - _SIP_DELAY_NS
    if recent and exchange.config.subscription == "basic" and request.query.get("feed", default_feed) == "sip":
        raise web.HTTPForbidden(reason="subscription does not permit querying recent SIP data")


async def bars(request: web.Request) -> web.Response:
    """GET /v2/stocks/bars: 1Day bars of finished sessions, by symbol then time, `limit` counted over all symbols."""
    if request.query.get("timeframe") not in {"1Day", "1D"}:
        raise invalid("this exchange has bars of timeframe 1Day only")
    _entitle(request, query.instant(request.query, "end") or 0, "sip")
    market = _engine(request).market
    panel = _panel(request)
    left = query.count(request.query, "limit", 1000, 10_000)
    page: list[str] = []
    reached, token = "", None
    for symbol, columns in _selected(request):
        if left == 0:
            token = reached
            break
        taken = columns[:left]
        left -= len(taken)
        page.append(f'"{symbol}":[{daily_bars_json(panel, market.row[symbol], taken)}]')
        reached = urlsafe_b64encode(f"{symbol}|{taken[-1]}".encode()).decode()
        if len(taken) < len(columns):
            token = reached
            break
    text = f'{{"bars":{{{",".join(page)}}},"next_page_token":{json.dumps(token)}}}'
    return web.Response(text=text, content_type="application/json")


def _panel(request: web.Request) -> Panel:
    """Bars as printed, or in today's prices; dividends never change prices here."""
    engine, adjustment = _engine(request), request.query.get("adjustment") or "raw"
    if adjustment not in {"raw", "split", "dividend", "all"}:
        raise invalid(f"invalid adjustment: {adjustment}")
    return engine.market.adjusted(engine.now_ns) if adjustment in {"split", "all"} else engine.market.panel


def _selected(request: web.Request) -> Iterator[tuple[str, Ints]]:
    """Symbols with the columns still to be sent, in the order wanted; those without any are left out."""
    market = _engine(request).market
    first, last = _range(request)
    step = 1 if query.ascending(request.query, "sort", "asc") else -1
    after_symbol, after_column = _place(request.query.get("page_token"))
    for symbol in _symbols(request):
        if symbol < after_symbol:
            continue
        columns = first + np.flatnonzero(market.panel.close[market.row[symbol], first:last])[::step]
        if symbol == after_symbol:
            columns = columns[(columns - after_column) * step > 0]
        if len(columns):
            yield symbol, columns


def _range(request: web.Request) -> tuple[int, int]:
    """The columns between start and end, both included, whose session is over; start is today by default."""
    engine = _engine(request)
    midnights = [midnight_ns(session.day) for session in engine.market.panel.sessions]
    start, end = query.instant(request.query, "start"), query.instant(request.query, "end")
    first = bisect_left(midnights, midnight_ns(new_york_date(engine.now_ns)) if start is None else start)
    last = bisect_right(midnights, engine.now_ns if end is None else end)
    return first, max(first, min(last, engine.market.closed_columns(engine.now_ns)))


def _place(token: str | None) -> tuple[str, int]:
    """Symbol and column of the last bar sent."""
    if not token:
        return "", -1
    try:
        symbol, _, column = urlsafe_b64decode(token).decode().partition("|")
        return symbol, int(column)
    except ValueError:
        raise invalid("invalid page_token") from None


def _each(request: web.Request, key: str, make: Callable[[Engine, str], Json | None]) -> web.Response:
    """One entry per symbol that has one."""
    engine = _engine(request)
    _entitle(request, engine.now_ns, "iex")
    made = {symbol: make(engine, symbol) for symbol in _symbols(request)}
    return web.json_response({key: {symbol: entry for symbol, entry in made.items() if entry is not None}})


def _latest_quote(engine: Engine, symbol: str) -> Json | None:
    quote = engine.market.quote(symbol, engine.now_ns)
    return None if quote is None else quote_json(symbol, quote)


def _latest_trade(engine: Engine, symbol: str) -> Json | None:
    quote = engine.market.quote(symbol, engine.now_ns)
    return None if quote is None else trade_json(symbol, quote)


def _latest_minute(engine: Engine, symbol: str) -> Json | None:
    """The minute going on, else the last one of the latest day that had a bar."""
    running = engine.market.bar_so_far(symbol, engine.now_ns, _MINUTE_S)
    if running is None:
        closed = engine.market.last_bar(symbol, engine.market.closed_columns(engine.now_ns))
        if closed is None:
            return None
        last = engine.market.calendar.last_open(closed.start_ns).close_ns - 1
        running = engine.market.bar_so_far(symbol, last, _MINUTE_S)
    return None if running is None else bar_json(running, running.start_ns)


def _stamped(bar: Bar | None) -> Json | None:
    """A daily bar, which stands at midnight."""
    return None if bar is None else bar_json(bar, midnight_ns(new_york_date(bar.start_ns)))


def _snapshot(engine: Engine, symbol: str) -> Json | None:
    """Latest trade, quote and minute; today's bar so far, or the last whole one, and the one before it."""
    market, now_ns = engine.market, engine.now_ns
    if market.quote(symbol, now_ns) is None:
        return None
    columns = market.closed_columns(now_ns)
    today = market.bar_so_far(symbol, now_ns, _DAY_S)
    latest = market.last_bar(symbol, columns)
    if today is None and latest is not None:
        today, columns = latest, market.closed_columns(latest.start_ns)
        latest = market.last_bar(symbol, columns)
    return {
        "latestTrade": _latest_trade(engine, symbol),
        "latestQuote": _latest_quote(engine, symbol),
        "minuteBar": _latest_minute(engine, symbol),
        "dailyBar": _stamped(today),
        "prevDailyBar": _stamped(latest),
    }


async def latest_bars(request: web.Request) -> web.Response:
    """GET /v2/stocks/bars/latest: minute bars."""
    return _each(request, "bars", _latest_minute)


async def latest_quotes(request: web.Request) -> web.Response:
    """GET /v2/stocks/quotes/latest."""
    return _each(request, "quotes", _latest_quote)


async def latest_trades(request: web.Request) -> web.Response:
    """GET /v2/stocks/trades/latest."""
    return _each(request, "trades", _latest_trade)


async def snapshots(request: web.Request) -> web.Response:
    """GET /v2/stocks/snapshots: symbols at the top level."""
    engine = _engine(request)
    _entitle(request, engine.now_ns, "iex")
    made = {symbol: _snapshot(engine, symbol) for symbol in _symbols(request)}
    return web.json_response({symbol: entry for symbol, entry in made.items() if entry is not None})


ROUTES = [
    ("GET", "/v2/stocks/bars", bars),
    ("GET", "/v2/stocks/bars/latest", latest_bars),
    ("GET", "/v2/stocks/quotes/latest", latest_quotes),
    ("GET", "/v2/stocks/trades/latest", latest_trades),
    ("GET", "/v2/stocks/snapshots", snapshots),
]

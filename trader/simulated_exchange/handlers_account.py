"""/v2: account, configurations, history, assets, clock and calendar."""

from datetime import date

from aiohttp import web

from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.gate import read_json
from trader.simulated_exchange.handlers_positions import named_symbol
from trader.simulated_exchange.history import history_json, read_span
from trader.simulated_exchange.refusals import invalid, not_found
from trader.simulated_exchange.timestamps import new_york_date
from trader.simulated_exchange.wire import (
    account_json,
    asset_json,
    clock_json,
    session_json,
)

_FLAGS = ("suspend_trade", "no_shorting", "fractional_trading", "ptp_no_exception_entry", "disable_overnight_trading")


def _engine(request: web.Request) -> Engine:
    return request.app[EXCHANGE].engine


async def account(request: web.Request) -> web.Response:
    """GET /v2/account."""
    return web.json_response(account_json(_engine(request)))


async def configurations(request: web.Request) -> web.Response:
    """GET /v2/account/configurations."""
    return web.json_response(_engine(request).configurations)


async def configure(request: web.Request) -> web.Response:
    """PATCH /v2/account/configurations: keys given change, the rest stays."""
    wanted = await read_json(request)
    for flag in _FLAGS:
        if flag in wanted and not isinstance(wanted[flag], bool):
            raise invalid(f"{flag} must be true or false")
    if wanted.get("max_margin_multiplier", "1") not in {"1", "2", "4"}:
        raise invalid('max_margin_multiplier must be "1", "2" or "4"')
    _engine(request).configure(wanted)
    return web.json_response(_engine(request).configurations)


async def portfolio_history(request: web.Request) -> web.Response:
    """GET /v2/account/portfolio/history: equity day by day."""
    return web.json_response(history_json(_engine(request), read_span(request.query, _engine(request).now_ns)))


async def assets(request: web.Request) -> web.Response:
    """GET /v2/assets: US equities, inactive those that now have another symbol."""
    engine, asked = _engine(request), request.query
    if asked.get("asset_class", "us_equity") != "us_equity" or asked.get("exchange", "NYSE") != "NYSE":
        return web.json_response([])
    rows = [asset_json(engine, symbol) for symbol in engine.market.row if engine.knows(symbol)]
    return web.json_response([row for row in rows if asked.get("status", row["status"]) == row["status"]])


async def asset(request: web.Request) -> web.Response:
    """GET /v2/assets/{symbol or asset id}."""
    symbol = named_symbol(request)
    if symbol is None:
        raise not_found(f"asset not found for {request.match_info['symbol']}")
    return web.json_response(asset_json(_engine(request), symbol))


async def clock(request: web.Request) -> web.Response:
    """GET /v2/clock."""
    return web.json_response(clock_json(_engine(request).market.calendar, _engine(request).now_ns))


async def calendar(request: web.Request) -> web.Response:
    """GET /v2/calendar: sessions from start to end, both included; by default five years around today."""
    today = new_york_date(_engine(request).now_ns)
    first = _day(request, "start", date(today.year - 3, 1, 1))
    last = _day(request, "end", date(today.year + 2, 12, 31))
    days = _engine(request).market.calendar
    return web.json_response([session_json(days, session) for session in days.sessions_between(first, last)])


def _day(request: web.Request, key: str, default: date) -> date:
    text = request.query.get(key)
    try:
        return date.fromisoformat(text[:10]) if text else default
    except ValueError:
        raise invalid(f"invalid {key}: {text}") from None


ROUTES = [
    ("GET", "/v2/account", account),
    ("GET", "/v2/account/configurations", configurations),
    ("PATCH", "/v2/account/configurations", configure),
    ("GET", "/v2/account/portfolio/history", portfolio_history),
    ("GET", "/v2/assets", assets),
    ("GET", "/v2/assets/{symbol}", asset),
    ("GET", "/v2/clock", clock),
    ("GET", "/v2/calendar", calendar),
]

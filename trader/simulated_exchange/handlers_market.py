"""/sim levers on the market: shocks, halts, assets, the calendar, corporate actions. The past cannot be changed."""

from dataclasses import asdict
from datetime import date

from aiohttp import web

from trader.simulated_exchange import levers
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.gate import read_json
from trader.simulated_exchange.scenario import Scenario
from trader.simulated_exchange.timestamps import zulu
from trader.simulated_exchange.wire import asset_json, session_json


async def shock(request: web.Request) -> web.Response:
    """POST /sim/market/shock {"symbol" or null, "at", "pct", "over_s"}."""
    engine = request.app[EXCHANGE].engine
    return _staged(request, levers.with_shock(await read_json(request), engine.market, engine.now_ns))


async def halt(request: web.Request) -> web.Response:
    """POST /sim/market/halt {"symbol", "from", "to"}."""
    engine = request.app[EXCHANGE].engine
    return _staged(request, levers.with_halt(await read_json(request), engine.market, engine.now_ns))


def _staged(request: web.Request, scenario: Scenario) -> web.Response:
    request.app[EXCHANGE].engine.stage(scenario)
    return web.json_response({"shocks": len(scenario.shocks), "halts": len(scenario.halts)})


async def asset(request: web.Request) -> web.Response:
    """POST /sim/assets/{symbol} {"tradable", "shortable", "easy_to_borrow"}."""
    engine, symbol = request.app[EXCHANGE].engine, request.match_info["symbol"]
    engine.stage(levers.with_flags(symbol, await read_json(request), engine.market))
    return web.json_response(asset_json(engine, symbol))


async def day(request: web.Request) -> web.Response:
    """POST /sim/calendar {"date", "closed": true} or {"date", "close": "HH:MM"}; answers the day's row, or null."""
    engine, body = request.app[EXCHANGE].engine, await read_json(request)
    engine.stage(levers.with_day(body, engine.market, engine.now_ns))
    session = engine.market.calendar.session_on(date.fromisoformat(body["date"]))
    return web.json_response(None if session is None else session_json(engine.market.calendar, session))


async def corporate_action(request: web.Request) -> web.Response:
    """POST /sim/corporate-action {"kind", "symbol", "date", ...}; answers the action."""
    engine = request.app[EXCHANGE].engine
    action = levers.read_action(await read_json(request), engine.market, engine.now_ns)
    engine.announce(action)
    return web.json_response(asdict(action) | {"at": zulu(action.at_ns)})


ROUTES = [
    ("POST", "/sim/market/shock", shock),
    ("POST", "/sim/market/halt", halt),
    ("POST", "/sim/assets/{symbol}", asset),
    ("POST", "/sim/calendar", day),
    ("POST", "/sim/corporate-action", corporate_action),
]

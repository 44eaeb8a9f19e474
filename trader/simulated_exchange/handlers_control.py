"""/sim: the levers that a test holds. No keys, loopback only."""

from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.faults import read_rule
from trader.simulated_exchange.gate import read_json
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.timestamps import parse_instant, zulu
from trader.simulated_exchange.wire import account_json, position_json


async def clock(request: web.Request) -> web.Response:
    """GET /sim/clock, and whether a client listens to trade_updates."""
    exchange = request.app[EXCHANGE]
    now = zulu(exchange.engine.now_ns)
    return web.json_response({"now": now, "mode": exchange.clock.mode, "listening": exchange.hub.listening})


async def advance(request: web.Request) -> web.Response:
    """POST /sim/clock/advance {"to"}: everything due happens, in order; an earlier time moves nothing."""
    exchange = request.app[EXCHANGE]
    given = (await read_json(request)).get("to")
    try:
        to_ns = parse_instant(str(given))
    except ValueError:
        raise invalid(f'"to" is an ISO 8601 time, not {given}') from None
    if to_ns > exchange.engine.now_ns:
        exchange.clock.move_to(to_ns)
        exchange.tick()
    return web.json_response({"now": zulu(exchange.engine.now_ns)})


async def add_fault(request: web.Request) -> web.Response:
    """POST /sim/faults."""
    request.app[EXCHANGE].faults.add(read_rule(await read_json(request)))
    return web.json_response({"rules": len(request.app[EXCHANGE].faults.rules)})


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /sim/faults."""
    request.app[EXCHANGE].faults.clear()
    return web.Response(status=204)


async def log(request: web.Request) -> web.Response:
    """GET /sim/log?after=N."""
    after = request.query.get("after", "0")
    if not after.isdecimal():
        raise invalid("after is a whole number")
    return web.json_response(request.app[EXCHANGE].log.after(int(after)))


def _number(body: dict[str, Any], key: str) -> Decimal:
    try:
        value = Decimal(str(body.get(key)))
    except InvalidOperation:
        raise invalid(f"{key} is not a number: {body.get(key)}") from None
    if not value.is_finite():
        raise invalid(f"{key} is not a number: {value}")
    return value


async def add_cash(request: web.Request) -> web.Response:
    """POST /sim/account/cash {"amount_usd"}: in, or out when below zero."""
    engine = request.app[EXCHANGE].engine
    engine.add_cash(_number(await read_json(request), "amount_usd"))
    return web.json_response(account_json(engine))


async def add_position(request: web.Request) -> web.Response:
    """POST /sim/positions {"symbol", "qty", "price"}: shares come or go, cash stays."""
    engine, body = request.app[EXCHANGE].engine, await read_json(request)
    symbol = str(body.get("symbol"))
    if symbol not in engine.market.row:
        raise invalid(f"{symbol} is not in this market")
    qty, price = _number(body, "qty"), _number(body, "price")
    if qty == 0 or price <= 0:
        raise invalid("qty must not be 0 and price must be above 0")
    engine.add_position(symbol, qty, price)
    held = engine.positions.get(symbol)
    return web.json_response(position_json(engine, held) if held else {"symbol": symbol, "qty": "0"})


async def sectors(request: web.Request) -> web.Response:
    """GET /sim/sectors: empty for a market read from a file."""
    return web.json_response(request.app[EXCHANGE].engine.market.panel.sectors)


ROUTES = [
    ("GET", "/sim/clock", clock),
    ("POST", "/sim/clock/advance", advance),
    ("POST", "/sim/faults", add_fault),
    ("DELETE", "/sim/faults", clear_faults),
    ("GET", "/sim/log", log),
    ("POST", "/sim/account/cash", add_cash),
    ("POST", "/sim/positions", add_position),
    ("GET", "/sim/sectors", sectors),
]

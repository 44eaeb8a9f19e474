"""/sim: the levers that a test holds. No keys, loopback only."""

from aiohttp import web

from trader.simulated_exchange.drift import read_drifts
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.faults import read_rule
from trader.simulated_exchange.gate import read_json
from trader.simulated_exchange.levers import instant, known_symbol, number
from trader.simulated_exchange.money import cents
from trader.simulated_exchange.past import Lags
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.stream_faults import read_stream_fault
from trader.simulated_exchange.timestamps import SECOND_NS, zulu
from trader.simulated_exchange.wire import account_json, position_json


async def clock(request: web.Request) -> web.Response:
    """GET /sim/clock, and whether a client listens to trade_updates."""
    exchange = request.app[EXCHANGE]
    now = zulu(exchange.engine.now_ns)
    return web.json_response({"now": now, "mode": exchange.clock.mode, "listening": exchange.hub.listening})


async def advance(request: web.Request) -> web.Response:
    """POST /sim/clock/advance {"to"}: everything due happens, in order; an earlier time moves nothing."""
    exchange = request.app[EXCHANGE]
    to_ns = instant(await read_json(request), "to")
    if to_ns > exchange.engine.now_ns:
        exchange.clock.move_to(to_ns)
        exchange.tick()
    return web.json_response({"now": zulu(exchange.engine.now_ns)})


async def add_fault(request: web.Request) -> web.Response:
    """POST /sim/faults."""
    request.app[EXCHANGE].faults.add(read_rule(await read_json(request)))
    return web.json_response({"rules": len(request.app[EXCHANGE].faults.rules)})


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /sim/faults, those of the stream too."""
    request.app[EXCHANGE].faults.clear()
    request.app[EXCHANGE].hub.faults.clear()
    return web.Response(status=204)


async def log(request: web.Request) -> web.Response:
    """GET /sim/log?after=N."""
    after = request.query.get("after", "0")
    if not after.isdecimal():
        raise invalid("after is a whole number")
    return web.json_response(request.app[EXCHANGE].log.after(int(after)))


async def add_cash(request: web.Request) -> web.Response:
    """POST /sim/account/cash {"amount_usd"}: in, or out when below zero."""
    engine = request.app[EXCHANGE].engine
    engine.add_cash(number(await read_json(request), "amount_usd"))
    return web.json_response(account_json(engine))


async def add_position(request: web.Request) -> web.Response:
    """POST /sim/positions {"symbol", "qty", "price"}: shares come or go, cash stays."""
    engine, body = request.app[EXCHANGE].engine, await read_json(request)
    symbol = known_symbol(body.get("symbol"), engine.market)
    qty, price = number(body, "qty"), number(body, "price")
    if qty == 0 or price <= 0:
        raise invalid("qty must not be 0 and price must be above 0")
    engine.add_position(symbol, qty, price)
    held = engine.positions.get(symbol)
    return web.json_response(position_json(engine, held) if held else {"symbol": symbol, "qty": "0"})


async def reset(request: web.Request) -> web.Response:
    """POST /sim/account/reset {"cash_usd", "revoke_key_id"}: a new account, perhaps one key less."""
    exchange, body = request.app[EXCHANGE], await read_json(request)
    cash = number(body, "cash_usd")
    if cash < 0 or cash != cents(cash):
        raise invalid("cash_usd is in whole cents, 0 or more")
    if "revoke_key_id" in body:
        exchange.keys.revoke(str(body["revoke_key_id"]))
    exchange.engine.reset(cash, exchange.keys.revoked)
    return web.json_response(account_json(exchange.engine))


async def lag(request: web.Request) -> web.Response:
    """POST /sim/lag {"orders_s", "positions_s"}: what is read of them is that old; 0 unless given."""
    body = {"orders_s": 0, "positions_s": 0} | await read_json(request)
    lags = Lags(*(int(number(body, key) * SECOND_NS) for key in ("orders_s", "positions_s")))
    if min(lags.orders_ns, lags.positions_ns) < 0:
        raise invalid("a lag is 0 seconds or more")
    request.app[EXCHANGE].engine.past.lags = lags
    return web.Response(status=204)


async def drift(request: web.Request) -> web.Response:
    """POST /sim/drift {"drifts"}: how answers differ from the schema from now on; an empty list ends it."""
    drifts = request.app[EXCHANGE].drifts
    wanted = read_drifts((await read_json(request)).get("drifts"))
    drifts.clear()
    drifts.update(wanted)
    return web.Response(status=204)


async def fail_stream(request: web.Request) -> web.Response:
    """POST /sim/stream/faults {"action", "event", "times"}."""
    request.app[EXCHANGE].hub.faults.add(read_stream_fault(await read_json(request)))
    return web.Response(status=204)


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
    ("POST", "/sim/account/reset", reset),
    ("POST", "/sim/lag", lag),
    ("POST", "/sim/drift", drift),
    ("POST", "/sim/stream/faults", fail_stream),
    ("GET", "/sim/sectors", sectors),
]

"""What every API request passes: log, faults, keys, rate limit; and how refusals become answers."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from aiohttp import web

from trader.simulated_exchange.connections import cut, gone
from trader.simulated_exchange.drift import drifted
from trader.simulated_exchange.exchange import EXCHANGE, Exchange
from trader.simulated_exchange.faults import FATES, Call
from trader.simulated_exchange.refusals import TOO_MANY, RefusalError, invalid

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FATE = "fate"
"""Set on a request whose order is to have a fate of its own: one of FATES."""


async def read_json(request: web.Request) -> dict[str, Any]:
    """The body as an object, its fractions as Decimal; RefusalError (422) for anything else."""
    try:
        body = json.loads(await request.read() or b"{}", parse_float=Decimal, parse_constant=str)
    except ValueError:
        raise invalid("request body format is invalid") from None
    if not isinstance(body, dict):
        raise invalid("request body format is invalid")
    return body


def uuid_of(text: str) -> UUID | None:
    """The UUID in a text, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _refused(refusal: RefusalError) -> web.Response:
    return web.json_response(dict(refusal.body), status=refusal.status)


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Control calls and the stream pass with their refusals answered; the rest goes through log, faults and checks."""
    exchange = request.app[EXCHANGE]
    exchange.tick()
    path = "/" + request.path.lstrip("/")
    if path.startswith(("/sim/", "/stream")):
        try:
            return await handler(request)
        except RefusalError as refusal:
            return _refused(refusal)
    call = await _describe(request, path, exchange)
    return await _with_fault(request, handler, call)


async def _describe(request: web.Request, path: str, exchange: Exchange) -> Call:
    """Which order and symbol a request is about, as far as it says."""
    named: dict[str, Any] = dict(request.query)
    if request.can_read_body:
        try:
            named |= await read_json(request)
        except RefusalError:
            named = {}
    order_id = uuid_of(path.rpartition("/")[2])
    order = exchange.engine.book.by_id(order_id) if order_id else None
    client_order_id = order.client_order_id if order else named.get("client_order_id")
    symbol = order.symbol if order else named.get("symbol")
    return Call(
        request.method,
        path,
        request.query_string,
        None if client_order_id is None else str(client_order_id),
        None if symbol is None else str(symbol),
    )


async def _with_fault(request: web.Request, handler: Handler, call: Call) -> web.StreamResponse:
    """Answer, or fail as a rule says: "before" leaves the request undone, everything else does it first."""
    exchange = request.app[EXCHANGE]
    fault = exchange.faults.take(call)
    honest = fault is None or fault in FATES
    if fault in FATES:
        request[FATE] = fault
    answer = await _answer(request, handler) if honest or str(fault).endswith("_after") else None
    response = answer if honest else _faulty(fault)
    exchange.log.add(call, exchange.engine.now_ns, response.status if response else None, fault)
    if response is not None:
        return response
    if fault is not None and fault.startswith("hang"):
        await gone(request)
    cut(request)
    return web.Response(status=500)


def _faulty(fault: str | None) -> web.Response | None:
    """What is answered instead; None for no answer at all."""
    kind = (fault or "").partition("_")[0]
    if kind == "504":
        return web.Response(status=504, text="upstream request timeout")
    if kind == "502":
        page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        return web.Response(status=502, text=page, content_type="text/html")
    if kind == "429":
        return web.json_response({"code": TOO_MANY, "message": "too many requests."}, status=429)
    return web.Response(status=200) if kind == "empty" else None


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The honest answer, with the rate limit's headers."""
    key = request.headers.get("APCA-API-KEY-ID", "")
    exchange = request.app[EXCHANGE]
    if not exchange.keys.good(key, request.headers.get("APCA-API-SECRET-KEY")):
        return web.json_response({"message": "unauthorized."}, status=401)
    host = "data" if request.path.lstrip("/").startswith("v2/stocks") else "trading"
    allowance = exchange.limiter.ask(f"{host}:{key}", exchange.engine.now_ns)
    if allowance is not None and not allowance.allowed:
        body = {"code": TOO_MANY, "message": "too many requests."}
        return web.json_response(body, status=429, headers=allowance.headers)
    response = await _handled(request, handler)
    if allowance is not None:
        response.headers.update(allowance.headers)
    return response


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return _drifted(request, await handler(request))
    except RefusalError as refusal:
        return _refused(refusal)
    except web.HTTPException as answer:
        return web.json_response({"message": answer.reason}, status=answer.status)


def _drifted(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The answer as a later version of the broker's schema might have it, if that is asked for."""
    drifts = request.app[EXCHANGE].drifts
    if not drifts or not isinstance(response, web.Response) or response.content_type != "application/json":
        return response
    path = "/" + request.path.lstrip("/")
    return web.json_response(drifted(drifts, path, json.loads(response.text or "null")), status=response.status)

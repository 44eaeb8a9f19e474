"""/v2/orders: place, look up, list, cancel."""

from typing import Any

from aiohttp import web

from trader.simulated_exchange import query
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.gate import FATE, read_json, uuid_of
from trader.simulated_exchange.intake import read_order, read_replacement
from trader.simulated_exchange.orders import Order
from trader.simulated_exchange.refusals import RefusalError, invalid, not_found
from trader.simulated_exchange.wire import order_json


def _engine(request: web.Request) -> Engine:
    return request.app[EXCHANGE].engine


def _wanted(request: web.Request) -> Order:
    """The order that the path names."""
    text = request.match_info["order_id"]
    order_id = uuid_of(text)
    order = _engine(request).book.by_id(order_id) if order_id else None
    if order is None:
        raise not_found(f"order not found for {text}")
    return order


async def place(request: web.Request) -> web.Response:
    """POST /v2/orders."""
    wish = read_order(await read_json(request))
    order = _engine(request).submit(wish, doomed=request.get(FATE) == "reject_later")
    return web.json_response(order_json(order))


async def replace(request: web.Request) -> web.Response:
    """PATCH /v2/orders/{order_id}: a new order; 200 does not mean that the old one is gone."""
    order = _wanted(request)
    wish = read_replacement(await read_json(request), order)
    return web.json_response(order_json(_engine(request).replace(order, wish)))


def _answer(request: web.Request, name: str, order: Order | None) -> web.Response:
    """The order as a reader is told of it, which may be some time ago; 404 when it is not there yet."""
    engine = _engine(request)
    if order is not None and engine.past.lags.orders_ns:
        order = next((old for old in engine.past.orders(engine.now_ns) if old.id == order.id), None)
    if order is None:
        raise not_found(f"order not found for {name}")
    return web.json_response(order_json(order))


async def one(request: web.Request) -> web.Response:
    """GET /v2/orders/{order_id}."""
    return _answer(request, request.match_info["order_id"], _wanted(request))


async def by_client_order_id(request: web.Request) -> web.Response:
    """GET /v2/orders:by_client_order_id."""
    name = request.query.get("client_order_id", "")
    return _answer(request, name, _engine(request).book.by_client_id(name))


async def listing(request: web.Request) -> web.Response:
    """GET /v2/orders: filtered, newest first unless asked otherwise, at most `limit` (50, up to 500)."""
    engine = _engine(request)
    status = request.query.get("status") or "open"
    if status not in {"open", "closed", "all"}:
        raise invalid(f"invalid status: {status}")
    orders = engine.past.orders(engine.now_ns) if engine.past.lags.orders_ns else engine.book.all
    chosen = [
        order
        for order in orders
        if status in {"all", "open" if order.is_open else "closed"} and _within(request, order)
    ]
    chosen.sort(
        key=lambda order: (order.submitted_ns, order.number),
        reverse=not query.ascending(request.query, "direction", "desc"),
    )
    limit = query.count(request.query, "limit", 50, 500)
    return web.json_response([order_json(order) for order in chosen[:limit]])


def _within(request: web.Request, order: Order) -> bool:
    """Whether an order passes the filters on time (exclusive), symbol and side."""
    after, until = query.instant(request.query, "after"), query.instant(request.query, "until")
    symbols, side = query.listed(request.query, "symbols"), request.query.get("side")
    return (
        (after is None or order.submitted_ns > after)
        and (until is None or order.submitted_ns < until)
        and (not symbols or order.symbol in symbols)
        and (not side or order.side == side)
    )


async def cancel(request: web.Request) -> web.Response:
    """DELETE /v2/orders/{order_id}: 204 means asked for, not done."""
    _engine(request).cancel(_wanted(request), request.get(FATE))
    return web.Response(status=204)


async def cancel_all(request: web.Request) -> web.Response:
    """DELETE /v2/orders: 207 with one row per order asked to cancel."""
    engine = _engine(request)
    rows = [
        _cancel_row(engine, order, request.get(FATE)) for order in engine.book.open if order.status != "pending_cancel"
    ]
    return web.json_response(rows, status=207)


def _cancel_row(engine: Engine, order: Order, fate: str | None) -> dict[str, Any]:
    try:
        engine.cancel(order, fate)
    except RefusalError as refusal:
        return {"id": str(order.id), "status": refusal.status, "body": dict(refusal.body)}
    return {"id": str(order.id), "status": 200}


ROUTES = [
    ("POST", "/v2/orders", place),
    ("GET", "/v2/orders", listing),
    ("DELETE", "/v2/orders", cancel_all),
    ("GET", "/v2/orders:by_client_order_id", by_client_order_id),
    ("GET", "/v2/orders/{order_id}", one),
    ("PATCH", "/v2/orders/{order_id}", replace),
    ("DELETE", "/v2/orders/{order_id}", cancel),
]

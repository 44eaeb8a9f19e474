"""/v2/positions: look up and close."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from aiohttp import web

from trader.simulated_exchange.account import Position
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.gate import uuid_of
from trader.simulated_exchange.intake import OrderRequest
from trader.simulated_exchange.money import shares
from trader.simulated_exchange.refusals import RefusalError, invalid, not_found
from trader.simulated_exchange.wire import asset_id, order_json, position_json


def _engine(request: web.Request) -> Engine:
    return request.app[EXCHANGE].engine


def named_symbol(request: web.Request) -> str | None:
    """The known symbol that the path names, by itself or by asset id."""
    named, engine = request.match_info["symbol"], _engine(request)
    wanted: UUID | None = uuid_of(named)
    names = [named] if wanted is None else [symbol for symbol in engine.market.row if asset_id(symbol) == wanted]
    return next(filter(engine.knows, names), None)


async def positions(request: web.Request) -> web.Response:
    """GET /v2/positions."""
    engine, told = _engine(request), _told(request)
    return web.json_response([position_json(engine, told[symbol]) for symbol in sorted(told)])


def _told(request: web.Request) -> Mapping[str, Position]:
    """Positions as a reader is told of them, which may be some time ago."""
    engine = _engine(request)
    return engine.past.positions(engine.now_ns) if engine.past.lags.positions_ns else engine.positions


def _held(request: web.Request, positions: Mapping[str, Position]) -> Position:
    held = positions.get(named_symbol(request) or "")
    if held is None:
        raise not_found("position does not exist")
    return held


async def position(request: web.Request) -> web.Response:
    """GET /v2/positions/{symbol or asset id}."""
    return web.json_response(position_json(_engine(request), _held(request, _told(request))))


async def close(request: web.Request) -> web.Response:
    """DELETE /v2/positions/{symbol or asset id}?qty= or ?percentage=: a market order for the day."""
    held = _held(request, _engine(request).positions)
    order = _engine(request).submit(_closing(held, _closing_qty(request.query, held)))
    return web.json_response(order_json(order))


async def close_all(request: web.Request) -> web.Response:
    """DELETE /v2/positions: 207 with one row per position; with cancel_orders every open order is cancelled before."""
    engine = _engine(request)
    if request.query.get("cancel_orders", "").lower() == "true":
        for order in engine.book.open:
            engine.cancel_at_once(order)
    rows = [_closed_row(engine, engine.positions[symbol]) for symbol in sorted(engine.positions)]
    return web.json_response(rows, status=207)


def _closed_row(engine: Engine, held: Position) -> dict[str, Any]:
    try:
        body = order_json(engine.submit(_closing(held, abs(held.qty))))
    except RefusalError as refusal:
        return {"symbol": held.symbol, "status": refusal.status, "body": dict(refusal.body)}
    return {"symbol": held.symbol, "status": 200, "body": body}


def _closing(held: Position, qty: Decimal) -> OrderRequest:
    return OrderRequest(held.symbol, "sell" if held.qty > 0 else "buy", "market", "day", qty, None, None, "")


def _closing_qty(asked: Mapping[str, str], held: Position) -> Decimal:
    """All of it unless a quantity or a percentage is given."""
    if "qty" in asked and "percentage" in asked:
        raise invalid("only one of qty or percentage is accepted")
    if "percentage" in asked:
        part = shares(abs(held.qty) * _number(asked, "percentage", Decimal(100)) / 100)
        if part == 0:
            raise invalid("percentage is too small to close anything")
        return part
    return _number(asked, "qty", Decimal(10**12)) if "qty" in asked else abs(held.qty)


def _number(asked: Mapping[str, str], key: str, most: Decimal) -> Decimal:
    """A number above 0 and up to `most`, with at most nine decimals."""
    try:
        value = Decimal(asked[key])
    except InvalidOperation:
        raise invalid(f"{key} is not a number: {asked[key]}") from None
    if not value.is_finite() or not 0 < value <= most or value != shares(value):
        raise invalid(f"{key} must be above 0, at most {most}, with 9 decimals at most")
    return value


ROUTES = [
    ("GET", "/v2/positions", positions),
    ("DELETE", "/v2/positions", close_all),
    ("GET", "/v2/positions/{symbol}", position),
    ("DELETE", "/v2/positions/{symbol}", close),
]

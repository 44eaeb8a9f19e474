"""/v2: account, configurations, history, activities, assets, clock and calendar."""

from datetime import date
from typing import Any

from aiohttp import web

from trader.simulated_exchange import query
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.fills import Fill
from trader.simulated_exchange.gate import read_json
from trader.simulated_exchange.handlers_positions import named_symbol
from trader.simulated_exchange.history import history_json, read_span
from trader.simulated_exchange.refusals import invalid, not_found
from trader.simulated_exchange.timestamps import new_york_date
from trader.simulated_exchange.wire import (
    account_json,
    activity_json,
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


async def activities(request: web.Request) -> web.Response:
    """GET /v2/account/activities[/FILL]: pages by the id of the last row; other types have no rows."""
    engine, asked = _engine(request), request.query
    kinds = [request.match_info["kind"]] if "kind" in request.match_info else query.listed(asked, "activity_types")
    rows = [fill for fill in engine.fills if (not kinds or "FILL" in kinds) and _within(request, fill)]
    rows.sort(key=lambda fill: fill.activity_id, reverse=not query.ascending(asked, "direction", "desc"))
    token = asked.get("page_token")
    if token:
        places = [place for place, fill in enumerate(rows) if fill.activity_id == token]
        rows = rows[places[0] + 1 :] if places else []
    page = rows[: query.count(asked, "page_size", 100, 100)]
    return web.json_response([_activity(engine, fill) for fill in page])


def _activity(engine: Engine, fill: Fill) -> dict[str, Any]:
    order = engine.book.by_client_id(fill.client_order_id)
    assert order is not None
    return activity_json(fill, order)


def _within(request: web.Request, fill: Fill) -> bool:
    """Whether a fill lies strictly after `after`, before `until`, on `date` and belongs to `order_id`."""
    asked = request.query
    after, until = query.instant(asked, "after"), query.instant(asked, "until")
    day, order_id = asked.get("date"), asked.get("order_id")
    order = _engine(request).book.by_client_id(fill.client_order_id)
    return (
        (after is None or fill.at_ns > after)
        and (until is None or fill.at_ns < until)
        and (not day or new_york_date(fill.at_ns).isoformat() == day)
        and (not order_id or (order is not None and str(order.id) == order_id))
    )


async def assets(request: web.Request) -> web.Response:
    """GET /v2/assets: every symbol is an active US equity."""
    engine, asked = _engine(request), request.query
    foreign = asked.get("asset_class", "us_equity") != "us_equity" or asked.get("status", "active") != "active"
    if foreign or asked.get("exchange", "NYSE") != "NYSE":
        return web.json_response([])
    return web.json_response([asset_json(engine, symbol) for symbol in engine.market.row])


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
    ("GET", "/v2/account/activities", activities),
    ("GET", "/v2/account/activities/{kind}", activities),
    ("GET", "/v2/assets", assets),
    ("GET", "/v2/assets/{symbol}", asset),
    ("GET", "/v2/clock", clock),
    ("GET", "/v2/calendar", calendar),
]

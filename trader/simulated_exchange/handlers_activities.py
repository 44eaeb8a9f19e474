"""/v2/account/activities: fills, and what happened to the account without a trade."""

from typing import Any

from aiohttp import web

from trader.simulated_exchange import query
from trader.simulated_exchange.activities import Activity
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.exchange import EXCHANGE
from trader.simulated_exchange.fills import Fill
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.timestamps import new_york_date
from trader.simulated_exchange.wire import activity_json, fill_json

Row = Fill | Activity


async def activities(request: web.Request) -> web.Response:
    """GET /v2/account/activities[/{type}]: newest first unless asked otherwise, pages by the id of the last row."""
    engine, asked = request.app[EXCHANGE].engine, request.query
    kinds = [request.match_info["kind"]] if "kind" in request.match_info else query.listed(asked, "activity_types")
    every: list[Row] = [*engine.fills, *engine.activities]
    rows = [row for row in every if _of_kind(request, row, kinds) and _within(request, row)]
    rows.sort(key=lambda row: row.activity_id, reverse=not query.ascending(asked, "direction", "desc"))
    token = asked.get("page_token")
    if token:
        places = [place for place, row in enumerate(rows) if row.activity_id == token]
        rows = rows[places[0] + 1 :] if places else []
    page = rows[: query.count(asked, "page_size", 100, 100)]
    return web.json_response([_json(engine, row) for row in page])


def _json(engine: Engine, row: Row) -> dict[str, Any]:
    if isinstance(row, Activity):
        return activity_json(row)
    order = engine.book.by_client_id(row.client_order_id)
    assert order is not None
    return fill_json(row, order)


def _of_kind(request: web.Request, row: Row, kinds: list[str]) -> bool:
    """Whether a row is of one of these types, or of the category asked for; everything unless either is given."""
    category = request.query.get("category")
    if category and kinds:
        raise invalid("only one of category and activity_types is accepted")
    if category not in {None, "", "trade_activity", "non_trade_activity"}:
        raise invalid(f"invalid category: {category}")
    if category:
        return isinstance(row, Fill) == (category == "trade_activity")
    return not kinds or row.activity_type in kinds


def _within(request: web.Request, row: Row) -> bool:
    """Whether a row lies strictly after `after`, before `until`, on `date` and belongs to `order_id`."""
    asked = request.query
    after, until = query.instant(asked, "after"), query.instant(asked, "until")
    day, order_id = asked.get("date"), asked.get("order_id")
    return (
        (after is None or row.told_ns > after)
        and (until is None or row.told_ns < until)
        and (not day or new_york_date(row.told_ns).isoformat() == day)
        and (not order_id or _order_id(request, row) == order_id)
    )


def _order_id(request: web.Request, row: Row) -> str | None:
    """The order that a fill belongs to."""
    order = request.app[EXCHANGE].engine.book.by_client_id(row.client_order_id) if isinstance(row, Fill) else None
    return None if order is None else str(order.id)


ROUTES = [
    ("GET", "/v2/account/activities", activities),
    ("GET", "/v2/account/activities/{kind}", activities),
]

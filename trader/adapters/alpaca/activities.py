"""The account's activities other than fills, page by page; the SDK has no method for them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from trader.adapters.alpaca.translate import midnight
from trader.domain.portfolio import Activity

Get = Callable[[str, dict[str, Any]], list[dict[str, Any]]]

ROWS_PER_PAGE = 100
_INSTANT = timedelta(milliseconds=1)  # `after` excludes, and a row of a date stands at its midnight


def activity_pages(get: Get, start: date, end: date) -> Iterator[list[Activity]]:
    """The rows from start to end, both included, oldest first; `get` asks for one page."""
    after, until = midnight(start) - _INSTANT, midnight(end + timedelta(days=1))
    query: dict[str, Any] = {
        "category": "non_trade_activity",
        "after": after.isoformat(),
        "until": until.isoformat(),
        "direction": "asc",
        "page_size": ROWS_PER_PAGE,
    }
    while True:
        rows = get("/account/activities", query)
        yield [activity(row) for row in rows]
        if len(rows) < ROWS_PER_PAGE or rows[-1]["id"] == query.get("page_token"):
            return
        query = {**query, "page_token": rows[-1]["id"]}


def activity(row: Mapping[str, Any]) -> Activity:
    """One row; amounts that are left out are zero."""
    return Activity(
        activity_id=row["id"],
        kind=str(row["activity_type"]),
        symbol=row.get("symbol") or "",
        quantity=_amount(row.get("qty")),
        cash_usd=_amount(row.get("net_amount")),
        on=date.fromisoformat(row["date"][:10]),
        group_id=row.get("group_id") or row["id"],
        detail=row.get("description") or str(row["activity_type"]),
    )


def _amount(value: object) -> Decimal:
    """Raises ValueError for what is no number."""
    number = Decimal(str(value or 0))
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number

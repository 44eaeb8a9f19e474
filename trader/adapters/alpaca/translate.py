"""Alpaca's JSON in our words. Keys and statuses come and go there: what we do not use is not looked at.

Raises KeyError, ValueError, TypeError or decimal.InvalidOperation for what cannot be read; `errors` knows them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from trader.decision.admission import ApprovedOrder
from trader.domain.market import NEW_YORK, Asset, Quote, SessionDay
from trader.domain.orders import BrokerOrder, Fill, OrderStatus, OrderType, Side
from trader.domain.portfolio import Account, Position

Row = Mapping[str, Any]


# A status that is not named here, or not known to us, still works as far as we know; the broker's word is kept beside.
_STATUSES = {
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "pending_cancel": OrderStatus.PENDING_CANCEL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "replaced": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}


def account(row: Row) -> Account:
    """GET /v2/account."""
    return Account(
        account_number=str(row["account_number"]),
        status=str(row["status"]),
        cash_usd=_number(row["cash"]),
        equity_usd=_number(row["equity"]),
        buying_power_usd=_number(row["buying_power"]),
        blocked=bool(row["account_blocked"] or row["trading_blocked"]),
        suspended_by_user=bool(row["trade_suspended_by_user"]),
        shorting_enabled=bool(row.get("shorting_enabled")),
    )


def position(row: Row) -> Position:
    """One of GET /v2/positions; a symbol without a current price is marked at its last close."""
    quantity = _number(row["qty"])
    price = _number(row.get("current_price") or row["lastday_price"])
    return Position(
        symbol=row["symbol"],
        quantity=quantity,
        average_entry_price=_number(row["avg_entry_price"]),
        price=price,
        market_value_usd=_number(row.get("market_value") or quantity * price),
    )


def order(row: Row) -> BrokerOrder:
    """One order. One by value, which only somebody else can have sent, has as its quantity what is filled so far."""
    status = str(row["status"])
    filled_quantity = _number(row["filled_qty"])
    return BrokerOrder(
        broker_order_id=row["id"],
        client_order_id=row["client_order_id"],
        symbol=row["symbol"],
        side=_side(row["side"]),
        quantity=_number_or_none(row.get("qty")) or filled_quantity,
        limit_price=_number_or_none(row.get("limit_price")),
        status=_STATUSES.get(status, OrderStatus.WORKING),
        filled_quantity=filled_quantity,
        filled_average_price=_number_or_none(row.get("filled_avg_price")),
        submitted_at=submitted_at(row),
        updated_at=_instant(row["updated_at"]),
        broker_status=status,
    )


def order_fields(order: ApprovedOrder) -> dict[str, str]:
    """The body of POST /v2/orders: good for the day, numbers as exact text, and only the prices its type has."""
    fields = {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.order_type.value,
        "time_in_force": "day",
        "qty": f"{order.quantity:f}",
        "client_order_id": order.client_order_id,
    }
    if order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        fields["limit_price"] = f"{order.limit_price:f}"
    if order.stop_price is not None:
        fields["stop_price"] = f"{order.stop_price:f}"
    return fields


def orders(rows: Iterable[Row]) -> list[BrokerOrder]:
    """GET /v2/orders without the multi-leg ones, which have neither side nor symbol of their own."""
    return [order(row) for row in rows if row.get("side")]


def order_named(row: Row, client_order_id: str) -> BrokerOrder:
    """The order, provided it is the one that was asked for."""
    answer = order(row)
    if answer.client_order_id != client_order_id:
        raise ValueError("an order of another id")
    return answer


def submitted_at(row: Row) -> datetime:
    """When an order was submitted; what pages of orders go by."""
    return _instant(row["submitted_at"])


def fill(row: Row) -> Fill:
    """One of GET /v2/account/activities/FILL."""
    return Fill(
        fill_id=row["id"],
        broker_order_id=row["order_id"],
        symbol=row["symbol"],
        side=_side(row["side"]),
        quantity=_number(row["qty"]),
        price=_number(row["price"]),
        at=_instant(row["transaction_time"]),
    )


def asset(row: Row) -> Asset:
    """One of GET /v2/assets; a right that is not mentioned is not given."""
    return Asset(
        symbol=row["symbol"],
        tradable=bool(row["tradable"]),
        shortable=bool(row.get("shortable")),
        fractionable=bool(row.get("fractionable")),
    )


def session_day(row: Row) -> SessionDay:
    """One of GET /v2/calendar, whose times are New York wall time."""
    day = date.fromisoformat(row["date"])
    return SessionDay(day, *(_new_york(day, time.fromisoformat(row[key])) for key in ("open", "close")))


def clock(row: Row) -> datetime:
    """GET /v2/clock."""
    return _instant(row["timestamp"])


def quotes(rows: Mapping[str, Row | None]) -> dict[str, Quote]:
    """GET /v2/stocks/quotes/latest; a side at zero means that there is none, so there is no quote."""
    found = ((symbol, row) for symbol, row in rows.items() if row and row["bp"] > 0 and row["ap"] > 0)
    return {s: Quote(s, bid=_number(row["bp"]), ask=_number(row["ap"]), at=_instant(row["t"])) for s, row in found}


def bars(rows: Mapping[str, Iterable[Row]]) -> list[tuple[Any, ...]]:
    """GET /v2/stocks/bars as tuples: symbol, t (text), open, high, low, close, volume."""
    return [
        (symbol, bar["t"], bar["o"], bar["h"], bar["l"], bar["c"], bar["v"]) for symbol in rows for bar in rows[symbol]
    ]


def midnight(day: date) -> datetime:
    """The first instant of a day in New York, UTC."""
    return _new_york(day, time.min)


def _new_york(day: date, wall: time) -> datetime:
    return datetime.combine(day, wall, NEW_YORK).astimezone(UTC)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _side(text: str) -> Side:
    return Side.SELL if text.startswith("sell") else Side(text)


def _number(value: object) -> Decimal:
    """Text or JSON number, exactly as it was written; raises ValueError for what is none."""
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


def _number_or_none(value: object) -> Decimal | None:
    return None if value is None else _number(value)

"""The unmodified alpaca-py trading client against the exchange."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetCalendarRequest, GetOrdersRequest, LimitOrderRequest, MarketOrderRequest

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange

OPENING_CASH = Decimal(1_000_000)


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    return start_exchange()


@pytest.fixture
def client(exchange: RunningExchange) -> TradingClient:
    return exchange.trading()


def market_order(symbol: str, qty: float, side: OrderSide = OrderSide.BUY, **fields: Any) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, **fields)


def limit_order(
    symbol: str, qty: float, price: float, side: OrderSide = OrderSide.BUY, **fields: Any
) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY, limit_price=price, **fields
    )


def test_a_day_from_before_the_open_to_after_the_close(exchange: RunningExchange, client: TradingClient) -> None:
    clock: Any = client.get_clock()
    assert (clock.is_open, clock.timestamp.isoformat()) == (False, "2022-03-16T08:00:00-04:00")
    assert clock.next_open.isoformat() == "2022-03-16T09:30:00-04:00"

    queued: Any = client.submit_order(market_order("SYAAA", 10, client_order_id="early"))
    far: Any = client.submit_order(limit_order("SYAAB", 5, 1.5, client_order_id="far"))
    assert (queued.status, queued.filled_qty, far.status) == (OrderStatus.ACCEPTED, "0", OrderStatus.ACCEPTED)

    exchange.advance("2022-03-16T10:00:00-04:00")
    filled: Any = client.get_order_by_client_id("early")
    assert filled.status == OrderStatus.FILLED
    assert datetime(2022, 3, 16, 13, 30, tzinfo=UTC) < filled.filled_at < datetime(2022, 3, 16, 13, 30, 1, tzinfo=UTC)
    cost = round(Decimal(filled.filled_avg_price) * 10, 2)
    account: Any = client.get_account()
    assert Decimal(account.cash) == OPENING_CASH - cost
    assert Decimal(account.buying_power) == OPENING_CASH - cost - Decimal("7.50")
    position: Any = client.get_open_position("SYAAA")
    assert (position.qty, Decimal(position.cost_basis)) == ("10", cost)
    assert Decimal(account.equity) == Decimal(account.cash) + Decimal(position.market_value)
    assert account.last_equity == "1000000"

    running: Any = client.submit_order(market_order("SYAAA", 4, OrderSide.SELL, client_order_id="late"))
    assert running.status == OrderStatus.PENDING_NEW
    exchange.advance("2022-03-16T16:00:00-04:00")
    assert [order.client_order_id for order in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN))] == []
    assert client.get_order_by_client_id("far").status == OrderStatus.EXPIRED
    closing = exchange.call("GET", "/v2/stocks/snapshots?symbols=SYAAA").json()["SYAAA"]["dailyBar"]["c"]
    held: Any = client.get_open_position("SYAAA")
    assert (Decimal(held.current_price), held.qty_available) == (Decimal(str(closing)), "6")
    at_close: Any = client.get_account()
    exchange.advance("2022-03-17T08:00:00-04:00")
    next_day: Any = client.get_account()
    assert next_day.last_equity == at_close.equity != "1000000"


def test_fills_are_activities_that_page_by_token(exchange: RunningExchange, client: TradingClient) -> None:
    for number in range(5):
        client.submit_order(market_order("SYAAC", 1 + number, client_order_id=f"fill-{number}"))
    exchange.advance("2022-03-16T09:31:00-04:00")
    newest_first: Any = client.get("/account/activities/FILL", {})
    assert [row["transaction_time"] for row in newest_first] == sorted(
        (row["transaction_time"] for row in newest_first), reverse=True
    )
    assert newest_first[0]["id"].startswith("20220316093000")
    paged: list[Any] = []
    for _ in range(3):
        token = {"page_token": paged[-1]["id"]} if paged else {}
        paged += client.get("/account/activities/FILL", {"direction": "asc", "page_size": 2, **token})
    assert paged == newest_first[::-1]
    assert sorted(row["qty"] for row in paged) == ["1", "2", "3", "4", "5"]
    after: Any = client.get("/account/activities/FILL", {"after": paged[2]["transaction_time"], "direction": "asc"})
    assert [row["id"] for row in after] in ([row["id"] for row in paged[3:]], [row["id"] for row in paged[2:]])


def test_a_cancel_is_asked_for_then_takes_effect(exchange: RunningExchange, client: TradingClient) -> None:
    exchange.advance("2022-03-16T11:00:00-04:00")
    order: Any = client.submit_order(limit_order("SYAAA", 3, 1.25))
    client.cancel_order_by_id(order.id)
    assert client.get_order_by_id(order.id).status == OrderStatus.PENDING_CANCEL
    exchange.advance("2022-03-16T11:00:01-04:00")
    assert client.get_order_by_id(order.id).status == OrderStatus.CANCELED
    with pytest.raises(APIError) as refused:
        client.cancel_order_by_id(order.id)
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)
    assert refused.value.message == 'order is already in "canceled" state'
    with pytest.raises(APIError) as unknown:
        client.cancel_order_by_id(uuid4())
    assert unknown.value.status_code == 404

    more = [client.submit_order(limit_order(symbol, 1, 1.25)) for symbol in ("SYAAA", "SYAAB")]
    asked: Any = client.cancel_orders()
    assert {(each.id, each.status) for each in asked} == {(each.id, 200) for each in more}
    exchange.advance("2022-03-16T11:00:02-04:00")
    assert client.get_orders() == []


def test_a_partial_fill_is_followed_by_the_rest(start_exchange: Start) -> None:
    exchange = start_exchange("partial", partial_fills="1")
    exchange.advance("2022-03-16T11:00:00-04:00")
    exchange.order("in-two", qty="100")
    exchange.advance("2022-03-16T11:00:01-04:00")
    part = exchange.find("in-two")
    assert part["status"] == "partially_filled"
    assert 0 < Decimal(part["filled_qty"]) < 100
    exchange.advance("2022-03-16T11:00:30-04:00")
    assert exchange.find("in-two")["status"] == "filled"
    kinds = [row["type"] for row in exchange.call("GET", "/v2/account/activities/FILL?direction=asc").json()]
    assert kinds == ["partial_fill", "fill"]


def test_refusals_carry_the_brokers_codes_and_fields(exchange: RunningExchange) -> None:
    exchange.advance("2022-03-16T10:00:00-04:00")
    assert exchange.order("held", qty="10").status_code == 200
    exchange.advance("2022-03-16T10:00:02-04:00")
    assert exchange.order("part", qty="4", side="sell", type="limit", limit_price="4999").status_code == 200
    cases: list[tuple[dict[str, Any], int, int, str]] = [
        ({"client_order_id": "held"}, 422, 40010001, "client_order_id must be unique"),
        ({"client_order_id": "x" * 129}, 422, 40010001, "client_order_id must be no more than 128 characters"),
        ({"symbol": "NOPE"}, 422, 42210000, 'asset "NOPE" not found'),
        ({"qty": None}, 422, 40010001, "qty or notional is required"),
        ({"notional": "5"}, 422, 40010001, "only one of qty or notional is accepted"),
        ({"qty": "-1"}, 422, 40010001, "qty must be > 0"),
        ({"type": "limit"}, 422, 40010001, "limit orders require a limit price"),
        ({"order_class": "bracket"}, 422, 42210000, "order class bracket is not supported by this exchange"),
        ({"symbol": "SYAAB", "side": "sell"}, 403, 40310000, "account is not allowed to short"),
    ]
    for fields, status, code, message in cases:
        answer = exchange.order(**{"client_order_id": "", **fields})
        assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (status, code, message)
    penny = exchange.order("", type="limit", limit_price=290.123)
    assert penny.json()["message"] == (
        "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria"
    )
    poor = exchange.order("", qty="100", type="limit", limit_price="100000").json()
    assert (poor["message"], poor["cost_basis"]) == ("insufficient buying power", "10000000")
    assert Decimal(poor["buying_power"]) == Decimal(exchange.call("GET", "/v2/account").json()["buying_power"])
    oversold = exchange.order("", qty="7", side="sell").json()
    assert {key: oversold[key] for key in ("available", "existing_qty", "held_for_orders", "symbol")} == {
        "available": "6",
        "existing_qty": "10",
        "held_for_orders": "4",
        "symbol": "SYAAA",
    }


def test_fractions_and_notional_buys_fill_to_nine_decimals(exchange: RunningExchange) -> None:
    exchange.advance("2022-03-16T10:00:00-04:00")
    exchange.order("fraction", qty="0.123456789")
    exchange.order("dollars", symbol="SYAAB", qty=None, notional="100.50")
    exchange.advance("2022-03-16T10:00:02-04:00")
    assert exchange.find("fraction")["filled_qty"] == "0.123456789"
    dollars = exchange.find("dollars")
    assert (dollars["status"], dollars["qty"], dollars["notional"]) == ("filled", None, "100.5")
    paid = Decimal(dollars["filled_qty"]) * Decimal(dollars["filled_avg_price"])
    assert Decimal("100.4999") < paid <= Decimal("100.50")


def test_the_user_can_suspend_and_resume_trading(exchange: RunningExchange, client: TradingClient) -> None:
    settings: Any = client.get_account_configurations()
    settings.suspend_trade = True
    client.set_account_configurations(settings)
    assert client.get_account().trade_suspended_by_user is True
    refused = exchange.order("suspended")
    assert (refused.status_code, refused.json()["message"]) == (403, "new orders are rejected by user request")
    settings.suspend_trade = False
    client.set_account_configurations(settings)
    assert exchange.order("suspended").status_code == 200


def test_orders_are_listed_by_time_symbol_and_direction(exchange: RunningExchange, client: TradingClient) -> None:
    for minute, symbol in enumerate(["SYAAA", "SYAAB", "SYAAA"]):
        exchange.advance(f"2022-03-16T08:0{minute + 1}:00-04:00")
        exchange.order(f"list-{minute}", symbol=symbol)

    def names(**wanted: Any) -> list[str]:
        found: Any = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, **wanted))
        return [order.client_order_id for order in found]

    assert names() == ["list-2", "list-1", "list-0"]
    assert names(direction="asc", limit=2) == ["list-0", "list-1"]
    assert names(symbols=["SYAAA"]) == ["list-2", "list-0"]
    assert names(after=datetime(2022, 3, 16, 12, 1, tzinfo=UTC)) == ["list-2", "list-1"]
    assert names(until=datetime(2022, 3, 16, 12, 3, tzinfo=UTC)) == ["list-1", "list-0"]


def test_assets_calendar_and_unknown_things(exchange: RunningExchange, client: TradingClient) -> None:
    every: Any = client.get_all_assets()
    assert [asset.symbol for asset in every] == ["SYAAA", "SYAAB", "SYAAC", "SYAAD", "SYAAE", "SYAAF"]
    assert client.get_asset("SYAAC") == client.get_asset(every[2].id)
    days: Any = client.get_calendar(GetCalendarRequest(start=date(2022, 11, 23), end=date(2022, 11, 25)))
    assert [(day.date.isoformat(), day.close.hour) for day in days] == [("2022-11-23", 16), ("2022-11-25", 13)]
    for path in ("/v2/assets/NOPE", "/v2/positions/SYAAA", "/v2/nothing"):
        assert exchange.call("GET", path).status_code == 404
    sectors = exchange.call("GET", "/sim/sectors").json()
    assert set(sectors) == {asset.symbol for asset in every}


def test_bad_keys_are_refused_and_a_doubled_slash_is_not(exchange: RunningExchange) -> None:
    with pytest.raises(APIError) as refused:
        TradingClient("REVOKED", "secret", url_override=exchange.url).get_account()
    assert refused.value.status_code == 401
    assert TradingClient("key", "secret", url_override=exchange.url + "/").get_account().cash == "1000000"


def test_holdings_and_cash_can_change_behind_the_clients_back(exchange: RunningExchange) -> None:
    exchange.call("POST", "/sim/account/cash", json={"amount_usd": "-250.25"})
    exchange.call("POST", "/sim/positions", json={"symbol": "SYAAD", "qty": "3", "price": "10"})
    account = exchange.call("GET", "/v2/account").json()
    held = exchange.call("GET", "/v2/positions").json()
    assert (account["cash"], [(row["symbol"], row["qty"], row["avg_entry_price"]) for row in held]) == (
        "999749.75",
        [("SYAAD", "3", "10")],
    )


def test_requests_are_limited_per_simulated_minute(start_exchange: Start) -> None:
    exchange = start_exchange("limited", rate_limit="3")
    answers = [exchange.call("GET", "/v2/clock") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].json()["code"] == 42910000
    reset = datetime.fromtimestamp(int(answers[-1].headers["X-RateLimit-Reset"]), UTC)
    exchange.advance(reset.isoformat())
    assert exchange.call("GET", "/v2/clock").status_code == 200

"""Replacing orders, closing positions and the history of equity, by the unmodified alpaca-py."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.models import FailedClosePositionDetails, Order
from alpaca.trading.requests import ClosePositionRequest, GetPortfolioHistoryRequest, ReplaceOrderRequest

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    """One in the middle of a session, with 10 and 6 shares held."""
    exchange = start_exchange()
    for symbol, qty in (("SYAAA", "10"), ("SYAAB", "6")):
        exchange.call("POST", "/sim/positions", json={"symbol": symbol, "qty": qty, "price": "10"})
    exchange.advance("2022-03-16T11:00:00-04:00")
    return exchange


@pytest.fixture
def client(exchange: RunningExchange) -> TradingClient:
    return exchange.trading()


def resting(exchange: RunningExchange, name: str, **fields: Any) -> dict[str, Any]:
    """A limit buy that stays."""
    exchange.order(name, **{"type": "limit", "limit_price": "1.01"} | fields).raise_for_status()
    exchange.advance("2022-03-16T11:00:01-04:00")
    return exchange.find(name)


def refused(client: TradingClient, order_id: str, **change: Any) -> tuple[int, int, str]:
    with pytest.raises(APIError) as failure:
        client.replace_order_by_id(order_id, ReplaceOrderRequest(**change))
    return failure.value.status_code, failure.value.code, failure.value.message


def test_a_replacement_is_a_new_order(exchange: RunningExchange, client: TradingClient) -> None:
    old = resting(exchange, "old")
    power = Decimal(exchange.call("GET", "/v2/account").json()["buying_power"])
    new: Any = client.replace_order_by_id(
        old["id"], ReplaceOrderRequest(qty=20, limit_price=1.02, client_order_id="new")
    )
    assert (str(new.replaces), new.qty, new.limit_price, new.status.value) == (old["id"], "20", "1.02", "pending_new")
    waiting = exchange.find("old")
    assert (waiting["status"], waiting["replaced_by"]) == ("pending_replace", str(new.id))
    assert exchange.call("DELETE", f"/v2/orders/{old['id']}").status_code == 422
    exchange.advance("2022-03-16T11:00:02-04:00")
    assert [exchange.find(name)["status"] for name in ("old", "new")] == ["replaced", "new"]
    assert exchange.find("old")["replaced_at"].startswith("2022-03-16T15:00:01")
    after = Decimal(exchange.call("GET", "/v2/account").json()["buying_power"])
    assert power - after == Decimal("20.40") - Decimal("10.10")


def test_what_cannot_be_replaced_is_refused(exchange: RunningExchange, client: TradingClient) -> None:
    old = resting(exchange, "old")
    rules = 422, 42210000
    assert refused(client, old["id"], limit_price=1.01) == (*rules, "order parameters are not changed")
    assert refused(client, old["id"], client_order_id="old", qty=1) == (422, 40010001, "client_order_id must be unique")
    assert refused(client, old["id"], stop_price=1) == (422, 40010001, "limit orders require only limit price")
    fraction = exchange.call("PATCH", f"/v2/orders/{old['id']}", json={"qty": 2.5})
    assert fraction.json() == {"code": 40010001, "message": "qty must be integer"}
    fresh = exchange.order("fresh", type="limit", limit_price="1.01").json()
    assert refused(client, fresh["id"], qty=1) == (*rules, "cannot replace order in pending_new status")
    client.replace_order_by_id(old["id"], ReplaceOrderRequest(qty=1))
    assert refused(client, old["id"], qty=2) == (*rules, "order already replaced")


def test_a_fill_before_the_replacement_counts(start_exchange: Start) -> None:
    """Two parts within seconds; the replacement is for what the first left, or comes too late."""
    exchange = start_exchange("parts", partial_fills="1")
    exchange.advance("2022-03-16T11:00:00-04:00")
    client = exchange.trading()
    for name in ("kept", "smaller"):
        exchange.order(name, qty="100", type="limit", limit_price="4000")
    exchange.advance("2022-03-16T11:00:01-04:00")
    filled = {name: int(exchange.find(name)["filled_qty"]) for name in ("kept", "smaller")}
    assert all(0 < qty < 99 for qty in filled.values())
    dearer = ReplaceOrderRequest(client_order_id="kept-2", limit_price=4001)
    smaller = ReplaceOrderRequest(client_order_id="smaller-2", qty=filled["smaller"] + 1)
    for name, change in (("kept", dearer), ("smaller", smaller)):
        client.replace_order_by_id(exchange.find(name)["id"], change)
    exchange.advance("2022-03-16T11:01:00-04:00")
    for name, total in (("kept", 100), ("smaller", filled["smaller"] + 1)):
        old, new = exchange.find(name), exchange.find(name + "-2")
        assert (old["status"], new["status"]) == ("replaced", "filled")
        assert int(old["filled_qty"]) + int(new["filled_qty"]) == total


def test_a_replacement_that_loses_the_race_is_rejected(start_exchange: Start) -> None:
    """One exchange shows when the second part fills; on its twin the replacement is asked for just before that."""
    shown, raced = (start_exchange(name, partial_fills="1") for name in ("shown", "raced"))
    for exchange in (shown, raced):
        exchange.advance("2022-03-16T11:00:00-04:00")
        exchange.order("old", qty="2")
    shown.advance("2022-03-16T11:01:00-04:00")
    filled_at = datetime.fromisoformat(shown.find("old")["filled_at"][:26] + "+00:00")
    raced.advance((filled_at - timedelta(milliseconds=10)).isoformat())
    old_id = raced.find("old")["id"]
    raced.trading().replace_order_by_id(old_id, ReplaceOrderRequest(qty=3, client_order_id="new"))
    raced.advance("2022-03-16T11:01:00-04:00")
    assert raced.find("old")["filled_at"] == shown.find("old")["filled_at"]
    assert (raced.find("new")["status"], raced.find("new")["filled_qty"]) == ("rejected", "0")


def test_a_position_is_closed_in_part_or_whole(exchange: RunningExchange, client: TradingClient) -> None:
    part: Any = client.close_position("SYAAA", ClosePositionRequest(percentage="25"))
    assert (part.qty, part.side.value, part.type.value, part.time_in_force.value) == ("2.5", "sell", "market", "day")
    client.close_position("SYAAA", ClosePositionRequest(qty="3"))
    exchange.advance("2022-03-16T11:00:02-04:00")
    held: Any = client.get_open_position("SYAAA")
    assert held.qty == "4.5"
    client.close_position("SYAAA")
    exchange.advance("2022-03-16T11:00:04-04:00")
    with pytest.raises(APIError) as gone:
        client.close_position("SYAAA")
    assert (gone.value.status_code, gone.value.code, gone.value.message) == (404, 40410000, "position does not exist")
    for query in ("qty=1&percentage=5", "percentage=101", "qty=x", "qty=0"):
        assert exchange.call("DELETE", f"/v2/positions/SYAAB?{query}").status_code == 422


def test_closing_everything_tells_what_is_held_for_orders(exchange: RunningExchange, client: TradingClient) -> None:
    exchange.order("claimed", qty="4", side="sell", type="limit", limit_price="4999")
    rows: Any = client.close_all_positions()
    bodies = {row.symbol: row.body for row in rows}
    failure = bodies["SYAAA"]
    assert isinstance(failure, FailedClosePositionDetails)
    assert (failure.code, failure.available, failure.held_for_orders) == (40310000, 6, 4)
    assert isinstance(bodies["SYAAB"], Order)
    exchange.advance("2022-03-16T11:00:02-04:00")
    again: Any = client.close_all_positions(cancel_orders=True)
    assert [(row.symbol, row.status) for row in again] == [("SYAAA", 200)]
    assert exchange.find("claimed")["status"] == "canceled"
    exchange.advance("2022-03-16T11:00:04-04:00")
    assert client.get_all_positions() == []


def test_the_history_of_equity_is_that_of_the_closes(exchange: RunningExchange, client: TradingClient) -> None:
    equities = []
    for day in ("16", "17", "18"):
        exchange.advance(f"2022-03-{day}T16:00:00-04:00")
        equities.append(float(exchange.call("GET", "/v2/account").json()["equity"]))
    exchange.advance("2022-03-21T10:00:00-04:00")
    now = float(exchange.call("GET", "/v2/account").json()["equity"])
    history: Any = client.get_portfolio_history(GetPortfolioHistoryRequest(timeframe="1D"))
    assert (history.equity, history.base_value, history.timeframe) == ([*equities, now], 1_000_000, "1D")
    assert history.profit_loss == pytest.approx([each - 1_000_000 for each in history.equity])
    assert history.timestamp[0] == 1647437400
    short: Any = client.get_portfolio_history(GetPortfolioHistoryRequest(period="2D"))
    assert (short.equity, short.base_value) == ([equities[2], now], equities[1])
    assert exchange.call("GET", "/v2/account/portfolio/history?timeframe=5Min").status_code == 422

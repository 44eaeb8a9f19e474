"""Every failure on order, and what is true of the order behind it."""

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from tests.contract.exchange.running import RunningExchange


@pytest.mark.parametrize(
    ("action", "status", "accepted"),
    [
        ("504_before", 504, False),
        ("504_after", 504, True),
        ("502_html_before", 502, False),
        ("502_html_after", 502, True),
        ("429", 429, False),
        ("empty_after", 200, True),
    ],
)
def test_an_answer_may_lie_about_the_order(
    exchange: RunningExchange, action: str, status: int, *, accepted: bool
) -> None:
    exchange.fault(action, symbol="SYAAA")
    answer = exchange.order(action)
    assert (answer.status_code, "id" in exchange.find(action)) == (status, accepted)
    assert (answer.content == b"") == (action == "empty_after")
    assert ("<html>" in answer.text) == action.startswith("502")


@pytest.mark.parametrize(
    ("action", "accepted"),
    [("drop_before", False), ("drop_after", True), ("hang_before", False), ("hang_after", True)],
)
def test_no_answer_may_come_at_all(exchange: RunningExchange, action: str, *, accepted: bool) -> None:
    exchange.fault(action)
    failure = requests.exceptions.ReadTimeout if "hang" in action else requests.exceptions.ConnectionError
    with pytest.raises(failure):
        exchange.call("POST", "/v2/orders", timeout_s=0.3, json=order_body(action))
    assert ("id" in exchange.find(action)) == accepted
    entry = next(row for row in exchange.log() if row["client_order_id"] == action and row["method"] == "POST")
    assert (entry["status"], entry["fault"], entry["symbol"]) == (None, action, "SYAAA")


def order_body(client_order_id: str) -> dict[str, str]:
    return {
        "symbol": "SYAAA",
        "qty": "1",
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "client_order_id": client_order_id,
    }


def test_an_accepted_order_may_be_rejected_later(exchange: RunningExchange) -> None:
    exchange.fault("reject_later", client_order_id="doomed")
    assert exchange.order("innocent").status_code == exchange.order("doomed").status_code == 200
    exchange.advance("2022-03-16T09:31:00-04:00")
    doomed = exchange.find("doomed")
    assert (doomed["status"], doomed["filled_qty"]) == ("rejected", "0")
    assert doomed["failed_at"].startswith("2022-03-16T13:30:0")
    assert exchange.find("innocent")["status"] == "filled"


def test_a_rule_is_used_up_and_can_be_lifted(exchange: RunningExchange) -> None:
    exchange.fault("429", method="GET", path="/v2/positions*", times=2)
    assert [exchange.call("GET", "/v2/positions").status_code for _ in range(3)] == [429, 429, 200]
    exchange.fault("429", method="GET", path="/v2/clock", times=9)
    exchange.call("DELETE", "/sim/faults")
    assert exchange.call("GET", "/v2/clock").status_code == 200
    assert exchange.call("POST", "/sim/faults", json={"action": "explode"}).status_code == 422


def test_the_sdk_resends_after_504_and_the_exchange_refuses_the_second(exchange: RunningExchange) -> None:
    """The SDK posts the same body again; only the client order id keeps that from being a second order."""
    exchange.fault("504_after", client_order_id="resent")
    client = exchange.trading()
    client._retry_wait = 0
    order = MarketOrderRequest(
        symbol="SYAAA", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, client_order_id="resent"
    )
    with pytest.raises(APIError) as refused:
        client.submit_order(order)
    assert (refused.value.status_code, refused.value.message) == (422, "client_order_id must be unique")
    posts = [row for row in exchange.log() if row["client_order_id"] == "resent" and row["method"] == "POST"]
    assert [(row["status"], row["fault"]) for row in posts] == [(504, "504_after"), (422, None)]
    listed = exchange.call("GET", "/v2/orders?status=all").json()
    assert [row["client_order_id"] for row in listed].count("resent") == 1


def test_the_log_holds_no_secret(exchange: RunningExchange) -> None:
    exchange.call("GET", "/v2/account")
    text = (exchange.state / "wire.jsonl").read_text()
    assert "/v2/account" in text
    assert "secret" not in text

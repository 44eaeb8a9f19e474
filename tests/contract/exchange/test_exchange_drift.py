"""A stream that fails and answers that drift from the schema, as the unmodified alpaca-py takes them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.enums import DataFeed
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.requests import GetPortfolioHistoryRequest
from pydantic import ValidationError
from websockets.sync.client import ClientConnection, connect

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange
from tests.contract.exchange.test_exchange_stream import listening, say, wait_for


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    """In the middle of a session."""
    exchange = start_exchange()
    exchange.advance("2022-03-16T11:00:00-04:00")
    return exchange


@pytest.fixture
def updates(exchange: RunningExchange) -> Iterator[Queue[Any]]:
    """What a listening TradingStream is told."""
    yield from listening(exchange)


def fill(exchange: RunningExchange, name: str) -> None:
    exchange.order(name).raise_for_status()
    second = int(exchange.call("GET", "/sim/clock").json()["now"][17:19]) + 2
    exchange.advance(f"2022-03-16T11:00:{second:02d}-04:00")


def told(updates: Queue[Any], count: int) -> list[tuple[str, str]]:
    got = [updates.get(timeout=10) for _ in range(count)]
    return [(each.order.client_order_id, str(getattr(each.event, "value", each.event))) for each in got]


def test_updates_may_come_twice_late_or_unreadable(exchange: RunningExchange, updates: Queue[Any]) -> None:
    exchange.pull("stream/faults", action="duplicate", event="fill")
    fill(exchange, "twice")
    assert told(updates, 4) == [("twice", kind) for kind in ("pending_new", "new", "fill", "fill")]
    exchange.pull("stream/faults", action="out_of_order", event="new")
    fill(exchange, "late")
    assert told(updates, 3) == [("late", kind) for kind in ("pending_new", "fill", "new")]
    exchange.pull("stream/faults", action="unknown_event", event="new")
    fill(exchange, "strange")
    assert told(updates, 3) == [("strange", kind) for kind in ("pending_new", "added_later", "fill")]
    for action in ("unknown_status", "no_timestamp"):
        exchange.pull("stream/faults", action=action, event="new")
        fill(exchange, action)
        assert told(updates, 2) == [(action, "pending_new"), (action, "fill")], "the SDK drops what it cannot parse"
    with pytest.raises(Empty):
        updates.get_nowait()


def test_a_drop_loses_the_fill_and_the_sdk_comes_back(exchange: RunningExchange, updates: Queue[Any]) -> None:
    exchange.pull("stream/faults", action="drop", event="fill")
    fill(exchange, "missed")
    wait_for(exchange, listening=False)
    wait_for(exchange, listening=True)
    assert exchange.find("missed")["status"] == "filled"
    fill(exchange, "after")
    assert told(updates, 5)[2:] == [("after", kind) for kind in ("pending_new", "new", "fill")]


def bare(exchange: RunningExchange) -> ClientConnection:
    return connect(exchange.url.replace("http", "ws") + "/stream")


def test_the_stream_may_never_answer_the_keys(exchange: RunningExchange) -> None:
    exchange.pull("stream/faults", action="no_auth_answer")
    with bare(exchange) as socket:
        socket.send('{"action": "authenticate", "data": {"key_id": "key", "secret_key": "s"}}')
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        assert say(socket, "listen", streams=["trade_updates"])["stream"] == "listening"


def test_the_stream_may_freeze_with_the_connection_up(exchange: RunningExchange) -> None:
    exchange.pull("stream/faults", action="freeze", event="new")
    with bare(exchange) as socket:
        say(socket, "authenticate", key_id="key", secret_key="s")
        say(socket, "listen", streams=["trade_updates"])
        assert socket.ping().wait(5)
        fill(exchange, "frozen")
        socket.recv(timeout=5)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        assert not socket.ping().wait(0.3)
        assert exchange.call("GET", "/sim/clock").json()["listening"] is True
        socket.socket.close()
    wait_for(exchange, listening=False)


def test_faults_of_the_stream_can_be_lifted(exchange: RunningExchange, updates: Queue[Any]) -> None:
    exchange.pull("stream/faults", action="drop", times=9)
    exchange.call("DELETE", "/sim/faults")
    fill(exchange, "heard")
    assert len(told(updates, 3)) == 3
    assert exchange.call("POST", "/sim/stream/faults", json={"action": "explode"}).status_code == 422


def test_answers_may_drift_from_the_schema(exchange: RunningExchange) -> None:
    client = exchange.trading()
    exchange.order("listed")
    exchange.pull("drift", drifts=["extra_keys"])
    assert exchange.call("GET", "/v2/account").json()["added_later"]
    client.get_account()
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("no_easy_to_borrow", lambda: client.get_asset("SYAAA")),
        ("new_enum_values", client.get_all_assets),
        ("new_enum_values", client.get_orders),
        ("null_history", lambda: client.get_portfolio_history(GetPortfolioHistoryRequest(timeframe="1D"))),
    ]
    for drift, ask in asked:
        exchange.pull("drift", drifts=[drift])
        with pytest.raises(ValidationError):
            ask()
        exchange.pull("drift", drifts=[])
        assert ask()
    assert exchange.call("POST", "/sim/drift", json={"drifts": ["another"]}).status_code == 422


def test_a_basic_subscription_has_no_recent_sip_data(start_exchange: Start) -> None:
    exchange = start_exchange("basic", subscription="basic")
    exchange.advance("2022-03-16T11:00:00-04:00")
    data = exchange.data()

    def bars(minute: int, feed: DataFeed | None) -> Any:
        end = datetime(2022, 3, 16, 14, minute, tzinfo=UTC)
        start = datetime(2022, 3, 1, tzinfo=UTC)
        return data.get_stock_bars(
            StockBarsRequest(symbol_or_symbols="SYAAA", timeframe=TimeFrame.Day, start=start, end=end, feed=feed)
        )

    assert bars(45, DataFeed.SIP).data
    assert bars(46, DataFeed.IEX).data
    for feed in (DataFeed.SIP, None):
        with pytest.raises(APIError, match="subscription does not permit querying recent SIP data") as refused:
            bars(46, feed)
        assert refused.value.status_code == 403
        assert "code" not in str(refused.value)
    assert data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SYAAA"))
    with pytest.raises(APIError):
        data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SYAAA", feed=DataFeed.SIP))

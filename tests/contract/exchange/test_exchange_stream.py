"""The trade_updates websocket, driven by the unmodified alpaca-py TradingStream and by a bare client."""

import json
from collections.abc import Iterator
from queue import Queue
from threading import Thread
from time import sleep
from typing import Any

import pytest
from alpaca.trading.stream import TradingStream
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.contract.exchange.running import RunningExchange


@pytest.fixture
def updates(exchange: RunningExchange) -> Iterator[Queue[Any]]:
    """What a listening TradingStream is told."""
    yield from listening(exchange)


def listening(exchange: RunningExchange) -> Iterator[Queue[Any]]:
    """What a TradingStream is told, for as long as it runs."""
    told: Queue[Any] = Queue()

    async def tell(update: Any) -> None:
        told.put(update)

    stream = TradingStream("key", "secret", url_override=exchange.url.replace("http", "ws") + "/stream")
    stream.subscribe_trade_updates(tell)
    thread = Thread(target=stream.run)
    thread.start()
    wait_for(exchange, listening=True)
    yield told
    stream.stop()
    thread.join(10)
    wait_for(exchange, listening=False)


def wait_for(exchange: RunningExchange, *, listening: bool) -> None:
    for _ in range(500):
        if exchange.call("GET", "/sim/clock").json()["listening"] is listening:
            return
        sleep(0.02)
    raise AssertionError(f"the exchange never came to listening={listening}")


def test_an_orders_life_is_told_with_the_whole_order(exchange: RunningExchange, updates: Queue[Any]) -> None:
    exchange.order("told")
    exchange.order("resting", type="limit", limit_price="1.01")
    exchange.advance("2022-03-16T09:30:02-04:00")
    exchange.call("DELETE", "/v2/orders")
    exchange.advance("2022-03-16T09:30:03-04:00")
    told = [updates.get(timeout=10) for _ in range(7)]
    lives = {
        name: [
            str(getattr(update.event, "value", update.event)) for update in told if update.order.client_order_id == name
        ]
        for name in ("told", "resting")
    }
    assert lives == {"told": ["accepted", "new", "fill"], "resting": ["accepted", "new", "pending_cancel", "canceled"]}
    fill = next(update for update in told if update.qty)
    assert (fill.qty, fill.position_qty, fill.order.filled_qty) == (10, 10, "10")
    assert str(fill.price) == exchange.find("told")["filled_avg_price"]
    (activity,) = exchange.call("GET", "/v2/account/activities/FILL").json()
    assert activity["id"].endswith(str(fill.execution_id))
    with pytest.raises(InvalidStatus) as refused:
        connect(exchange.url.replace("http", "ws") + "/stream/")
    assert refused.value.response.status_code == 429


def say(socket: ClientConnection, action: str, **data: Any) -> dict[str, Any]:
    socket.send(json.dumps({"action": action, "data": data}))
    answer = socket.recv(timeout=5)
    assert isinstance(answer, bytes)
    told: dict[str, Any] = json.loads(answer)
    return told


def test_nobody_listens_without_good_keys(exchange: RunningExchange) -> None:
    with connect(exchange.url.replace("http", "ws") + "/stream/") as socket:
        assert say(socket, "listen", streams=["trade_updates"])["data"]["status"] == "unauthorized"
        assert say(socket, "authenticate", key_id="REVOKED", secret_key="s")["data"]["status"] == "unauthorized"
        assert say(socket, "authenticate", key_id="key", secret_key="s")["data"]["status"] == "authorized"
        listening = say(socket, "listen", streams=["trade_updates", "account_updates"])
        assert listening == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        exchange.order("heard")
        heard = json.loads(socket.recv(timeout=5))
        assert (heard["stream"], heard["data"]["order"]["client_order_id"]) == ("trade_updates", "heard")
    wait_for(exchange, listening=False)

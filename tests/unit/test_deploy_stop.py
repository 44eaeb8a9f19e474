"""The emergency stop's own words with a broker, over real HTTP: it cancels first, insists, and keys go nowhere else."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from trader.deployment import stop
from trader.deployment.broker import Broker, BrokerSilent
from trader.deployment.errors import BadInput


@contextmanager
def answering(*codes: int) -> Iterator[tuple[str, list[str]]]:
    """A broker that answers with these codes in turn, then well; its address, and what it was asked."""
    waiting, asked = list(codes), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code = waiting.pop(0) if waiting else 200
            body = json.dumps([{"id": "1"}] if self.command == "DELETE" else []).encode() if code == 200 else b"no"
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    for method in ("GET", "DELETE", "PATCH"):
        setattr(Handler, f"do_{method}", Handler._answer)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_it_cancels_before_it_asks_and_bears_with_a_broker_that_answers_ill() -> None:
    with answering(504, 429) as (url, asked):
        done = stop.Stop()
        stop._cancel(done, Broker(url, "KEY", "SECRET"))
    assert asked == ["DELETE", "GET", "GET"]
    assert done.open_orders == []


def test_it_counts_what_the_broker_took() -> None:
    with answering() as (url, _):
        done = stop.Stop()
        stop._cancel(done, Broker(url, "KEY", "SECRET"))
    assert done.cancelled == 1


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "_PATIENCE_S", 0.0)
    with answering(504, 504, 504) as (url, _), pytest.raises(BrokerSilent):
        stop._insist(Broker(url, "KEY", "SECRET").open_orders)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.alpaca.markets",
        "http://paper-api.alpaca.markets",
        "http://user@127.0.0.1",
        "http://8.8.8.8",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_no_other_address_gets_a_key(url: str) -> None:
    with pytest.raises(BadInput):
        Broker(url, "KEY", "SECRET")


def test_a_broker_does_not_show_its_keys() -> None:
    assert "SECRET" not in repr(Broker("http://127.0.0.1:1", "KEY", "SECRET"))


def test_a_stop_goes_on_whatever_fails() -> None:
    done = stop.Stop()

    def fails() -> None:
        raise KeyError("id")

    assert stop._try(done, fails) is None
    assert "KeyError" in done.troubles[0]

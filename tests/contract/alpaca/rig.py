"""The adapter on a real wire: against the simulated exchange, or against a server that answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from trader.adapters.alpaca.data import AlpacaMarketData
from trader.adapters.alpaca.factory import connect
from trader.adapters.alpaca.trading import AlpacaBroker
from trader.adapters.alpaca.transport import Timeouts
from trader.adapters.clock import ExchangeClock
from trader.adapters.exchange_control import ExchangeControl
from trader.decision.admission import ApprovedOrder
from trader.domain.orders import Side
from trader.ports.clock import Clock

SECRET = "SECRETsecretSECRET"
KEY_ID = "PKPLANTEDKEY"
PATIENT = Timeouts(connect_s=Decimal(20), read_s=Decimal(60))
HASTY = Timeouts(connect_s=Decimal(20), read_s=Decimal(1))
START = datetime.fromisoformat("2026-03-16T09:31:00-04:00")


class NoStop:
    """Nobody asks for an end."""

    def requested(self) -> bool:
        return False


@dataclass
class CountedBudget:
    """A budget without end that remembers what was taken."""

    taken: list[bool] = field(default_factory=list)

    def take(self, priority: bool) -> None:
        self.taken.append(priority)


@dataclass
class StandingClock:
    """Time that moves only by waiting, at once."""

    instant: datetime = START
    waits_s: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.instant

    def wait_until(self, instant: datetime) -> None:
        self.waits_s.append(max(0.0, (instant - self.instant).total_seconds()))
        self.instant = max(self.instant, instant)


def approved(client_order_id: str, symbol: str = "SYAAA", quantity: int = 1, limit: str = "1.00") -> ApprovedOrder:
    """A day's buy that rests far below the market unless told otherwise."""
    price = Decimal(limit)
    return ApprovedOrder(
        client_order_id, symbol, Side.BUY, Decimal(quantity), price, price, price, price, START, checks=()
    )


def connected(
    url: str, clock: Clock, budget: CountedBudget | None = None, timeouts: Timeouts = PATIENT, key_id: str = KEY_ID
) -> tuple[AlpacaBroker, AlpacaMarketData]:
    """The adapter at `url`."""
    return connect(
        SecretStr(key_id),
        SecretStr(SECRET),
        clock=clock,
        budget=budget or CountedBudget(),
        timeouts=timeouts,
        simulated_url=url,
    )


class Rig:
    """The adapter and the exchange behind it; each test takes order ids of its own, and time only goes forward."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.control = ExchangeControl(url)
        self.clock = ExchangeClock(url, NoStop())
        self.budget = CountedBudget()
        self.broker, self.market = connected(url, self.clock, self.budget)
        self.hasty, _ = connected(url, self.clock, timeouts=HASTY)
        self._count = 0

    def order_id(self) -> str:
        """An id that was not used yet."""
        self._count += 1
        return f"pt1.test.xgb.20260316.SYAAA.b.p{self._count}.0.0"

    def fault(self, action: str, method: str = "POST", path: str = "/v2/orders", times: int = 1) -> None:
        """Let the next such requests go wrong."""
        self.control.post("/sim/faults", {"action": action, "method": method, "path": path, "times": times})

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """What the exchange saw of these."""
        return [line for line in self.control.get("/sim/log") if (line["method"], line["path"]) == (method, path)]

    def order(self, client_order_id: str) -> dict[str, Any]:
        """The order as the exchange shows it."""
        found: dict[str, Any] = self.broker._client.get_order_by_client_id(client_order_id)
        return found

    def posts(self, client_order_id: str) -> int:
        """How often this id was posted."""
        return sum(line["client_order_id"] == client_order_id for line in self.requests("POST", "/v2/orders"))

    def wait(self, **span: float) -> None:
        """Let simulated time pass."""
        self.clock.wait_until(self.clock.now() + timedelta(**span))


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Scripted(ThreadingHTTPServer):
    """Gives its answers one after the other, the last one for ever, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked.append(f"{self.command} {self.path}")
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def log_message(self, *said: object) -> None:
        """Quiet."""


for _verb in ("GET", "POST", "DELETE", "PATCH"):
    setattr(_Handler, f"do_{_verb}", _Handler._answer)


@contextmanager
def scripted(*answers: Answer) -> Iterator[Scripted]:
    """A server with these answers."""
    with Scripted(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

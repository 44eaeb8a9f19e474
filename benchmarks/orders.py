"""A session's orders through gate, ledger and wire, beside the same orders by alpaca-py alone, on equal exchanges."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest

from benchmarks.market import POLICIES, Market
from tests.support.desk import open_desk
from trader.adapters.exchange_control import ExchangeControl
from trader.modes.preflight import preflight
from trader.modes.session import run_session


@dataclass(slots=True)
class Stopwatch:
    """Around a part: when each call began and ended."""

    part: Any
    calls: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """The part's own, timed when it is called."""
        found = getattr(self.part, name)
        return self._timed(name, found) if callable(found) else found

    def _timed(self, name: str, call: Any) -> Any:
        def measured(*args: Any, **options: Any) -> Any:
            begun_s = perf_counter()
            try:
                return call(*args, **options)
            finally:
                self.calls.setdefault(name, []).append((begun_s, perf_counter()))

        return measured


@dataclass(frozen=True, slots=True)
class Sent:
    """A session's orders: how many, and seconds for each from the first to the last, in POSTs and in the ledger."""

    orders: int
    whole_s: float
    post_s: float
    ledger_s: float


def by_session(market: Market) -> tuple[Sent, list[dict[str, str]]]:
    """Run a session of many orders; also what it ordered."""
    watched: dict[str, Stopwatch] = {}

    def wrap(name: str, part: Any) -> Any:
        return watched.setdefault(name, Stopwatch(part))

    desk = open_desk(market.state, market.url, POLICIES, wrap)
    assert preflight(desk, market.day).ok
    run_session(desk, market.day)
    posts = watched["broker"].calls["submit"]
    first_s, last_s = posts[0][0], posts[-1][1]
    commits = [call for call in watched["ledger"].calls["append"] if first_s <= call[0] <= last_s]
    found = ExchangeControl(market.url).get("/sim/log?after=0")
    sent = {line["client_order_id"] for line in found if (line["method"], line["path"]) == ("POST", "/v2/orders")}
    client = TradingClient("SIMULATED", "SIMULATED", url_override=market.url, raw_data=True)
    orders = [client.get_order_by_client_id(name) for name in sorted(sent)]
    spent = (last_s - first_s, *(sum(end - begun for begun, end in calls) for calls in (posts, commits)))
    return Sent(len(posts), *(each / len(posts) for each in spent)), [dict(each) for each in orders]


def by_client(url: str, orders: list[dict[str, str]]) -> float:
    """Seconds to submit the same orders in a row."""
    client = TradingClient("SIMULATED", "SIMULATED", url_override=url)
    wishes = [
        LimitOrderRequest(
            symbol=order["symbol"],
            qty=float(order["qty"]),
            side=OrderSide(order["side"]),
            time_in_force=TimeInForce("day"),
            limit_price=float(order["limit_price"]),
        )
        for order in orders
    ]
    begun_s = perf_counter()
    for wish in wishes:
        client.submit_order(wish)
    return perf_counter() - begun_s

"""An exchange in a process of its own, and what a test does to it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
SMALL_MARKET = {
    "symbols": "6",
    "history-start": "2022-01-03",
    "history-end": "2022-06-30",
    "seed": "7",
    "at": "2022-03-16T08:00:00-04:00",
    "partial-fills": "0",
    "rate-limit": "0",
}


def command(state: Path, **options: str) -> list[str]:
    """The exchange on a small synthetic market, options changed as given.

    Underscores for dashes, "" to leave one out, "yes" for a switch.
    """
    chosen = SMALL_MARKET | {name.replace("_", "-"): value for name, value in options.items()}
    flags = [part for name, value in chosen.items() if value for part in (f"--{name}", value) if part != "yes"]
    return [sys.executable, "-m", "trader.simulated_exchange", "--state", str(state), "--with-parent", *flags]


@dataclass
class RunningExchange:
    """One exchange process."""

    state: Path
    options: dict[str, str] = field(default_factory=dict)

    def start(self) -> "RunningExchange":
        """Start it, or start it again on the same state."""
        self.process = subprocess.Popen(command(self.state, **self.options), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["url"]
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        os.kill(self.process.pid, number)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(10)

    def trading(self) -> TradingClient:
        """An unmodified SDK client."""
        return TradingClient("key", "secret", url_override=self.url)

    def data(self) -> StockHistoricalDataClient:
        """An unmodified SDK client."""
        return StockHistoricalDataClient("key", "secret", url_override=self.url)

    def call(self, method: str, path: str, timeout_s: float = 5.0, **given: Any) -> requests.Response:
        """A plain request with good keys, on a connection of its own."""
        return requests.request(method, self.url + path, headers=KEYS, timeout=timeout_s, **given)

    def advance(self, to: str) -> str:
        """Move simulated time; returns where it is now."""
        now: str = self.call("POST", "/sim/clock/advance", json={"to": to}).json()["now"]
        return now

    def fault(self, action: str, method: str = "POST", path: str = "/v2/orders", **rule: Any) -> None:
        """Install a fault rule."""
        self.call(
            "POST", "/sim/faults", json={"action": action, "method": method, "path": path, **rule}
        ).raise_for_status()

    def pull(self, lever: str, **body: Any) -> Any:
        """POST to /sim, which must go well; the answer's JSON, if any."""
        answer = self.call("POST", f"/sim/{lever}", json=body)
        assert answer.status_code in {200, 204}, answer.text
        return answer.json() if answer.content else None

    def order(self, client_order_id: str, symbol: str = "SYAAA", **fields: Any) -> requests.Response:
        """Send a day order for 10 shares at market, or as given."""
        body = {"symbol": symbol, "qty": "10", "side": "buy", "type": "market", "time_in_force": "day"}
        return self.call("POST", "/v2/orders", json=body | {"client_order_id": client_order_id} | fields)

    def find(self, client_order_id: str) -> dict[str, Any]:
        """An order by client id; an answer without `id` when there is none."""
        found: dict[str, Any] = self.call(
            "GET", "/v2/orders:by_client_order_id", params={"client_order_id": client_order_id}
        ).json()
        return found

    def log(self) -> list[dict[str, Any]]:
        """The wire log."""
        entries: list[dict[str, Any]] = self.call("GET", "/sim/log").json()
        return entries

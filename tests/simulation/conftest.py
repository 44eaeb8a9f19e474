"""A prepared day, and a process that forks exchanges and trading runs over copies of it."""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.desk import NeverStopped
from trader.adapters.clock import SystemClock
from trader.adapters.ledger import open_ledger
from trader.domain.journal import Event

E = TypeVar("E", bound=Event)

DAY = "2026-03-16"
BEFORE_THE_OPEN = "2026-03-16T09:00:00-04:00"
AFTER_THE_CLOSE = "2026-03-16T16:30:00-04:00"


class Zygote:
    """Requests to `tests.support.zygote`, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.support.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)


@dataclass(frozen=True)
class Sandbox:
    """A copy of the prepared day with its exchange running."""

    zygote: Zygote
    state: Path
    url: str

    def run(self, mode: str = "session", **options: Any) -> int:
        """The exit status of one run; negative when a signal ended it. `trap` is one, `traps` are more of them."""
        return int(self._ask(mode, options)["status"])

    def session(self, **options: Any) -> str:
        """The result of one session run that ends by itself."""
        assert self.run(**options) == 0
        return self.outcome()

    def paused(self, mode: str = "session", **options: Any) -> int:
        """The pid of a run that a trap has made to pause."""
        answer = self._ask(mode, options)
        assert answer["status"] is None, "the run ended before it paused"
        return int(answer["pid"])

    def start(self, mode: str, **options: Any) -> int:
        """The pid of a run that goes on beside others; `name` keeps its trace and outcome apart."""
        return int(self._ask(mode, options, "start")["pid"])

    def finish(self, pid: int) -> int:
        """The exit status of a run that had paused, or was started beside others."""
        return int(self.zygote.ask(do="finish", pid=pid)["status"])

    def _ask(self, mode: str, options: dict[str, Any], do: str = "run") -> dict[str, Any]:
        given: dict[str, Any] = {"state": str(self.state), "url": self.url, "day": DAY, **options}
        traps = [given.pop("trap")] if "trap" in given else []
        return self.zygote.ask(do=do, mode=mode, **{"traps": traps, **given})

    def outcome(self, name: str = "") -> str:
        """What the last run (of this name) that came to its end left: a word, a document, or its error."""
        return (self.state / f"outcome{name}.txt").read_text()

    def events(self, kind: type[E]) -> list[E]:
        """The ledger's events of a kind."""
        ledger = open_ledger(self.state / "ledger.db", SystemClock(NeverStopped()))
        return [entry.event for entry in ledger.entries() if isinstance(entry.event, kind)]

    def advance(self, to: str) -> None:
        """Let the exchange's time pass."""
        self.control("/sim/clock/advance", {"to": to})

    def calls(self) -> list[str]:
        """The ledger writes and broker calls of the last run."""
        trace = self.state / "calls.txt"
        return trace.read_text().split() if trace.exists() else []

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """A GET, or with a body a POST, to the exchange's own namespace or its trading API."""
        request = urllib.request.Request(f"{self.url}{path}")
        for header in ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY"):
            request.add_header(header, "SIMULATED")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def orders(self) -> dict[str, tuple[str, str, str]]:
        """What the exchange accepted: quantity, filled quantity and status by client order id."""
        found = self.control("/v2/orders?status=all&limit=500")
        assert len({order["client_order_id"] for order in found}) == len(found)
        return {order["client_order_id"]: (order["qty"], order["filled_qty"], order["status"]) for order in found}


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The forking process."""
    started = Zygote()
    yield started
    started.close()


@contextmanager
def exchange(zygote: Zygote, state: Path, at: str = BEFORE_THE_OPEN, **options: Any) -> Iterator[Sandbox]:
    """An exchange of forty symbols over `state`, ended with the block; `options` are more of its configuration."""
    config = {
        "state": str(state / "exchange"),
        "at": at,
        "symbols": 40,
        "history_start": "2024-06-03",
        "history_end": "2026-03-20",
        "seed": 5,
        "partial_fills": 1.0,
        **options,
    }
    started = zygote.ask(do="exchange", config=config)
    try:
        yield Sandbox(zygote, state, started["url"])
    finally:
        zygote.ask(do="end", pid=started["pid"])


@pytest.fixture(scope="session")
def morning(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A morning after preflight: bars, model, token, and one holding that the plan will not keep."""
    state = tmp_path_factory.mktemp("morning")
    with exchange(zygote, state) as sandbox:
        symbol = min(sandbox.control("/sim/sectors"))
        sandbox.control("/sim/positions", {"symbol": symbol, "qty": "300", "price": "62"})
        assert sandbox.run("prepare") == 0
    return state


def wire_is_clean(log: Iterable[dict[str, Any]]) -> None:
    """No two POSTs of one id without a look-up of that very id between them."""
    unsure: set[str] = set()
    for line in log:
        name = line["client_order_id"]
        if line["method"] == "POST" and line["path"] == "/v2/orders":
            assert name not in unsure, f"{name} was posted twice without a look-up"
            unsure.add(name)
        elif name is not None:
            unsure.discard(name)


@contextmanager
def copied(zygote: Zygote, morning: Path, target: Path) -> Iterator[Sandbox]:
    """The morning once more, under `target`."""
    shutil.copytree(morning, target)
    with exchange(zygote, target) as sandbox:
        yield sandbox
    shutil.rmtree(target)

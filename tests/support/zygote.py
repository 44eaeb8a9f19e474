"""A process that has imported everything and forks what a test asks for, so that a real SIGKILL costs a fork only.

One JSON request a line on stdin, one JSON answer a line on stdout. It starts exchanges and runs modes; a run may be
killed (SIGKILL, by itself) right before or right after its n-th ledger write or broker call.
"""

import json
import os
import signal
import sys
import traceback
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import alpaca.data.historical.stock
import alpaca.trading.client
import pandas as pd
import xgboost

import trader.training.train
from tests.support.desk import open_desk, prepare
from trader.adapters.clock import SignalStop
from trader.adapters.state_file import StateFile
from trader.domain.canonical import dumps
from trader.domain.journal import TradingState
from trader.modes.eod import close_day
from trader.modes.planning import plan_day
from trader.modes.session import run_session
from trader.simulated_exchange.config import ExchangeConfig
from trader.simulated_exchange.server import serve

_IMPORTED = (alpaca.data.historical.stock, alpaca.trading.client, pd, xgboost, trader.training.train, plan_day)
EXCHANGES: set[int] = set()
READS = frozenset({"entries", "latest", "verify", "head", "read"})  # of ledger and plan files: they change nothing


@dataclass(frozen=True)
class Trap:
    """What happens at the n-th call, before or after it."""

    at: int
    when: str
    act: Callable[[], None]


class Tripwire:
    """Around a part: writes its calls down, and springs the trap at its call."""

    count = 0

    def __init__(self, name: str, part: Any, trace: Path, trap: Trap) -> None:
        self._name, self._part, self._trace, self._trap = name, part, trace, trap

    def __getattr__(self, call: str) -> Any:
        found = getattr(self._part, call)
        if not callable(found) or (self._name in ("ledger", "plans") and call in READS):
            return found
        return lambda *args: self._counted(call, found, args)

    def _counted(self, call: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        Tripwire.count += 1
        with self._trace.open("a") as trace:
            trace.write(f"{self._name}.{call}\n")
        here = Tripwire.count == self._trap.at
        if here and self._trap.when == "before":
            self._trap.act()
        try:
            return function(*args)
        finally:
            if here and self._trap.when == "after":
                self._trap.act()


def acts(state: Path, url: str) -> dict[str, Callable[[], None]]:
    """What a trap can do."""

    def cancel_everything() -> None:
        keys = {"APCA-API-KEY-ID": "SIMULATED", "APCA-API-SECRET-KEY": "SIMULATED"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/v2/orders", headers=keys, method="DELETE"), timeout=10)

    return {
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
        "halt": lambda: StateFile(state / "STATE").write(TradingState.HALT, "test"),
        "cancel": cancel_everything,
    }


def fork(work: Callable[[], int]) -> int:
    """The pid of a child that does the work and exits with its code."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work())
        finally:  # reached by an exception only: the child must not go on as its parent
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
    return pid


def start_exchange(request: dict[str, Any]) -> dict[str, Any]:
    """Fork an exchange; answers what it printed."""
    options = {**request["config"], "state": Path(request["config"]["state"])}
    for name, kind in (("at", datetime), ("history_start", date), ("history_end", date)):
        options[name] = kind.fromisoformat(options[name])
    reading, writing = os.pipe()

    def child() -> int:
        os.close(reading)
        os.dup2(writing, 1)
        serve(ExchangeConfig(**options))
        return 0

    pid = fork(child)
    EXCHANGES.add(pid)
    os.close(writing)
    with os.fdopen(reading) as line:
        first = line.readline()
    return {**json.loads(first), "pid": pid} if first else {"error": "the exchange did not start"}


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Fork a mode and wait for it; answers its exit status (negative: the signal that ended it)."""
    _, status = os.waitpid(fork(lambda: _mode(request)), 0)
    return {"status": os.waitstatus_to_exitcode(status)}


def _mode(request: dict[str, Any]) -> int:
    os.dup2(os.open(Path(request["state"]) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    state, url, day = Path(request["state"]), request["url"], date.fromisoformat(request["day"])
    if request["mode"] == "prepare":
        prepare(state, url, day)
        return 0
    at, when, act = request.get("trap", (0, "never", "kill"))
    trace, trap = state / "calls.txt", Trap(at, when, acts(state, url)[act])
    trace.unlink(missing_ok=True)
    with SignalStop() as stop:
        desk = open_desk(
            state,
            url,
            wrap=lambda name, part: Tripwire(name, part, trace, trap),
            read_timeout_s=request.get("read_timeout_s", "15"),
            stop=stop,
        )
        if request["mode"] == "eod":
            report = close_day(desk, day)
            (state / "outcome.txt").write_text(dumps(report))
            return 0
        (state / "outcome.txt").write_text(run_session(desk, day).result)
    return 0


def end(request: dict[str, Any]) -> dict[str, Any]:
    """End an exchange this process has started."""
    EXCHANGES.discard(request["pid"])
    os.kill(request["pid"], signal.SIGTERM)
    _, status = os.waitpid(request["pid"], 0)
    return {"status": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Answer requests until stdin ends."""
    answers = {"exchange": start_exchange, "run": run, "end": end}
    for line in sys.stdin:
        request = cast("dict[str, Any]", json.loads(line))
        sys.stdout.write(json.dumps(answers[request["do"]](request)) + "\n")
        sys.stdout.flush()
    for pid in tuple(EXCHANGES):
        end({"pid": pid})


if __name__ == "__main__":
    main()

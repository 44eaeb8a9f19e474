"""A process that has imported everything and forks what a test asks for, so that a real SIGKILL costs a fork only.

One JSON request a line on stdin, one JSON answer a line on stdout. It starts exchanges and runs modes; something may
happen to a run (a SIGKILL, a halt) right before or right after a ledger write or broker call of its own.
"""

import json
import os
import select
import signal
import sys
import traceback
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import alpaca.data.historical.stock
import alpaca.trading.client
import pandas as pd
import xgboost

import trader.training.train
from tests.support.desk import open_desk, policies, prepare
from trader.adapters.clock import SignalStop
from trader.adapters.state_file import StateFile
from trader.bootstrap.stops import resume
from trader.domain.canonical import dumps
from trader.domain.errors import TraderError
from trader.domain.journal import TradingState
from trader.modes.desk import Desk
from trader.modes.emergency import emergency_stop
from trader.modes.eod import close_day
from trader.modes.monitor import run_monitor
from trader.modes.planning import adopt, plan_day
from trader.modes.preflight import preflight
from trader.modes.reconcile import reconcile_account
from trader.modes.session import run_session
from trader.modes.trading_day import run_day
from trader.modes.update import update_bars
from trader.simulated_exchange.config import ExchangeConfig
from trader.simulated_exchange.server import serve

_IMPORTED = (alpaca.data.historical.stock, alpaca.trading.client, pd, xgboost, trader.training.train, plan_day)
EXCHANGES: set[int] = set()
READS = frozenset({"entries", "latest", "verify", "head", "read"})  # of ledger and plan files: they change nothing


@dataclass(frozen=True)
class Trap:
    """What happens before or after a call: the n-th of all, or, as in `broker.submit 2`, the n-th of one name."""

    at: int | str
    when: str
    act: Callable[[], None]


class Tripwire:
    """Around a part: writes its calls down, and springs the traps at their calls."""

    calls: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: str, part: Any, trace: Path, traps: Sequence[Trap]) -> None:
        self._name, self._part, self._trace, self._traps = name, part, trace, traps

    def __getattr__(self, call: str) -> Any:
        found = getattr(self._part, call)
        if not callable(found) or (self._name in ("ledger", "plans") and call in READS):
            return found
        return lambda *args: self._counted(f"{self._name}.{call}", found, args)

    def _counted(self, name: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        Tripwire.calls[name] += 1
        with self._trace.open("a") as trace:
            trace.write(f"{name}\n")
        places = (Tripwire.calls.total(), f"{name} {Tripwire.calls[name]}")
        here = [trap for trap in self._traps if trap.at in places]
        _spring(here, "before")
        try:
            return function(*args)
        finally:
            _spring(here, "after")


def _spring(traps: Sequence[Trap], when: str) -> None:
    for trap in traps:
        if trap.when == when:
            trap.act()


def acts(request: dict[str, Any]) -> dict[str, Callable[[], None]]:
    """What a trap can do."""

    def call(method: str, path: str, body: dict[str, str] | None = None) -> None:
        headers = {"APCA-API-KEY-ID": "SIMULATED", "APCA-API-SECRET-KEY": "SIMULATED"}
        data = json.dumps(body).encode() if body else None
        asked = urllib.request.Request(request["url"] + path, data, headers, method=method)
        urllib.request.urlopen(asked, timeout=10)

    def go_on() -> None:
        """Let the run that has paused go on, and see it end."""
        ended = os.pidfd_open(request["beside"])
        os.kill(request["beside"], signal.SIGCONT)
        select.select([ended], [], [])

    def reconcile() -> None:
        """What execution-reconcile does beside the run."""
        reconcile_account(open_desk(Path(request["state"]), request["url"]))

    return {
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
        "pause": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "go_on": go_on,
        "halt": lambda: StateFile(Path(request["state"]) / "STATE").write(TradingState.HALT, "test"),
        "cancel": lambda: call("DELETE", "/v2/orders"),
        "wait": lambda: call("POST", "/sim/clock/advance", {"to": request["until"]}),
        "reconcile": reconcile,
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


def start(request: dict[str, Any]) -> dict[str, Any]:
    """Fork a mode and let it run; `finish` waits for its end, `end` asks for it."""
    return {"pid": fork(lambda: _mode(request))}


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Fork a mode and wait until it ends or pauses; see `_seen`."""
    return _seen(fork(lambda: _mode(request)), os.WUNTRACED)


def finish(request: dict[str, Any]) -> dict[str, Any]:
    """Let a run that has paused go on, and wait for its end."""
    os.kill(request["pid"], signal.SIGCONT)
    return _seen(request["pid"], 0)


def _seen(pid: int, options: int) -> dict[str, Any]:
    """The pid and the exit status: negative is the signal that ended it, None means that it has paused."""
    _, status = os.waitpid(pid, options)
    return {"pid": pid, "status": None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)}


def _mode(request: dict[str, Any]) -> int:
    os.dup2(os.open(Path(request["state"]) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    state, url, day = Path(request["state"]), request["url"], date.fromisoformat(request["day"])
    if request["mode"] == "prepare":
        prepare(state, url, day)
        return 0
    name = request.get("name", "")  # of a run beside another: its own trace and outcome
    trace, known = state / f"calls{name}.txt", acts(request)
    traps = [Trap(at, when, known[act]) for at, when, act in request.get("traps", ())]
    trace.unlink(missing_ok=True)

    def wrap(name: str, part: Any) -> Any:
        return Tripwire(name, part, trace, traps)

    with SignalStop() as stop:
        desk = open_desk(
            state,
            url,
            policies(**request.get("policies", {})),
            wrap,
            request.get("read_timeout_s", "15"),
            stop,
            follows=request["mode"] == "monitor",
        )
        desk = replace(desk, **{part: wrap(part, getattr(desk, part)) for part in request.get("watched", ())})
        try:
            outcome = MODES[request["mode"]](desk, day)
        except TraderError as error:
            outcome, status = str(error), error.exit_code
        else:
            status = 0
        (state / f"outcome{name}.txt").write_text(outcome)
    return status


MODES: dict[str, Callable[[Desk, date], str]] = {
    "preflight": lambda desk, day: dumps(preflight(desk, day).checks),
    "session": lambda desk, day: run_session(desk, day).result,
    "monitor": lambda desk, day: run_monitor(desk, day).result,
    "eod": lambda desk, day: dumps(close_day(desk, day)),
    "day": lambda desk, day: dumps(run_day(desk, day, close_day)),
    "stop": lambda desk, _day: dumps(emergency_stop(desk, "a person's reason", "test", flatten=False)),
    "flatten": lambda desk, _day: dumps(emergency_stop(desk, "a person's reason", "test", flatten=True)),
    "resume": lambda desk, _day: resume(desk),
    "adopt": lambda desk, _day: dumps(adopt(desk, "explained")),
    "update": lambda desk, day: dumps(update_bars(desk, day)),
}
"""What a run may be: each answers its outcome, which is left in `outcome.txt`."""


def end(request: dict[str, Any]) -> dict[str, Any]:
    """End an exchange or a run that this process has started."""
    EXCHANGES.discard(request["pid"])
    os.kill(request["pid"], signal.SIGTERM)
    _, status = os.waitpid(request["pid"], 0)
    return {"status": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Answer requests until stdin ends."""
    answers = {"exchange": start_exchange, "start": start, "run": run, "finish": finish, "end": end}
    for line in sys.stdin:
        request = cast("dict[str, Any]", json.loads(line))
        sys.stdout.write(json.dumps(answers[request["do"]](request)) + "\n")
        sys.stdout.flush()
    for pid in tuple(EXCHANGES):
        end({"pid": pid})


if __name__ == "__main__":
    main()

"""What people are told of the units: when, and how the last run ended."""

import signal
import socket
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from trader.adapters.service_manager import UnitState
from trader.adapters.status_socket import ask
from trader.bootstrap.services import ending_of, line_of
from trader.domain.canonical import dumps, loads
from trader.domain.journal import TradingState
from trader.execution.reconciliation import Break
from trader.status.failure import EXIT_CODES, Ending, in_words
from trader.status.present import Status, UnitLine
from trader.status.snapshot import StatusView

AT = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
TIMER = UnitState(
    name="paper-trading-session.timer",
    loaded=True,
    active="active",
    detail="waiting",
    enabled="enabled",
    result="success",
    killed=False,
    status=0,
    started_at=AT,
    next_at=AT,
    invocation="",
)
SERVICE = replace(TIMER, name="paper-trading-session.service", active="inactive", detail="dead", next_at=None)


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({}, "ok"),
        ({"started_at": None}, "never ran"),
        ({"active": "active", "detail": "running"}, "running"),
        ({"active": "failed", "result": "exit-code", "status": 3}, "FAILED, exit code 3: the broker was not reached"),
        (
            {"active": "failed", "result": "watchdog", "killed": True, "status": signal.SIGABRT},
            "FAILED, it gave no sign of life any more; killed by SIGABRT",
        ),
        ({"active": "failed", "result": "resources"}, "FAILED, what it needs to start is not there"),
        (
            {"active": "activating", "detail": "auto-restart", "result": "exit-code", "status": 4},
            "is started again after exit code 4: the outcome of an order is not known",
        ),
    ],
)
def test_how_a_run_ended(service: dict[str, object], told: str) -> None:
    line = line_of(TIMER, replace(SERVICE, **service))
    assert (line.name, line.next_at) == ("session", AT)
    assert line.result.startswith(told)


def test_a_timer_that_waits_for_nothing_is_told() -> None:
    assert line_of(replace(TIMER, active="inactive", next_at=None), SERVICE).result == "ok; not armed"


def test_systemd_itself_says_how_the_unit_ended_that_it_tells_of() -> None:
    told = {"MONITOR_UNIT": "paper-trading-session.service", "MONITOR_SERVICE_RESULT": "exit-code"}
    exited = {**told, "MONITOR_EXIT_CODE": "exited", "MONITOR_EXIT_STATUS": "2"}
    assert ending_of("paper-trading-session", exited) == Ending("exit-code", False, 2)
    killed = {**told, "MONITOR_SERVICE_RESULT": "signal", "MONITOR_EXIT_CODE": "killed", "MONITOR_EXIT_STATUS": "KILL"}
    assert ending_of("paper-trading-session", killed) == Ending("signal", True, signal.SIGKILL)


def test_every_exit_code_has_a_meaning() -> None:
    assert set(EXIT_CODES) == {1, 2, 3, 4, 5}
    assert in_words(Ending("exit-code", False, 217)) == "exit code 217"
    assert in_words(Ending("signal", True, 999)) == "killed by signal 999"
    assert in_words(Ending()) == "the cause is in the journal"


VIEW = StatusView(
    session_date=date(2026, 11, 25),
    state=TradingState.REDUCE,
    reason="a breaker",
    plan_hash="ab" * 32,
    planned_orders=3,
    filled_orders=1,
    partial_orders=1,
    session_ended=False,
    orders=(("filled", 1), ("working", 2)),
    preflight_date=date(2026, 11, 25),
    preflight_at=AT,
    provenance=None,
    closed_date=None,
    closed_at=None,
    equity_usd=Decimal("100000.10"),
    breaks=(Break("cash", "account", "1", "2"),),
    tripped=("max_daily_loss account: reduce",),
    unclosed=(),
)


def test_a_status_that_was_sent_is_the_status(tmp_path: Path) -> None:
    status = Status(VIEW, "0123456789ab", "execution.yaml", "state", units=(UnitLine("session", AT, None, "ok"),))
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            asking, _ = listener.accept()
            with asking:
                asking.sendall(dumps(status).encode())

        answering = threading.Thread(target=answer)
        answering.start()
        assert loads(Status, ask(path) or b"") == status
        answering.join()
    assert ask(path) is None, "nobody listens any more"
    assert ask(tmp_path / "nowhere.sock") is None

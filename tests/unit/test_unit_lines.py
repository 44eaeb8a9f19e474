"""What people are told of the units: when, and how the last run ended."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from trader.adapters.service_manager import UnitState
from trader.adapters.status_socket import ask
from trader.bootstrap.asking import Answer, answer_for
from trader.bootstrap.place import Place
from trader.bootstrap.services import ending_of, line_of
from trader.domain.canonical import dumps, plain
from trader.domain.journal import TradingState
from trader.execution.reconciliation import Break
from trader.status.failure import EXIT_CODES, Ending, in_words
from trader.status.present import Status
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
        ({"started_at": None}, "no run since the last boot or release"),
        ({"active": "active", "detail": "running"}, "running"),
        (
            {"active": "failed", "result": "exit-code", "status": 3},
            "FAILED, exit code 3: the broker was not reached, or refused the keys",
        ),
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


def test_what_never_ran_is_told() -> None:
    never = {"started_at": None}
    assert line_of(replace(TIMER, **never), replace(SERVICE, **never)).result == "never ran"


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
    preflight_failed="",
    provenance=None,
    closed_date=None,
    closed_at=None,
    equity_usd=Decimal("100000.10"),
    breaks=(Break("cash", "account", "1", "2"),),
    tripped=("max_daily_loss account: reduce",),
    unclosed=(),
)


@contextmanager
def answering(path: Path, content: bytes) -> Iterator[None]:
    """Somebody who answers each who asks with the same."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            with suppress(OSError):
                while True:
                    asking, _ = listener.accept()
                    with asking:
                        asking.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_socket_is_asked_where_somebody_answers(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    assert ask(path) is None
    with answering(path, b"well"):
        assert (ask(path), ask(path)) == (b"well", b"well")
    assert ask(path) is None, "nobody listens any more"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a state to somebody else")
def test_the_status_of_anothers_state_is_that_users_answer(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    place, path = Place(tmp_path / "execution.yaml", state, {}), tmp_path / "status.sock"
    status = Status(VIEW, "0123456789ab", "execution.yaml", str(state), (), (), "trouble", 1)
    told = dumps({"text": "Session", "status": status}).encode()
    with answering(path, told):
        assert answer_for(place, path) is None, "one's own state needs no answer"
        os.chown(state, 65534, 65534)
        assert answer_for(place, path) == Answer("Session", plain(status))
        assert Answer("Session", plain(status)).exit_code == 1
        assert answer_for(replace(place, state=tmp_path / "elsewhere"), path) is None
        assert answer_for(replace(place, state=tmp_path), path) is None, "the answer is about another state"
    path.unlink()
    for content in (b"", b"[]", b"{}", told[:50]):
        with answering(path, content):
            assert answer_for(place, path) is None
        path.unlink()

"""Killed and started again, the exchange goes on where it was."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from select import select
from typing import Any

import pytest

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange, command
from trader.simulated_exchange.config import ExchangeConfig, ExchangeStartError
from trader.simulated_exchange.faults import Call
from trader.simulated_exchange.wirelog import WireLog


def everything(exchange: RunningExchange) -> list[object]:
    """All that a client can see."""
    paths = (
        "account",
        "positions",
        "orders?status=all&limit=500",
        "account/activities",
        "clock",
        "account/configurations",
    )
    return [exchange.call("GET", f"/v2/{path}").json() for path in paths]


def morning(exchange: RunningExchange) -> None:
    """Orders filled, partly filled, resting, cancelled and about to be; a holding come and gone."""
    for number, symbol in enumerate(["SYAAA", "SYAAB", "SYAAC", "SYAAD"]):
        exchange.order(f"m-{number}", symbol=symbol, qty=str(10 + number))
    exchange.order("resting", symbol="SYAAE", type="limit", limit_price="1.01")
    for qty in ("5", "-5"):
        exchange.call("POST", "/sim/positions", json={"symbol": "SYAAF", "qty": qty, "price": "10"})
    exchange.call("PATCH", "/v2/account/configurations", json={"trade_confirm_email": "none"})
    exchange.advance("2022-03-16T09:30:01.500-04:00")
    exchange.call("DELETE", f"/v2/orders/{exchange.find('resting')['id']}")


def test_killed_in_mid_day_it_goes_on_as_if_nothing_had_been(start_exchange: Start) -> None:
    killed, undisturbed = (start_exchange(name, partial_fills="0.7") for name in ("killed", "undisturbed"))
    for exchange in (killed, undisturbed):
        morning(exchange)
    before = everything(killed)
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    calls = (killed.state / "wire.jsonl").read_text().splitlines()
    killed.start()
    assert killed.log() == [json.loads(call) for call in calls]
    assert everything(killed) == before
    assert killed.order("m-0").json()["message"] == "client_order_id must be unique"
    for exchange in (killed, undisturbed):
        exchange.advance("2022-03-17T12:00:00-04:00")
    assert everything(killed) == everything(undisturbed)
    assert killed.find("resting")["status"] == "canceled"


def test_the_log_goes_on_after_a_line_cut_short_by_a_kill(tmp_path: Path) -> None:
    call = Call("GET", "/v2/clock", "", None, None)
    for number in (1, 2, 3):
        log = WireLog(tmp_path / "wire.jsonl")
        log.add(call, number, 200, None)
        assert [entry["n"] for entry in log.after(0)] == list(range(1, number + 1))
        log.close()
        with (tmp_path / "wire.jsonl").open("a") as file:
            file.write('{"n": 99, "cut sh')


def test_a_later_at_moves_the_clock_and_an_earlier_one_does_not(start_exchange: Start) -> None:
    exchange = start_exchange()
    exchange.order("overnight")
    for at, wanted in [
        ("2022-03-16T12:00:00-04:00", "2022-03-16T16:00:00.000000000Z"),
        ("2022-03-01T12:00:00-05:00", "2022-03-16T16:00:00.000000000Z"),
    ]:
        assert exchange.stop() == 0
        exchange.options["at"] = at
        exchange.start()
        assert exchange.call("GET", "/sim/clock").json()["now"] == wanted
        assert exchange.find("overnight")["status"] == "filled"


def refusal(state: Path, **options: str) -> tuple[int, str]:
    ended = subprocess.run(command(state, **options), capture_output=True, text=True, timeout=20, check=False)
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_it_refuses_another_market_and_a_second_exchange_on_one_state(start_exchange: Start) -> None:
    exchange = start_exchange()
    status, text = refusal(exchange.state)
    assert (status, "another exchange is running on it" in text) == (2, True)
    exchange.stop()
    status, text = refusal(exchange.state, seed="8")
    assert (status, "belongs to another market (seed was 7, now 8)" in text) == (2, True)
    status, text = refusal(exchange.state / "new", symbols="", history_start="", history_end="", bars="absent.parquet")
    assert (status, "--bars absent.parquet: No such file" in text) == (2, True)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"symbols": 0}, "give either --bars FILE or all of --symbols"),
        ({"at": datetime.fromisoformat("2022-03-16T08:00")}, "--at needs an offset"),
        ({"partial_fills": 2.0}, "--partial-fills is a probability"),
        ({"cash_usd": Decimal("0.001")}, "--cash is in whole cents"),
    ],
)
def test_it_refuses_options_that_make_no_sense(tmp_path: Path, options: dict[str, Any], complaint: str) -> None:
    days = {"history_start": date(2022, 1, 3), "history_end": date(2022, 6, 30)}
    sound: dict[str, Any] = {"state": tmp_path, "at": datetime(2022, 3, 16, tzinfo=UTC), "symbols": 3, **days}
    with pytest.raises(ExchangeStartError, match=complaint):
        ExchangeConfig(**sound | options)


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    parent = subprocess.Popen(
        [sys.executable, "-c", script, *command(tmp_path / "state")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    exchange_pid = json.loads(parent.stdout.readline())["pid"]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    ready, _, _ = select([parent.stdout], [], [], 10)
    if not ready:
        os.kill(exchange_pid, signal.SIGKILL)
    parent.stdout.close()
    assert ready, "the exchange outlived its parent"

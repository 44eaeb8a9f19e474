"""Killed with SIGKILL before or after any ledger write or broker call, a session doubles and forgets nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import AFTER_THE_CLOSE, Sandbox, Zygote, copied, exchange, wire_is_clean
from tests.support.desk import NeverStopped
from trader.adapters.clock import SystemClock
from trader.adapters.ledger import open_ledger
from trader.domain.journal import FillRecorded, OrderIntended, SessionEnded
from trader.execution.order_state import fold

SHARES = 8  # the points are dealt to so many tests, so that test processes share them


def recorded(state: Path) -> tuple[dict[str, tuple[str, str]], set[str]]:
    """Quantity and filled quantity by id as the ledger has them, and the ids of its fills; the chain is verified."""
    ledger = open_ledger(state / "ledger.db", SystemClock(NeverStopped()))
    assert ledger.verify() > 0
    entries = list(ledger.entries())
    assert sum(isinstance(entry.event, SessionEnded) for entry in entries) == 1
    intents = [entry.event.client_order_id for entry in entries if isinstance(entry.event, OrderIntended)]
    assert len(intents) == len(set(intents)), "an order was intended twice"
    fills = [entry.event.fill.fill_id for entry in entries if isinstance(entry.event, FillRecorded)]
    assert len(fills) == len(set(fills))
    views = fold(entries).values()
    return {v.client_order_id: (str(v.quantity), str(v.filled_quantity)) for v in views}, set(fills)


@pytest.fixture(scope="module")
def undisturbed(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The day without a kill: its calls, the exchange's orders and the ledger's."""
    with copied(zygote, morning, tmp_path_factory.mktemp("undisturbed") / "state") as sandbox:
        assert sandbox.session() == "complete"
        calls = sandbox.calls()
        orders, (ledger, _) = sandbox.orders(), recorded(sandbox.state)
    assert len(orders) == 3
    assert all(status == "filled" for _, _, status in orders.values())
    return {"calls": calls, "orders": orders, "ledger": ledger}


def killed_and_resumed(sandbox: Sandbox, at: int, when: str, undisturbed: dict[str, Any]) -> None:
    assert sandbox.run(trap=(at, when, "kill")) == -9
    assert sandbox.session() == "complete"
    assert sandbox.orders() == undisturbed["orders"]
    assert recorded(sandbox.state)[0] == undisturbed["ledger"]
    wire_is_clean(sandbox.control("/sim/log"))


def test_the_day_makes_the_calls_worth_killing(undisturbed: dict[str, Any]) -> None:
    calls = undisturbed["calls"]
    assert calls.count("broker.submit") == 3
    assert {"ledger.append", "plans.write", "broker.orders_of", "broker.fills_of"} <= set(calls)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_kill_at_any_call_changes_nothing(
    share: int, zygote: Zygote, morning: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    points = [(at, when) for at in range(1, len(undisturbed["calls"]) + 1) for when in ("before", "after")]
    for at, when in points[share::SHARES]:
        with copied(zygote, morning, tmp_path / f"{at}-{when}") as sandbox:
            killed_and_resumed(sandbox, at, when, undisturbed)


@pytest.fixture(scope="module")
def evening(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day after its session and its close."""
    state = tmp_path_factory.mktemp("evening") / "state"
    shutil.copytree(morning, state)
    with exchange(zygote, state) as sandbox:
        assert sandbox.session() == "complete"
        sandbox.control("/sim/clock/advance", {"to": AFTER_THE_CLOSE})
    return state


def closed(sandbox: Sandbox) -> str:
    """The report of an end of day that runs through."""
    assert sandbox.run("eod") == 0
    return (sandbox.state / "outcome.txt").read_text()


def test_a_kill_in_the_end_of_day_changes_nothing(zygote: Zygote, evening: Path, tmp_path: Path) -> None:
    with copied(zygote, evening, tmp_path / "undisturbed") as sandbox:
        report = closed(sandbox)
        calls = sandbox.calls()
        assert closed(sandbox) == report, "a second run changes nothing"
        assert sandbox.calls() == []
    assert '"ok":false' not in report
    for at in range(1, len(calls) + 1):
        for when in ("before", "after"):
            with copied(zygote, evening, tmp_path / f"{at}-{when}") as sandbox:
                assert sandbox.run("eod", trap=(at, when, "kill")) == -9
                assert closed(sandbox) == report
                assert recorded(sandbox.state)[0]

"""Who sends: each of the three ways that session and monitor share a day, with one of them killed on the way."""

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, wire_is_clean
from tests.simulation.test_killed_anywhere import recorded
from tests.support.desk import NeverStopped
from trader.adapters.clock import SystemClock
from trader.adapters.ledger import open_ledger
from trader.adapters.locks import Lease
from trader.adapters.state_file import StateFile
from trader.domain.journal import SessionEnded, TradingState
from trader.execution.order_state import fold

Policies = dict[str, dict[str, Any]]
INTEGRATED: Policies = {
    "execution": {"integration": "integrated", "takeover_after_s": 1800},
    "watch": {"interval_s": 600},
}
"""The monitor has nothing to do all day: here it looks seldom."""
MONITORED: Policies = {"execution": {"integration": "monitored"}}
SELDOM: Policies = {"execution": {"integration": "monitored", "takeover_after_s": 600}}
SPLIT: Policies = {"execution": {"integration": "split"}}
SLOW_SPLIT: Policies = {"execution": {"integration": "split", "takeover_after_s": 10}}
"""Nobody but the monitor moves the time while the session decides: by less than two seconds a look."""

SAMPLE = 4
"""So many of the points at which a process may be killed are tried, all of them with TRADER_ALL_KILLS=1."""


@pytest.fixture(scope="module")
def undisturbed(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The exchange's orders after a session that nothing disturbed."""
    with copied(zygote, morning, tmp_path_factory.mktemp("alone") / "state") as sandbox:
        assert sandbox.session(policies=MONITORED) == "complete"
        return sandbox.orders()


def nothing_was_doubled(sandbox: Sandbox, undisturbed: dict[str, Any]) -> None:
    """The same orders and filled quantities as on the undisturbed day, each sent once, and a ledger that verifies."""
    assert sandbox.orders() == undisturbed
    assert recorded(sandbox.state)[0] == {name: order[:2] for name, order in undisturbed.items()}
    assert len(list((sandbox.state / "plans").iterdir())) == 1, "the plan is in its file as well"
    wire_is_clean(sandbox.control("/sim/log"))


def monitor(sandbox: Sandbox, policies: Policies) -> str:
    """The result of a monitor that runs to its end."""
    assert sandbox.run("monitor", name="-monitor", policies=policies) == 0
    return sandbox.outcome("-monitor")


def wait_until(seen: Callable[[], bool]) -> None:
    """Return when it is so; fails after a while."""
    for _ in range(3000):
        if seen():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def wait_for_the_holder(sandbox: Sandbox) -> None:
    """Return when somebody has the orders lease: a monitor that is alone would lead the time."""
    lease = Lease(sandbox.state, "main", SystemClock(NeverStopped()))
    wait_until(lambda: lease.seen()[0])


def now(sandbox: Sandbox) -> datetime:
    """The exchange's time."""
    return datetime.fromisoformat(sandbox.control("/sim/clock")["now"])


def closing_time() -> datetime:
    """When orders end before the close."""
    return datetime.fromisoformat("2026-03-16T15:50:00-04:00")


def crash(sandbox: Sandbox) -> None:
    """Every price falls by a fifth within a second, and some seconds pass."""
    begins = now(sandbox) + timedelta(seconds=1)
    sandbox.control("/sim/market/shock", {"symbol": None, "at": begins.isoformat(), "pct": "-20", "over_s": 1})
    sandbox.advance((begins + timedelta(seconds=5)).isoformat())


def posted_at(sandbox: Sandbox) -> list[datetime]:
    """When each order was posted."""
    calls = sandbox.control("/sim/log")
    posts = [call for call in calls if (call["method"], call["path"]) == ("POST", "/v2/orders")]
    return [datetime.fromisoformat(call["at"]) for call in posts]


def test_split_the_session_records_and_the_monitor_sends(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(policies=SPLIT) == "recorded"
        assert sandbox.orders() == {}
        assert monitor(sandbox, SPLIT) == "complete"
        nothing_was_doubled(sandbox, undisturbed)
        assert sandbox.session(policies=SPLIT) == "complete"


def points(sandbox: Sandbox) -> list[tuple[int, str]]:
    """Before and after every call of the last run, where a process may be killed."""
    found = [(at, when) for at in range(1, len(sandbox.calls()) + 1) for when in ("before", "after")]
    return found if os.environ.get("TRADER_ALL_KILLS") else found[:: len(found) // SAMPLE | 1]


def test_split_a_monitor_that_is_killed_and_started_again_finishes(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "whole") as sandbox:
        assert sandbox.session(policies=SPLIT) == "recorded"
        assert sandbox.run("monitor", policies=SPLIT) == 0
        killed_at = points(sandbox)
    for point in killed_at:
        with copied(zygote, morning, tmp_path / "state") as sandbox:
            assert sandbox.session(policies=SPLIT) == "recorded"
            assert sandbox.run("monitor", trap=(*point, "kill"), policies=SPLIT) == -9
            assert monitor(sandbox, SPLIT) == "complete"
            nothing_was_doubled(sandbox, undisturbed)


def test_monitored_the_monitor_finishes_what_a_killed_session_left(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "whole") as sandbox:
        assert sandbox.session(policies=MONITORED) == "complete"
        calls, killed_at = sandbox.calls(), points(sandbox)
    decided = calls.index("plans.write")  # killed before that, the day is not decided, and the monitor never decides
    for point in [(at, when) for at, when in killed_at if at > decided]:
        with copied(zygote, morning, tmp_path / "state") as sandbox:
            assert sandbox.run(trap=(*point, "kill"), policies=MONITORED) == -9
            assert monitor(sandbox, MONITORED) == "complete"
            nothing_was_doubled(sandbox, undisturbed)


def test_monitored_a_session_that_finds_the_monitor_at_work_observes(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 1", "after", "kill"), policies=MONITORED) == -9
        died = posted_at(sandbox)[-1]
        working = sandbox.paused(
            "monitor", name="-monitor", policies=MONITORED, trap=("broker.submit 1", "after", "pause")
        )
        assert sandbox.session(policies=MONITORED) == "observed"
        assert sandbox.finish(working) == 0
        waited_s = (posted_at(sandbox)[1] - died).total_seconds()
        assert 90 <= waited_s <= 120, "the lease has to be free for takeover_after_s first"
        nothing_was_doubled(sandbox, undisturbed)


@pytest.mark.parametrize(
    "policies", [INTEGRATED, MONITORED, SLOW_SPLIT], ids=lambda p: str(p["execution"]["integration"])
)
def test_session_and_monitor_live_through_one_day_side_by_side(
    policies: Policies, undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        first, second = ("monitor", "session") if policies is SLOW_SPLIT else ("session", "monitor")
        running = {first: sandbox.start(first, name=f"-{first}", policies=policies)}
        wait_for_the_holder(sandbox)
        running[second] = sandbox.start(second, name=f"-{second}", policies=policies)
        assert sandbox.finish(running["session"]) == 0
        assert sandbox.finish(running["monitor"]) == 0
        assert sandbox.outcome("-session") == ("recorded" if policies is SLOW_SPLIT else "complete")
        nothing_was_doubled(sandbox, undisturbed)


def test_integrated_the_monitor_never_sends(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 1", "after", "kill"), policies=INTEGRATED) == -9
        assert monitor(sandbox, INTEGRATED) == "observed"
        assert len(posted_at(sandbox)) == 1
        assert "its plan is unfinished" in (sandbox.state / "log.txt").read_text()


def test_a_monitor_cancels_in_a_halt_what_a_killed_session_left(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 2", "after", "kill"), policies=SELDOM) == -9
        StateFile(sandbox.state / "STATE").write(TradingState.HALT, "test")
        assert monitor(sandbox, SELDOM) == "observed"
        assert len(posted_at(sandbox)) == 2
        assert {status for _, _, status in sandbox.orders().values()} <= {"canceled", "filled"}
        ledger = open_ledger(sandbox.state / "ledger.db", SystemClock(NeverStopped()))
        assert all(view.status.terminal for view in fold(ledger.entries()).values()), "the ledger knows their ends"


def test_a_monitor_outlives_an_outage_of_the_broker(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(policies=SPLIT) == "recorded"
        outage = {"action": "504_before", "method": "GET", "path": "/v2/orders", "times": 150}
        sandbox.control("/sim/faults", outage)
        assert monitor(sandbox, SPLIT) == "complete"
        nothing_was_doubled(sandbox, undisturbed)
        assert "MONITOR cannot do its work" in (sandbox.state / "log.txt").read_text()


def test_a_monitor_that_is_asked_to_stop_ends_within_a_pass(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(policies=SPLIT) == "recorded"
        assert sandbox.run("monitor", trap=("broker.submit 2", "after", "terminate"), policies=SPLIT) == 0
        assert sandbox.outcome() == "stopped"
        assert len(posted_at(sandbox)) == 2
        assert monitor(sandbox, SPLIT) == "complete"
        nothing_was_doubled(sandbox, undisturbed)


def test_a_monitor_ends_at_once_on_a_day_without_a_session(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run("monitor", day="2026-03-15") == 0
        assert sandbox.outcome() == "closed"


def test_integrated_the_session_watches_to_the_close_and_a_killed_one_watches_on(
    undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 2", "after", "kill"), policies=INTEGRATED) == -9
        assert sandbox.run(trap=("broker.account 6", "after", "kill"), policies=INTEGRATED) == -9
        assert sandbox.events(SessionEnded), "killed while it watched"
        assert sandbox.session(policies=INTEGRATED) == "complete"
        assert now(sandbox) == closing_time()
        nothing_was_doubled(sandbox, undisturbed)
        assert sandbox.session(policies=INTEGRATED) == "complete"
        assert sandbox.calls() == [], "after that, nothing is looked at and nothing written"


def test_a_monitor_beside_a_session_that_hangs_halts_trading(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        hanging = sandbox.paused(trap=("broker.account 6", "before", "pause"), policies=INTEGRATED)
        crash(sandbox)
        observing = sandbox.start("monitor", name="-monitor", policies=INTEGRATED)
        state = StateFile(sandbox.state / "STATE")
        wait_until(lambda: state.read()[0] is TradingState.HALT)
        assert "max_daily_loss" in state.read()[1]
        assert sandbox.finish(hanging) == 0
        assert sandbox.outcome() == "halted"
        os.kill(observing, signal.SIGTERM)
        assert sandbox.finish(observing) == 0
        assert len(posted_at(sandbox)) == len(sandbox.orders()), "one order an id"


def test_a_monitor_goes_on_with_the_flattening_that_was_killed(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    policies = {**SELDOM, "watch": {"on_max_daily_loss": "flatten"}}
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(policies=policies) == "complete"
        crash(sandbox)
        trap = ("state.write 1", "after", "kill")
        assert sandbox.run("monitor", watched=["state"], trap=trap, policies=policies) == -9
        assert sandbox.control("/v2/positions"), "killed before anything was closed"
        assert monitor(sandbox, policies) == "observed"
        assert sandbox.control("/v2/positions") == []


def test_integrated_the_monitor_says_that_a_flattening_waits_for_a_session(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    policies = {**INTEGRATED, "watch": {"interval_s": 600, "on_max_daily_loss": "flatten"}}
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.account 6", "after", "kill"), policies=policies) == -9
        crash(sandbox)
        assert sandbox.run(watched=["state"], trap=("state.write 1", "after", "kill"), policies=policies) == -9
        (sandbox.state / "log.txt").unlink()
        assert monitor(sandbox, policies) == "observed"
        told = (sandbox.state / "log.txt").read_text().count("RISK NOT CLOSED")
        assert 30 <= told <= 40, "every ten minutes to the close"
        assert sandbox.control("/v2/positions") != []


@pytest.mark.parametrize("policies", [MONITORED, SPLIT], ids=lambda p: str(p["execution"]["integration"]))
def test_a_whole_day_in_one_process_has_session_and_monitor(
    policies: Policies, undisturbed: dict[str, Any], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run("day", policies=policies) == 0
        assert '"result":"complete"' in sandbox.outcome()
        nothing_was_doubled(sandbox, undisturbed)

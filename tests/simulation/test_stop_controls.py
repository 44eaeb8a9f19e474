"""Halt, emergency stop and resume: everything stops whatever fails meanwhile, and afterwards nothing was forgotten."""

import json
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import AFTER_THE_CLOSE, Sandbox, Zygote, copied, wire_is_clean
from trader.adapters.state_file import StateFile
from trader.domain.errors import BrokerUnavailable
from trader.domain.journal import DayClosed, OrderIntended, SessionEnded, TradingState

HALF_FILLED = "2026-03-16T09:30:45-04:00"
NOON = "2026-03-16T12:00:00-04:00"
AFTERNOON = "2026-03-16T15:00:00-04:00"
LAST_MOMENT = "2026-03-16T15:49:59-04:00"
LOST_POST = {"method": "POST", "path": "/v2/orders", "action": "504_before"}
LOST_CANCEL = {"method": "DELETE", "path": "/v2/orders/*", "action": "504_before"}
LOST_LOOK = {"method": "GET", "path": "/v2/orders", "action": "504_before", "times": 99}
BY_A_PERSON = (TradingState.HALT, "a person's reason")


def state(sandbox: Sandbox) -> tuple[TradingState, str]:
    """The trading state and its reason."""
    return StateFile(sandbox.state / "STATE").read()


def suspended(sandbox: Sandbox) -> bool:
    """Whether the broker refuses new orders."""
    return bool(sandbox.control("/v2/account/configurations")["suspend_trade"])


def closing_orders(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The orders of the flattening, oldest first; of one symbol each has begun when the one before had ended."""
    found = sandbox.control("/v2/orders?status=all&limit=500&direction=asc")
    orders = [order for order in found if ".f" in order["client_order_id"]]
    for symbol in {order["symbol"] for order in orders}:
        for before, after in pairwise(order for order in orders if order["symbol"] == symbol):
            assert (before["filled_at"] or before["canceled_at"]) <= after["submitted_at"]
    return orders


def test_a_live_session_lets_go_and_everything_is_closed(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        traps = [("broker.submit 3", "after", act) for act in ("wait", "pause")]
        session = sandbox.paused(traps=traps, until=HALF_FILLED)
        trap = ("lease.hold 3", "before", "go_on")
        status = sandbox.run("flatten", watched=["lease"], trap=trap, beside=session)
        assert (sandbox.finish(session), status) == (0, 0)
        report = json.loads(sandbox.outcome())
        assert (report["open_orders"], report["open_positions"], report["suspended"]) == ([], [], True)
        sys.stdout.write(f"drill: {report['took_s']} s beside a live session\n")
        assert float(report["took_s"]) <= 90
        intended = {event.client_order_id for event in sandbox.events(OrderIntended)}
        assert intended >= {order["client_order_id"] for order in closing_orders(sandbox)} > set()
        assert sandbox.control("/v2/positions") == []
        assert (suspended(sandbox), state(sandbox)) == (True, BY_A_PERSON)
        wire_is_clean(sandbox.control("/sim/log"))
        sandbox.advance(AFTER_THE_CLOSE)
        assert sandbox.run("eod") == 0
        assert [closed.breaks for closed in sandbox.events(DayClosed)] == [0], "closing orders are in the books as well"


def test_a_closing_order_that_rests_is_cancelled_before_the_next(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        sandbox.control("/sim/faults", {**LOST_CANCEL, "times": 2})
        sandbox.control("/sim/market/shock", {"symbol": None, "at": NOON, "pct": -20, "over_s": 60})
        trap = ("broker.submit 1", "before", "wait")  # the market falls below the limits meanwhile
        assert sandbox.run("flatten", trap=trap, until=AFTERNOON) == 0
        orders = closing_orders(sandbox)
        assert sandbox.control("/v2/positions") == []
        posts = [line["status"] for line in sandbox.control("/sim/log") if line["method"] == "POST"]
    assert "canceled" in {order["status"] for order in orders}
    assert sorted(order["client_order_id"].split(".")[6] for order in orders) == ["f0", "f0", "f1"]
    assert set(posts) == {200}


def test_while_the_market_is_closed_positions_remain_and_the_stop_says_so(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        wish = {"symbol": min(sandbox.control("/sim/sectors")), "qty": "1", "side": "buy", "type": "market"}
        sandbox.control("/v2/orders", {**wish, "time_in_force": "day"})
        assert sandbox.run("flatten") == 0
        (trouble,) = json.loads(sandbox.outcome())["troubles"]
        assert "market is closed" in trouble
        assert "after 2026-03-16 13:30 UTC" in trouble
        assert [status for _, _, status in sandbox.orders().values()] == ["canceled"]
        assert sandbox.control("/v2/positions") != []
        assert (suspended(sandbox), state(sandbox)) == (True, BY_A_PERSON)
        sandbox.advance(AFTERNOON)
        assert sandbox.run("flatten") == 0
        assert sandbox.control("/v2/positions") == []
        assert suspended(sandbox)


@pytest.mark.parametrize(
    ("fault", "status"), [({**LOST_CANCEL, "times": 99}, 0), (LOST_LOOK, BrokerUnavailable.exit_code)]
)
def test_the_broker_is_barred_though_it_failed_before(
    fault: dict[str, Any], status: int, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 3", "after", "kill")) == -9
        sandbox.control("/sim/faults", fault)
        assert sandbox.run("stop") == status
        assert (suspended(sandbox), state(sandbox)) == (True, BY_A_PERSON)


def test_the_broker_is_barred_though_the_state_cannot_be_written(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        (sandbox.state / "STATE").mkdir()
        sandbox.advance(AFTERNOON)
        assert sandbox.run("flatten") == 0
        (trouble,) = json.loads(sandbox.outcome())["troubles"]
        assert "HALT could not be written" in trouble
        assert sandbox.control("/v2/positions") == []
        assert suspended(sandbox)


def test_a_cancel_without_an_answer_is_asked_for_again(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 3", "after", "kill")) == -9
        sandbox.control("/sim/faults", {**LOST_CANCEL, "times": 2})
        assert sandbox.run("stop") == 0
        assert {status for _, _, status in sandbox.orders().values()} == {"canceled", "filled"}


def test_the_broker_is_barred_though_it_did_not_answer_at_first(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.control("/sim/faults", {**LOST_POST, "method": "PATCH", "path": "/v2/account/configurations"})
        assert sandbox.run("stop") == 0
        assert suspended(sandbox)


def test_an_order_for_the_next_open_is_cancelled_too(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.advance("2026-03-16T17:00:00-04:00")
        wish = {"symbol": min(sandbox.control("/sim/sectors")), "qty": "1", "side": "buy", "type": "market"}
        sandbox.control("/v2/orders", {**wish, "time_in_force": "day"})
        assert sandbox.run("stop") == 0
        assert [status for _, _, status in sandbox.orders().values()] == ["canceled"]


def test_sigterm_ends_the_loops_of_a_stop(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        assert sandbox.run("flatten", trap=("broker.submit 1", "after", "terminate")) == 0
        calls = sandbox.calls()
        assert suspended(sandbox)
        assert json.loads(sandbox.outcome())["open_positions"], "it says what it left"
    assert calls.count("broker.positions") == 2, "in its round, and for the report"
    assert calls.count("broker.orders_of") == 3, "no waiting for cancels any more"


@pytest.mark.parametrize(
    ("way", "ends", "said"),
    [
        (
            "stop",
            "complete",
            "2 orders of today's plan are unsent: `trader session`, or execution-monitor, sends them.",
        ),
        ("flatten", "held_back", "2 openers of today's plan are held back: everything was closed today"),
    ],
)
def test_after_a_resume_the_day_goes_on_but_what_was_flattened_is_not_opened_again(
    way: str, ends: str, said: str, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 2", "after", "kill")) == -9
        assert sandbox.run(way) == 0
        assert sandbox.session() == "halted"
        assert sandbox.run("resume") == 0
        assert said in sandbox.outcome()
        assert not suspended(sandbox)
        assert sandbox.session() == ends
        assert (sandbox.control("/v2/positions") == []) is (way == "flatten")
        sandbox.advance(AFTER_THE_CLOSE)
        assert sandbox.run("eod") == 0
        assert [closed.breaks for closed in sandbox.events(DayClosed)] == [0]
        wire_is_clean(sandbox.control("/sim/log"))


def test_nothing_is_sent_while_the_broker_is_barred_from_elsewhere(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run("stop") == 0
        (sandbox.state / "STATE").unlink()  # as on a host that the stop did not reach
        assert sandbox.session() == "halted"
        assert sandbox.orders() == {}
        assert sandbox.run("resume") == 0
        assert sandbox.outcome().startswith("3 orders of today's plan are unsent")
        assert sandbox.session() == "complete"


def test_the_reason_that_a_person_gave_stands(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        traps = [("broker.submit 3", "after", act) for act in ("halt", "cancel")]
        assert sandbox.session(traps=traps) == "halted"
        assert state(sandbox) == (TradingState.HALT, "test"), "though others have cancelled an order"


def bought_and_sold(sandbox: Sandbox) -> Counter[str]:
    """Shares filled, by line of the plan."""
    filled: Counter[str] = Counter()
    for name, (_, quantity, _) in sandbox.orders().items():
        filled[name.rpartition(".")[0]] += int(quantity)
    return filled


@pytest.mark.parametrize("post", [1, 3])
def test_a_lost_post_survives_a_halt(post: int, zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "undisturbed") as sandbox:
        assert sandbox.session() == "complete"
        wanted, name = bought_and_sold(sandbox), list(sandbox.orders())[-post]
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.control("/sim/faults", {**LOST_POST, "client_order_id": name})
        assert sandbox.session(trap=(f"broker.submit {post}", "after", "halt")) == "halted"
        assert name not in sandbox.orders()
        assert sandbox.run("resume") == 0
        assert sandbox.session() == "complete"
        assert name in sandbox.orders()
        assert bought_and_sold(sandbox) == wanted
        wire_is_clean(sandbox.control("/sim/log"))


def test_the_proof_of_absence_begins_anew_with_every_post(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.control("/sim/faults", {**LOST_POST, "times": 2})
        assert sandbox.run(trap=("broker.submit 2", "after", "kill")) == -9
        assert sandbox.session() == "complete"
        wire_is_clean(log := sandbox.control("/sim/log"))
    posts = [line for line in log if line["method"] == "POST"]
    first, second, third = (datetime.fromisoformat(line["at"]) for line in posts[:3])
    assert len({line["client_order_id"] for line in posts[:3]}) == 1
    assert min(second - first, third - second) >= timedelta(seconds=10)


def test_sigterm_while_the_close_winds_down_is_no_end_of_the_session(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        traps = [("broker.submit 3", "before", "wait"), ("broker.cancel 1", "after", "terminate")]
        assert sandbox.session(traps=traps, until=LAST_MOMENT) == "stopped"
        assert sandbox.events(SessionEnded) == []
        assert sandbox.session() == "complete"
        assert len(sandbox.events(SessionEnded)) == 1
        assert "canceled" in {status for _, _, status in sandbox.orders().values()}

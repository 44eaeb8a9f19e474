"""Parts, new prices, order types and refusals that pass: through the real exchange, and through SIGKILL."""

import os
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, wire_is_clean
from tests.simulation.test_killed_anywhere import recorded
from trader.domain.journal import BreakerTripped, CancelRequested, OrderDenied, OrderIntended

SYMBOL = "SYAAW"  # one of the two that the morning's plan buys
STUCK = {"method": "DELETE", "path": "/v2/orders/*", "action": "stuck_cancel", "times": 99}
PARTS = {"slices": 2, "slice_interval_s": 60, "reprice_after_s": 30}
EVERY = "TRADER_KILL_EVERY"  # set to n, the session is killed before and after every n-th of its 150 calls


def halted(sandbox: Sandbox, start: str, end: str, symbol: str = SYMBOL) -> None:
    """Nothing is met in the symbol, and its quote stands still, between these times in New York."""
    times = {"from": f"2026-03-16T{start}-04:00", "to": f"2026-03-16T{end}-04:00"}
    sandbox.control("/sim/market/halt", {"symbol": symbol, **times})


def session(sandbox: Sandbox, **execution: Any) -> str:
    """A session with other values in its execution policy."""
    return sandbox.session(policies={"execution": execution})


def found(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The exchange's orders, oldest first."""
    orders: list[dict[str, Any]] = sandbox.control("/v2/orders?status=all&limit=500&direction=asc")
    return orders


def of_symbol(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [order for order in found(sandbox) if order["symbol"] == SYMBOL]


def lines(sandbox: Sandbox) -> dict[str, Decimal]:
    """Filled shares by line of the plan, over parts and generations."""
    total: dict[str, Decimal] = {}
    for order in found(sandbox):
        line = order["client_order_id"].rsplit(".", 2)[0]
        total[line] = total.get(line, Decimal(0)) + Decimal(order["filled_qty"])
    return total


def test_parts_and_new_prices_fill_the_line_in_time(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:30:40", "09:31:45")
        assert session(sandbox, **PARTS) == "complete"
        orders = {order["client_order_id"].split(".", 5)[5]: order for order in of_symbol(sandbox)}
        cancelled = {event.client_order_id: event.reason for event in sandbox.events(CancelRequested)}
        wire_is_clean(sandbox.control("/sim/log"))
    assert sorted(orders) == ["b.p1.0.0", "b.p1.0.1", "b.p1.0.2", "b.p1.1.0", "b.p1.1.1"]
    assert [orders[name]["status"] for name in sorted(orders)] == [
        "canceled",
        "canceled",
        "filled",
        "canceled",
        "filled",
    ]
    assert set(cancelled.values()) == {"reprice"}
    assert orders["b.p1.1.0"]["submitted_at"][11:19] == "13:31:30", "the second part is due a minute after the first"
    for part, quantity in (("b.p1.0", 1105), ("b.p1.1", 1104)):
        chain = [order for name, order in sorted(orders.items()) if name.startswith(part)]
        assert sum(int(order["filled_qty"]) for order in chain) == quantity
        for before, after in pairwise(chain):
            assert int(after["qty"]) == int(before["qty"]) - int(before["filled_qty"])
            assert before["canceled_at"] < after["submitted_at"], "the next price waits for the end of the last"


@pytest.fixture(scope="module")
def undisturbed(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The calls of that day without a kill, and what it fills."""
    with copied(zygote, morning, tmp_path_factory.mktemp("parts") / "state") as sandbox:
        halted(sandbox, "09:30:40", "09:31:45")
        assert session(sandbox, **PARTS) == "complete"
        return {"calls": sandbox.calls(), "lines": lines(sandbox)}


def kill_points(calls: list[str]) -> list[tuple[int, str]]:
    """Before and after each step to a new price: the reason of the cancel, the cancel, the intent, the POST."""
    if EVERY in os.environ:
        return [(at, when) for at in range(1, len(calls) + 1, int(os.environ[EVERY])) for when in ("before", "after")]
    cancel = calls.index("broker.cancel") + 1
    post = calls.index("broker.submit", cancel) + 1
    return [(cancel - 1, "before"), (cancel, "before"), (cancel, "after"), (post, "before"), (post, "after")]


def test_a_kill_on_the_way_to_a_new_price_trades_the_same_shares_once(
    zygote: Zygote, morning: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    for at, when in kill_points(undisturbed["calls"]):
        with copied(zygote, morning, tmp_path / f"{at}-{when}") as sandbox:
            halted(sandbox, "09:30:40", "09:31:45")
            assert sandbox.run(policies={"execution": PARTS}, trap=(at, when, "kill")) == -9
            assert session(sandbox, **PARTS) == "complete"
            assert lines(sandbox) == undisturbed["lines"]
            ledger, _ = recorded(sandbox.state)
            assert ledger == {order["client_order_id"]: (order["qty"], order["filled_qty"]) for order in found(sandbox)}
            wire_is_clean(sandbox.control("/sim/log"))


def test_a_cancel_that_hangs_gets_no_successor_and_is_told_once(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:30:40", "15:59:00")
        sandbox.control("/sim/faults", STUCK)
        options = {"policies": {"execution": {"reprice_after_s": 30}}}
        assert sandbox.session(trap=("broker.orders_of 80", "after", "terminate"), **options) == "stopped"
        assert sandbox.session(trap=("broker.orders_of 5", "after", "terminate"), **options) == "stopped"
        assert [order["status"] for order in of_symbol(sandbox)] == ["pending_cancel"]
        tripped = sandbox.events(BreakerTripped)
    assert [(event.code, event.subject, event.action) for event in tripped] == [("cancel_hangs", SYMBOL, "alert")]


def test_a_halt_does_not_wait_for_cancels_that_hang(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:30:40", "15:59:00")
        sandbox.control("/sim/faults", STUCK)
        options = {"policies": {"execution": {"reprice_after_s": 0}}}
        assert sandbox.session(trap=("broker.orders_of 20", "after", "halt"), **options) == "halted"
        ended = datetime.fromisoformat(sandbox.control("/sim/clock")["now"])
        assert [order["status"] for order in of_symbol(sandbox)] == ["pending_cancel"]
    assert ended < datetime.fromisoformat("2026-03-16T09:40-04:00"), "the lease is let go of soon"


@pytest.mark.parametrize(("until", "filled"), [("09:33:00", True), ("15:59:00", False)])
def test_a_refusal_that_passes_denies_nothing_before_the_latest_start(
    until: str, filled: bool, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:00:00", until)
        assert session(sandbox, latest_start_s=300) == "complete"
        denials = [(event.denial.code, event.passing) for event in sandbox.events(OrderDenied)]
        statuses = [order["status"] for order in of_symbol(sandbox)]
        now = sandbox.control("/sim/clock")["now"]
    assert statuses == (["filled"] if filled else [])
    assert denials == [("quote_age", True)] + ([] if filled else [("quote_age", False)])
    assert now < "2026-03-16T13:36", "nothing is left to do after the latest start: the session has ended"


def test_an_opener_without_money_waits_for_what_reduces(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sold = min(sandbox.control("/sim/sectors"))
        halted(sandbox, "09:30:31", "09:32:00", sold)
        assert sandbox.run(trap=("broker.submit 1", "before", "kill")) == -9
        sandbox.control("/sim/account/cash", {"amount_usd": "-42000"})  # only the sale makes up for it
        calm = {"max_daily_loss": 1, "max_drawdown": 1, "session_drawdown": 1}
        assert sandbox.session(policies={"execution": {"reducers_wait_s": 0}, "watch": calm}) == "complete"
        denials = [(event.denial.code, event.passing) for event in sandbox.events(OrderDenied)]
        orders = found(sandbox)
    assert denials == [("buying_power", True)]
    assert [order["status"] for order in orders] == ["filled"] * 3
    assert orders[2]["submitted_at"] >= "2026-03-16T13:32:00" > orders[1]["submitted_at"]


@pytest.mark.parametrize("kind", ["market", "stop_limit"])
def test_openers_of_each_type_are_sent_and_followed_to_their_end(
    kind: str, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert (
            session(sandbox, order_type=kind, stop_offset_bps=2, reprice_after_s=60, poll_interval_s=60) == "complete"
        )
        orders = found(sandbox)
        intended = {event.client_order_id: event for event in sandbox.events(OrderIntended)}
    reducer, *openers = orders
    assert reducer["type"] == ("market" if kind == "market" else "limit")
    assert [order["type"] for order in openers] == [kind, kind], "what sleeps behind a stop is not sent again"
    assert {order["status"] for order in orders} == {"filled"}
    for order in openers:
        sent = intended[order["client_order_id"]]
        assert (sent.order_type.value, sent.stop_price) == (kind, order["stop_price"] and Decimal(order["stop_price"]))
        assert order["limit_price"] == (f"{sent.limit_price.normalize():f}" if kind == "stop_limit" else None)
        if sent.stop_price is not None:
            assert Decimal(order["filled_avg_price"]) > sent.stop_price > sent.ask

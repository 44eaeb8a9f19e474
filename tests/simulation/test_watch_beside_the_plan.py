"""A breaker in the middle of the plan: what is closed is not traded on, what is barred is not opened, the rest is."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, exchange, wire_is_clean
from tests.simulation.test_watch import closings, shock, state, trips, watching
from tests.support.desk import NeverStopped
from trader.adapters.clock import SystemClock
from trader.adapters.ledger import open_ledger
from trader.domain.journal import CancelRequested, DayClosed, OrderDenied, PlanCommitted, TradingState

JUMPS, KEEPS = "SYAAW", "SYAAE"  # the two that the morning's plan buys


def may_short(directory: Path) -> None:
    """The account of this stopped exchange was opened with leave to sell short."""
    (file,) = (directory / "exchange").glob("*.db")
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE facts SET value = ? WHERE name = 'terms'", (json.dumps({"shorting": True}),))
        flags = json.loads(connection.execute("SELECT value FROM facts WHERE name = 'configurations'").fetchone()[0])
        flags = json.dumps({**flags, "no_shorting": False})
        connection.execute("UPDATE facts SET value = ? WHERE name = 'configurations'", (flags,))
    connection.close()


@pytest.fixture
def falling(zygote: Zygote, morning: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The holding that the plan sells fills in its first part and then falls below its limit; it may be sold short."""
    shutil.copytree(morning, tmp_path / "state")
    may_short(tmp_path / "state")
    with exchange(zygote, tmp_path / "state") as sandbox:
        shock(sandbox, -3, sold(sandbox), "2026-03-16T09:30:32-04:00", over_s=1)
        shock(sandbox, -40, sold(sandbox), "2026-03-16T09:31:01-04:00", over_s=1)
        yield sandbox


def sold(sandbox: Sandbox) -> str:
    """The symbol that is held in the morning, 300 shares of it, and sold by the plan."""
    return str(min(sandbox.control("/sim/sectors")))


def stopping(interval_s: int, **execution: Any) -> dict[str, Any]:
    """A session that stays, and closes what has lost a fifth."""
    limits = watching(interval_s=interval_s, stop_loss="0.2")
    limits["policies"]["execution"] |= execution
    limits["policies"]["risk"] |= {"allow_shorts": True}
    return limits


def the_stop_has_sold_the_rest(sandbox: Sandbox) -> None:
    """300 shares by the plan's one order and the stop's, none of them twice, and no short position."""
    plan, *others = (order for order in closings(sandbox, "p") if order["symbol"] == sold(sandbox))
    assert (plan["status"], others) == ("canceled", []), "the remainder is the stop's"
    assert 0 < int(plan["filled_qty"]) < 300
    stops = closings(sandbox, "s")
    assert {order["symbol"] for order in stops} == {sold(sandbox)}
    assert int(plan["filled_qty"]) + sum(int(order["filled_qty"]) for order in stops) == 300
    assert sold(sandbox) not in {position["symbol"] for position in sandbox.control("/v2/positions")}
    wire_is_clean(sandbox.control("/sim/log"))


def test_a_reducer_partly_filled_gives_way_to_the_stop_loss(falling: Sandbox) -> None:
    assert falling.session(**stopping(interval_s=60)) == "complete"
    the_stop_has_sold_the_rest(falling)
    assert falling.events(CancelRequested)[0].reason == "stop"


def test_a_new_price_under_way_gives_way_to_the_stop_loss_also_over_a_restart(falling: Sandbox) -> None:
    lost = {"method": "DELETE", "path": "/v2/orders/*", "action": "504_before", "times": 4}
    falling.control("/sim/faults", lost)
    trap = ("broker.submit 2", "after", "terminate")
    assert falling.session(trap=trap, **stopping(interval_s=5, reprice_after_s=30)) == "stopped"
    assert [event.reason for event in falling.events(CancelRequested)][:2] == ["reprice", "stop"]
    assert falling.session(**stopping(interval_s=1800)) == "complete"
    the_stop_has_sold_the_rest(falling)


def in_two_parts(**watch: Any) -> dict[str, Any]:
    """Openers in two parts, the second six minutes after the first; quotes of any age and any move pass the gate."""
    limits = watching(interval_s=30, **watch)
    limits["policies"]["execution"] |= {"slices": 2, "slice_interval_s": 360, "max_quote_age_s": 3600}
    limits["policies"]["risk"] |= {"max_adverse_open": 1}
    return limits


def second_parts(sandbox: Sandbox) -> dict[str, str]:
    """When the openers' second parts were sent, by symbol and the exchange's clock (UTC)."""
    parts = [order for order in closings(sandbox, "p") if ".1.0" in order["client_order_id"]]
    return {order["symbol"]: order["submitted_at"][11:19] for order in parts}


DUE = "13:36:30"


def test_a_symbol_that_jumps_is_opened_no_further(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, 12, JUMPS, "2026-03-16T09:34:00-04:00", over_s=1)
        trap = ("broker.submit 4", "after", "terminate")
        assert sandbox.session(trap=trap, **in_two_parts(max_symbol_move="0.1")) == "stopped"
        denied = [(event.denial.symbol, event.denial.code, event.passing) for event in sandbox.events(OrderDenied)]
        assert denied == [(JUMPS, "symbol_barred", False)]
        assert second_parts(sandbox) == {KEEPS: DUE}, "the other one goes on"


def test_old_quotes_hold_openers_back_while_they_last(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        for symbol in sandbox.control("/sim/sectors"):
            window = {"from": "2026-03-16T09:33:00-04:00", "to": "2026-03-16T09:40:00-04:00"}
            sandbox.control("/sim/market/halt", {"symbol": symbol, **window})
        trap = ("broker.submit 5", "after", "terminate")
        assert sandbox.session(trap=trap, **in_two_parts(max_stale_s=120)) == "stopped"
        assert trips(sandbox) == [("max_stale_s", "reduce", ""), ("max_stale_s", "reduce", "over")]
        assert set(second_parts(sandbox)) == {JUMPS, KEEPS}
        assert all("13:40:00" <= at <= "13:41:00" for at in second_parts(sandbox).values())
        assert sandbox.events(OrderDenied) == []


def test_silence_holds_openers_back_while_it_lasts(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    limits = in_two_parts(max_silence_s=60)
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session(trap=("broker.submit 3", "after", "terminate"), **limits) == "stopped"
        silent = {"method": "GET", "path": "/v2/positions", "action": "504_before", "times": 200}
        sandbox.control("/sim/faults", silent)
        assert sandbox.session(trap=("broker.submit 2", "after", "terminate"), **limits) == "stopped"
        assert trips(sandbox) == [("max_silence_s", "reduce", ""), ("max_silence_s", "reduce", "over")]
        assert set(second_parts(sandbox)) == {JUMPS, KEEPS}
        assert all(at > DUE for at in second_parts(sandbox).values())
        assert sandbox.events(OrderDenied) == []


def test_a_fall_from_an_earlier_close_halts(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        (plan,) = (event.plan for event in sandbox.events(PlanCommitted))
        day, peak_usd = plan.data_as_of, plan.equity_usd * Decimal("1.2")
        ledger = open_ledger(sandbox.state / "ledger.db", SystemClock(NeverStopped()))
        ledger.append(DayClosed(day, plan.book, (), peak_usd, Decimal(0), 0))
        assert sandbox.session(**watching(max_drawdown="0.1")) == "halted"
        assert (trips(sandbox), state(sandbox)) == ([("max_drawdown", "halt", "")], TradingState.HALT)

"""Audit and status, read from a real ledger of a small day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.clocks import ManualClock
from tests.support.days import DAY, PROVENANCE, filled, intended, key, plan, whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.reading import LedgerReading
from trader.adapters.state_file import StateFile
from trader.domain.canonical import digest, dumps
from trader.domain.errors import ChecksFailed, InvariantViolated
from trader.domain.journal import DayClosed, Event, FillRecorded, PlanCommitted, TradingState
from trader.domain.orders import OrderStatus
from trader.domain.portfolio import Book
from trader.execution.identifiers import client_order_id
from trader.execution.reconciliation import Break
from trader.modes.audit import audit_day, audit_order
from trader.ports.stores import Ledger
from trader.status.advice import next_steps
from trader.status.snapshot import snapshot

AAPL = client_order_id(key())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with one event of every kind."""
    opened = open_ledger(tmp_path / "ledger.db", ManualClock())
    opened.append(*whole_day())
    return opened


def test_an_order_is_told_from_signal_to_last_fill(ledger: Ledger) -> None:
    found = audit_order(ledger, AAPL)
    assert found.target == plan().targets[0]
    assert found.intent == plan().intents[0]
    assert (found.provenance, found.plan_hash) == (PROVENANCE, digest(plan()))
    assert (found.status, found.filled_quantity, found.checks) == (OrderStatus.FILLED, Decimal(20), ("cash",))
    kinds = [line.what for line in found.trail]
    assert kinds[0] == "order_intended"
    assert kinds.count("fill_recorded") == 2
    assert "bid 250.05, ask 250.15" in found.trail[0].detail
    assert dumps(found)


def test_every_entry_of_a_day_stands_in_its_audit_once(ledger: Ledger) -> None:
    found = audit_day(ledger, DAY)
    told = [line.seq for order in found.orders for line in order.trail] + [line.seq for line in found.trail]
    assert sorted(told) == [entry.seq for entry in ledger.entries(DAY)]
    assert {type(entry.event) for entry in ledger.entries(DAY)} == set(get_args(Event))
    assert all(line.detail for line in found.trail)
    assert {order.symbol: order.status.value for order in found.orders} == {
        "AAPL": "filled", "KO": "rejected", "PEP": "unknown", "XOM": "denied",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("AAPL", "'AAPL' is no order id of this program.*`trader audit DATE`"),
        (AAPL.replace("AAPL", "IBM"), "the ledger has no order .*IBM.*`trader audit 2026-03-16`"),
    ],
)
def test_an_unknown_order_is_said_to_be_unknown(ledger: Ledger, asked: str, answer: str) -> None:
    with pytest.raises(ChecksFailed, match=answer):
        audit_order(ledger, asked)


def test_an_unknown_date_is_said_to_be_unknown(ledger: Ledger) -> None:
    with pytest.raises(ChecksFailed, match=r"no entry of 2026-03-13.*newest day it knows is 2026-03-16"):
        audit_day(ledger, date(2026, 3, 13))


def test_status_says_what_stands(ledger: Ledger, tmp_path: Path) -> None:
    state = StateFile(tmp_path / "STATE")
    state.write(TradingState.HALT, "looking into it")
    view = snapshot(ledger, state, DAY)
    assert (view.state, view.reason) == (TradingState.HALT, "looking into it")
    assert (view.plan_hash, view.planned_orders, view.provenance) == (digest(plan()), 1, PROVENANCE)
    assert view.orders == (("denied", 1), ("filled", 1), ("rejected", 1), ("unknown", 1))
    assert (view.preflight_date, view.closed_date, view.equity_usd) == (DAY, DAY, Decimal("100612.30"))
    assert view.preflight_failed == "clock, broker"
    assert (view.filled_orders, view.partial_orders, view.session_ended) == (1, 0, True)
    assert dumps(view)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ["The plan is at its end"]),
        ({"closed_date": DAY}, ["The day is closed"]),
        ({"session_ended": False}, ["`trader session` goes on"]),
        ({"session_ended": False, "preflight_date": date(2026, 3, 13)}, ["What opens waits for `trader preflight`"]),
        ({"session_ended": False, "plan_hash": ""}, ["`trader session` trades the day"]),
        ({"session_ended": False, "plan_hash": "", "preflight_failed": "broker"}, ["`trader preflight`"]),
        ({"session_ended": False, "plan_hash": "", "preflight_date": date(2026, 3, 13)}, ["`trader preflight`"]),
        ({"state": TradingState.REDUCE}, ["Nothing is opened", "The plan is at its end"]),
        ({"state": TradingState.HALT, "session_ended": False}, ["Nothing is sent", "`trader session` cancels them"]),
        ({"state": TradingState.HALT, "session_ended": False, "orders": (("filled", 1),)}, ["Nothing is sent"]),
        (
            {"closed_date": DAY, "breaks": (Break("cash", "account", "1", "2"),)},
            ["`trader breaks`", "The day is closed"],
        ),
    ],
)
def test_status_says_what_to_type_next(ledger: Ledger, tmp_path: Path, changes: Any, said: list[str]) -> None:
    view = replace(
        snapshot(ledger, StateFile(tmp_path / "STATE"), DAY),
        closed_date=date(2026, 3, 13),
        breaks=(),
        preflight_failed="",
    )
    steps = next_steps(replace(view, **changes))
    assert [text in step for text, step in zip(said, steps, strict=True)] == [True] * len(said), steps


def test_what_is_filled_of_the_plan_counts_over_parts(ledger: Ledger, tmp_path: Path) -> None:
    following, state = date(2026, 3, 17), StateFile(tmp_path / "STATE")
    wanted, parts = plan().intents[0], [replace(key(day=following), slice=part) for part in range(2)]
    other = replace(plan(following), intents=(wanted, replace(wanted, symbol="IBM", sequence=1)))
    ledger.append(PlanCommitted(following, digest(other), other), *(intended(part, 10) for part in parts))

    def told() -> tuple[int, int, int, bool]:
        view = snapshot(ledger, state, following)
        return view.planned_orders, view.filled_orders, view.partial_orders, view.session_ended

    assert told() == (2, 0, 0, False)
    ledger.append(filled(parts[0], "f-1", 10))
    assert told() == (2, 0, 1, False)
    ledger.append(filled(parts[1], "f-2", 10))
    assert told() == (2, 1, 0, False)


def test_a_break_is_open_until_a_later_day_closes_without_it(ledger: Ledger, tmp_path: Path) -> None:
    state, following = StateFile(tmp_path / "STATE"), date(2026, 3, 17)
    clean = DayClosed(following, Book(Decimal(1), ()), (), Decimal(1), Decimal(0), 0)
    found = Break("cash", "account", "1.00", "2.00")
    ledger.append(clean)
    assert snapshot(ledger, state, following).breaks == ()
    ledger.append(found.event(following))
    assert snapshot(ledger, state, following).breaks == (found,)


def test_the_light_reading_is_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    light = LedgerReading(tmp_path / "ledger.db")
    ledger.append(*whole_day(date(2026, 3, 17)))
    closed = ledger.latest(DayClosed, before=date(2026, 3, 17))
    for arguments in ((), (DAY,), (None, (DayClosed, FillRecorded)), (DAY, (FillRecorded,)), (None, (), closed)):
        assert list(light.entries(*arguments)) == list(ledger.entries(*arguments)) != []
    for arguments in ((DayClosed,), (DayClosed, date(2026, 3, 17)), (DayClosed, DAY)):
        assert light.latest(*arguments) == ledger.latest(*arguments)


def test_a_light_reading_of_what_is_no_ledger_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database" * 1000)
    with pytest.raises(InvariantViolated, match="damaged or no database"):
        LedgerReading(tmp_path / "ledger.db").latest(DayClosed)


def test_status_of_a_machine_that_never_traded(tmp_path: Path) -> None:
    view = snapshot(None, StateFile(tmp_path / "STATE"), DAY)
    assert (view.state, view.plan_hash, view.orders, view.breaks) == (TradingState.ACTIVE, "", (), ())

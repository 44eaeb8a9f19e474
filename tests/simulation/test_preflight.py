"""Every check of a preflight, on both sides of what it judges, against a real exchange and a real ledger."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.simulation.conftest import AFTER_THE_CLOSE, DAY, Sandbox, Zygote, copied
from tests.support.desk import POLICIES, open_desk
from tests.support.rankers import FormulaRanker
from trader.adapters.state_file import StateFile
from trader.domain.journal import BreakFound, BreakResolved, PreflightPassed, TradingState
from trader.domain.market import Universe
from trader.modes.checks import account, host, market, records
from trader.modes.checks.finding import Finding, Look
from trader.modes.desk import Desk
from trader.modes.preflight import CHECKS, PLAN_CHECKS, Check, PreflightReport, next_session, preflight
from trader.modes.work import preflight_passed
from trader.status.snapshot import snapshot
from trader.status.watchdog import evidence

MONDAY, TUESDAY = date.fromisoformat(DAY), date(2026, 3, 17)
NAMES = [*(rule.name for rule in CHECKS), *PLAN_CHECKS]


@pytest.fixture(scope="module")
def still(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A morning on which nothing is changed at the exchange."""
    with copied(zygote, morning, tmp_path_factory.mktemp("preflight") / "state") as sandbox:
        yield sandbox


@pytest.fixture
def moving(zygote: Zygote, morning: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """A morning of its own."""
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        yield sandbox


def desk_of(sandbox: Sandbox, **parts: Any) -> Desk:
    return replace(open_desk(sandbox.state, sandbox.url), **parts)


def look(sandbox: Sandbox, **parts: Any) -> Look:
    desk = desk_of(sandbox, **parts)
    session = desk.calendar.session(MONDAY)
    assert session is not None
    return Look(desk, session, session)


def policies(**changes: dict[str, Any]) -> Any:
    """The policies with keys of sections changed."""
    return replace(
        POLICIES, **{name: getattr(POLICIES, name).model_copy(update=keys) for name, keys in changes.items()}
    )


def verdict(finding: Finding | Check) -> str:
    return ("warned" if finding.warning else "passed") if finding.ok else f"failed {finding.exit_code}"


def by_name(report: PreflightReport) -> dict[str, Check]:
    return {check.name: check for check in report.checks}


def test_a_good_morning_passes_every_check_and_a_second_look_changes_nothing(still: Sandbox) -> None:
    report = preflight(desk_of(still), MONDAY)
    assert [check.name for check in report.checks] == NAMES
    assert {check.name: check.detail for check in report.checks if verdict(check) != "passed"} == {}
    assert (report.ok, report.token, report.unchecked, report.exit_code) == (True, True, (), 0)
    assert preflight(desk_of(still), MONDAY).token
    assert [token.checks for token in still.events(PreflightPassed)] == [tuple(NAMES)], "one token, from the morning on"


def test_a_failure_voids_what_passed_before_it_until_it_passes_again(moving: Sandbox) -> None:
    plan = preflight(desk_of(moving), MONDAY).plan
    assert plan is not None
    late = Off(desk_of(moving).clock, timedelta(seconds=6))
    assert not preflight(desk_of(moving, clock=late, release="another"), MONDAY).ok
    assert preflight_passed(desk_of(moving), plan), "what another release cannot do says nothing of this one"
    assert not preflight(desk_of(moving, clock=late), MONDAY).ok
    assert not preflight_passed(desk_of(moving), plan)
    desk = desk_of(moving)
    assert snapshot(desk.ledger, StateFile(moving.state / "STATE"), MONDAY).preflight_failed == "clock"
    assert not evidence(desk.ledger, TradingState.ACTIVE, MONDAY, MONDAY).passed
    assert preflight(desk, MONDAY).token
    assert preflight_passed(desk, plan)
    assert snapshot(desk.ledger, StateFile(moving.state / "STATE"), MONDAY).preflight_failed == ""


def test_every_check_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "preflight.md").read_text()
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == NAMES


@dataclass(frozen=True)
class Off:
    """A clock that is wrong by so much."""

    true: Any
    by: timedelta

    def now(self) -> datetime:
        return self.true.now() + self.by


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (timedelta(seconds=5), "passed"),
        (timedelta(seconds=-5), "passed"),
        (timedelta(seconds=5.001), "failed 1"),
        (timedelta(seconds=-5.001), "failed 1"),
        (timedelta(minutes=10), "failed 2"),
        (timedelta(hours=-3), "failed 2"),
    ],
)
def test_a_clock_may_be_off_by_five_seconds(still: Sandbox, by: timedelta, expected: str) -> None:
    found = look(still)
    finding = host.clock(replace(found, desk=replace(found.desk, clock=Off(found.desk.clock, by))))
    assert verdict(finding) == expected
    if expected == "failed 2" and by < timedelta(0):
        assert "this machine has 2026-03-16 10:00:00 UTC, the broker 2026-03-16 13:00:00 UTC: 3:00:00 apart" in (
            finding.detail
        )


@dataclass(frozen=True)
class Room:
    """A host with so much room."""

    free: int
    ledger: int

    def free_bytes(self) -> int:
        return self.free

    def ledger_bytes(self) -> int:
        return self.ledger


@pytest.mark.parametrize(
    ("free_mib", "ledger_mib", "expected"),
    [
        (199, 1, "failed 2"),
        (200, 1, "warned"),
        (1023, 1, "warned"),
        (1024, 1, "passed"),
        (899, 300, "failed 2"),
        (900, 300, "warned"),
        (2999, 300, "warned"),
        (3000, 300, "passed"),
    ],
)
def test_room_is_counted_in_bytes_and_in_ledgers(still: Sandbox, free_mib: int, ledger_mib: int, expected: str) -> None:
    room = Room(free_mib * host.MIB, ledger_mib * host.MIB)
    assert verdict(host.disk_space(look(still, host=room))) == expected


@pytest.mark.parametrize(("max_age_days", "expected"), [(2, "failed 1"), (3, "warned"), (16, "warned"), (17, "passed")])
def test_a_model_may_grow_as_old_as_it_says(still: Sandbox, max_age_days: int, expected: str) -> None:
    """The morning's is trained on bars up to three days before."""
    found = records.model(look(still, policies=policies(model={"max_age_days": max_age_days})))
    assert verdict(found) == expected


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({}, "passed", ("they fit",)),
        ({"sizing": {"min_trade_usd": Decimal("483863.50")}}, "passed", ()),
        (
            {"sizing": {"min_trade_usd": Decimal("483863.51")}},
            "failed 2",
            ("position_sizing.min_trade_usd (483863.51",),
        ),
        ({"risk": {"min_trade_size_usd": Decimal(500_000)}}, "failed 2", ("min_trade_size_usd (500000 USD)",)),
        ({"sizing": {"short_threshold": Decimal("0.1")}}, "failed 2", ("short_threshold", "lets this account hold")),
        ({"sizing": {"max_positions": 1935}}, "passed", ()),
        ({"sizing": {"max_positions": 1936}}, "warned", ("max_positions (1936)",)),
        ({"risk": {"order_notional_cap_usd": Decimal(400_000)}}, "warned", ("over several days",)),
        (
            {"risk": {"order_notional_cap_usd": Decimal(400_000)}, "execution": {"slices": 2}},
            "passed",
            (),
        ),
        ({"risk": {"max_trade_size_usd": Decimal(400_000)}}, "warned", ("over several days",)),
        ({"risk": {"capital_utilization_factor": Decimal("0.5")}}, "warned", ("capital_utilization_factor",)),
    ],
)
def test_limits_are_held_against_the_account(
    still: Sandbox, changes: dict[str, dict[str, Any]], expected: str, words: tuple[str, ...]
) -> None:
    """It has 1,018,660 USD, and two positions of 95 % of half of it are wanted."""
    wide = {"risk": {"max_trade_size_usd": Decimal(600_000), **changes.get("risk", {})}}
    found = account.limits(look(still, policies=policies(**{**changes, **wide})))
    assert (verdict(found), [word for word in words if word not in found.detail]) == (expected, []), found.detail


@pytest.mark.parametrize(
    ("state", "expected"),
    [(TradingState.ACTIVE, "passed"), (TradingState.REDUCE, "warned"), (TradingState.HALT, "failed 1")],
)
def test_a_halt_bars_the_day_and_reduce_is_told_of(still: Sandbox, state: TradingState, expected: str) -> None:
    found = records.trading_state(look(still, state=SimpleNamespace(read=lambda: (state, "a reason"))))
    assert verdict(found) == expected


def test_breaks_of_symbols_are_told_of_and_one_of_the_account_bars_the_day(moving: Sandbox) -> None:
    ledger, cautious = desk_of(moving).ledger, policies(risk={"trade_around_breaks": False})
    assert records.breaks(look(moving)).detail == "none open"
    ledger.append(BreakFound(MONDAY, "position", "SYAAA", "1", "2", "SYAAA"))
    assert verdict(records.breaks(look(moving))) == "warned"
    assert verdict(records.breaks(look(moving, policies=cautious))) == "failed 1"
    ledger.append(BreakFound(MONDAY, "cash", "account", "1", "2"))
    found = records.breaks(look(moving))
    assert (verdict(found), "the account, SYAAA" in found.detail) == ("failed 1", True)
    ledger.append(*(BreakResolved(MONDAY, symbol, "explained", "test") for symbol in ("", "SYAAA")))
    assert verdict(records.breaks(look(moving))) == "passed"


def test_candidates_without_bars_are_told_of_until_they_are_too_many(still: Sandbox) -> None:
    known = desk_of(still).universe.sectors  # forty of them, and a fifth may be left out
    for strangers, expected in ((0, "passed"), (10, "warned"), (11, "failed 1")):
        universe = Universe((*known, *((f"NONE{letter}", "x") for letter in "ABCDEFGHIJK"[:strangers])))
        found = market.freshness(look(still, universe=universe))
        assert verdict(found) == expected
        assert f"NONEA, NONEB, NONEC, NONED, NONEE and {strangers - 5} more" in found.detail or not strangers


def test_a_model_without_an_opinion_fails_the_rehearsal(still: Sandbox) -> None:
    dull = FormulaRanker(lambda features: np.zeros(len(features)))
    report = preflight(desk_of(still, models=SimpleNamespace(promoted=lambda: dull)), MONDAY)
    assert [check.name for check in report.checks if not check.ok] == ["plan"]
    assert "predicts only 1 values for" in by_name(report)["plan"].detail
    assert (report.token, report.exit_code) == (False, 1)


def test_what_the_broker_says_of_account_calendar_and_symbols_is_heard(moving: Sandbox) -> None:
    plan = preflight(desk_of(moving), MONDAY).plan
    assert plan is not None
    opened = next(intent.symbol for intent in plan.intents if not intent.reduces)
    moving.control(f"/sim/assets/{opened}", {"tradable": False})
    moving.control("/sim/calendar", {"date": "2026-03-20", "close": "12:00"})
    found = by_name(preflight(desk_of(moving), MONDAY))
    assert {name for name, check in found.items() if verdict(check) == "warned"} == {"tradable", "calendar"}
    assert opened in found["tradable"].detail
    assert "2026-03-20: we have 13:30-20:00 UTC, the broker 13:30-16:00 UTC" in found["calendar"].detail

    moving.control("/sim/calendar", {"date": DAY, "closed": True})
    assert verdict(account.calendar(look(moving))) == "failed 1"
    broker = desk_of(moving).broker
    broker.suspend(True)
    assert "resume" in account.account(look(moving)).remedy
    broker.suspend(False)
    assert verdict(account.account(look(moving))) == "passed"
    moving.control("/sim/account/reset", {"cash_usd": "5000"})
    reset = account.account(look(moving))
    assert (verdict(reset), "the ledger is about account SIMULATED1" in reset.detail) == ("failed 1", True)


def test_a_broker_that_is_down_leaves_what_could_be_checked(moving: Sandbox) -> None:
    moving.control("/sim/faults", {"method": "GET", "path": "/v2/*", "action": "504_before", "times": 999})
    report = preflight(desk_of(moving), MONDAY)
    names = [check.name for check in report.checks]
    assert names == NAMES[: NAMES.index("broker") + 1]
    assert [check.name for check in report.checks if not check.ok] == ["broker"]
    assert [*names, *report.unchecked] == NAMES
    assert (report.exit_code, report.token) == (3, False)


def test_the_next_session_is_looked_at_early_and_let_out_after_the_close(moving: Sandbox) -> None:
    assert next_session(desk_of(moving)) == MONDAY
    moving.advance("2026-03-16T12:00:00-04:00")
    assert next_session(desk_of(moving)) == TUESDAY
    early = preflight(desk_of(moving), TUESDAY)
    assert (early.ok, early.token, verdict(early.checks[0])) == (True, False, "warned")
    assert "2026-03-16 is not over" in early.checks[0].detail
    assert early.plan is not None, "the decision is rehearsed on the bars there are"
    assert early.plan.data_as_of == date(2026, 3, 13)

    moving.advance(AFTER_THE_CLOSE)
    assert next_session(desk_of(moving)) == TUESDAY
    evening = preflight(desk_of(moving), TUESDAY)
    assert (evening.ok, evening.token, verdict(evening.checks[0])) == (True, True, "passed")
    assert evening.plan is not None
    assert evening.plan.data_as_of == MONDAY
    assert [token.session_date for token in moving.events(PreflightPassed)][-1] == TUESDAY
    moving.advance("2026-03-21T12:00:00-04:00")
    assert next_session(desk_of(moving)) == date(2026, 3, 23), "from a weekend on"


def test_the_gravest_failure_is_the_exit_code() -> None:
    def report(*codes: int) -> int:
        return PreflightReport(MONDAY, tuple(Check("x", not code, "", exit_code=code) for code in codes)).exit_code

    assert [report(0, 0), report(0, 1), report(1, 3), report(3, 2, 1), report(5, 2)] == [0, 1, 3, 2, 5]

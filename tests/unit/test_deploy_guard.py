"""When a release may be changed, at its boundaries."""

from datetime import UTC, datetime, timedelta

import pytest

from trader.deployment.guard import objection
from trader.deployment.host import Host
from trader.deployment.manager import UnitState

HOST = Host(scope="system", account="main")
EVENING = datetime(2026, 3, 17, 1, 0, tzinfo=UTC)  # Monday, 20:00 in Chicago


def timer(name: str, due: datetime | None) -> UnitState:
    microseconds = int(due.timestamp() * 1_000_000) if due else 0
    return UnitState(f"paper-trading-{name}.timer", "active", "enabled", microseconds, "success", "/there")


def service(name: str, active: str) -> UnitState:
    return UnitState(f"paper-trading-{name}.service", active, "static", 0, "success", "/there")


@pytest.mark.parametrize(
    ("at", "refused"),
    [
        ("2026-03-16T12:44:59", False),  # 07:44 in Chicago, in summer time
        ("2026-03-16T12:45:00", True),
        ("2026-03-16T20:29:59", True),
        ("2026-03-16T20:30:00", False),
        ("2026-01-12T13:45:00", True),  # 07:45 in Chicago, in winter time
        ("2026-01-12T12:45:00", False),
        ("2026-03-14T15:00:00", False),  # a Saturday
    ],
)
def test_the_hours_of_trading_are_those_of_the_zone(at: str, refused: bool) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert bool(objection(HOST, now, [])) == refused


def test_no_window_for_an_exchange_that_keeps_its_own_time() -> None:
    host = Host(scope="system", account="main", guard_window="")
    now = datetime(2026, 3, 16, 15, tzinfo=UTC)
    assert objection(host, now, [timer("session", now + timedelta(seconds=10))]) == ""
    assert "session" in objection(host, now, [service("session", "active")])


@pytest.mark.parametrize(("seconds", "refused"), [(-1, False), (0, True), (899, True), (900, False)])
def test_nothing_is_changed_shortly_before_a_session(seconds: int, refused: bool) -> None:
    due = timer("preflight", EVENING + timedelta(seconds=seconds))
    assert bool(objection(HOST, EVENING, [due])) == refused


def test_a_timer_that_is_never_due_holds_nothing_up() -> None:
    assert objection(HOST, EVENING, [timer("session", None), timer("backup", EVENING)]) == ""


@pytest.mark.parametrize(
    ("name", "state", "refused"),
    [
        ("session", "active", True),
        ("session", "deactivating", True),
        ("session", "inactive", False),
        ("session", "failed", False),
        ("execution-monitor", "activating", True),
        ("backup", "active", False),
    ],
)
def test_what_trades_is_not_changed_under_its_feet(name: str, state: str, refused: bool) -> None:
    assert bool(objection(HOST, EVENING, [service(name, state)])) == refused

"""What the watchdog misses and what it does not, by the exchange's own calendar."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.clocks import ManualClock
from tests.support.days import whole_day
from trader.adapters.calendar import ExchangeCalendar
from trader.adapters.ledger import open_ledger
from trader.domain.journal import DayClosed, PlanCommitted, TradingState
from trader.status.watchdog import Evidence, Missed, Schedule, evidence, missed, summary, unfinished

CHICAGO = ZoneInfo("America/Chicago")
CALENDAR = ExchangeCalendar()
NOTHING = Evidence(TradingState.ACTIVE, opened=True, passed=False, planned=False, closed=False, left_open=False)
ALL = replace(NOTHING, passed=True, planned=True, closed=True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def words(moment: str, found: Evidence) -> list[str]:
    """What is missed at a Chicago time."""
    now = at(moment)
    return [each.what for each in missed(CALENDAR.session(now.date()), now, Schedule(), found)]


@pytest.mark.parametrize(
    ("moment", "found", "told"),
    [
        ("2026-11-25 08:39:59", NOTHING, []),
        ("2026-11-25 08:40:00", NOTHING, ["08:30 did not happen", "preflight has not passed"]),
        ("2026-11-25 08:40:00", replace(NOTHING, passed=True), ["08:30 did not happen"]),
        ("2026-11-25 08:40:00", replace(NOTHING, planned=True), ["preflight has not passed"]),
        ("2026-11-25 15:39:59", replace(ALL, closed=False), []),
        ("2026-11-25 15:40:00", replace(ALL, closed=False), ["2026-11-25 was not closed"]),
        ("2026-11-25 15:40:00", NOTHING, ["08:30 did not happen", "2026-11-25 was not closed"]),
        ("2026-11-25 15:40:00", replace(NOTHING, opened=False), ["08:30 did not happen"]),
        ("2026-11-25 23:59:00", ALL, []),
        ("2026-11-26 15:40:00", NOTHING, []),  # Thanksgiving
        ("2026-11-28 15:40:00", NOTHING, []),  # a Saturday
        ("2026-11-27 13:00:00", replace(ALL, closed=False), []),  # a half day, closed at noon, is closed at 15:10
        ("2026-11-27 15:40:00", replace(ALL, closed=False), ["2026-11-27 was not closed"]),
        ("2026-11-25 08:40:00", replace(NOTHING, state=TradingState.HALT), []),
        ("2026-11-25 08:40:00", replace(NOTHING, state=TradingState.REDUCE, passed=True), ["08:30 did not happen"]),
        ("2026-11-25 15:40:00", replace(NOTHING, state=TradingState.HALT), ["2026-11-25 was not closed"]),
        ("2026-11-25 07:00:00", replace(NOTHING, left_open=True), ["the session before 2026-11-25 was not closed"]),
        ("2026-11-25 16:00:00", replace(ALL, left_open=True), []),
    ],
)
def test_what_is_missed(moment: str, found: Evidence, told: list[str]) -> None:
    said = words(moment, found)
    assert len(said) == len(told), said
    assert [part for part, sentence in zip(told, said, strict=True) if part not in sentence] == []


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_the_hour_is_chicagos_on_both_sides_of_the_change(day: str) -> None:
    for zone in (UTC, ZoneInfo("Asia/Tokyo"), CHICAGO):
        session = CALENDAR.session(date.fromisoformat(day))
        due = at(f"{day} 08:40").astimezone(zone)
        assert len(missed(session, due, Schedule(), NOTHING)) == 2
        assert missed(session, due - timedelta(seconds=1), Schedule(), NOTHING) == ()


def test_every_missed_thing_says_what_to_type() -> None:
    for moment in ("2026-11-25 08:40:00", "2026-11-25 15:40:00"):
        now = at(moment)
        for each in missed(CALENDAR.session(now.date()), now, Schedule(), replace(NOTHING, left_open=True)):
            assert isinstance(each, Missed)
            assert "`trader run-now" in each.remedy


@pytest.mark.parametrize(
    ("moment", "found", "told"),
    [
        ("2026-11-26 09:00", NOTHING, "No trading session"),
        ("2026-11-25 08:00", NOTHING, "nothing is due before 08:40 CST"),
        ("2026-11-25 09:15", ALL, "to be closed by 15:40 CST"),
        ("2026-11-25 09:15", replace(NOTHING, state=TradingState.HALT), "trading is halted"),
        ("2026-11-25 15:40", ALL, "everything that was due has happened"),
    ],
)
def test_what_is_said_when_nothing_is_missed(moment: str, found: Evidence, told: str) -> None:
    now = at(moment)
    assert told in summary(CALENDAR.session(now.date()), now, Schedule(), found)


@pytest.mark.parametrize(
    ("moment", "planned", "goes_on"),
    [
        ("2026-11-25 12:00", True, True),
        ("2026-11-25 12:00", False, False),
        ("2026-11-25 15:00", True, False),
        ("2026-11-27 12:00", True, False),
        ("2026-11-26 12:00", True, False),
    ],
)
def test_a_session_that_was_begun_goes_on_until_its_close(moment: str, planned: bool, goes_on: bool) -> None:
    now = at(moment)
    assert unfinished(CALENDAR.session(now.date()), now, replace(NOTHING, planned=planned)) is goes_on


@pytest.fixture
def states(tmp_path: Path) -> Iterator[list[Evidence]]:
    """What is known after each entry of a whole day."""
    ledger = open_ledger(tmp_path / "ledger.db", ManualClock())
    found = []
    for event in whole_day():
        ledger.append(event)
        found.append(evidence(ledger, TradingState.ACTIVE, event.session_date, event.session_date - timedelta(days=3)))
    yield found
    ledger.close()


def test_the_evidence_is_what_the_ledger_has(states: list[Evidence]) -> None:
    kinds = [type(event) for event in whole_day()]
    assert [found.planned for found in states] == [n >= kinds.index(PlanCommitted) for n in range(len(kinds))]
    assert [found.closed for found in states] == [n >= kinds.index(DayClosed) for n in range(len(kinds))]
    assert states[-1] == replace(ALL, opened=True)
    assert not any(found.left_open for found in states)
    assert evidence(None, TradingState.HALT, date(2026, 3, 16), date(2026, 3, 13)).opened is False


def test_a_day_that_was_left_open_is_known_on_the_next(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db", ManualClock())
    events = whole_day()
    closing = next(event for event in events if isinstance(event, DayClosed))
    ledger.append(*(event for event in events if event is not closing))
    following = closing.session_date + timedelta(days=1)
    assert evidence(ledger, TradingState.ACTIVE, following, closing.session_date).left_open
    ledger.append(closing)
    assert not evidence(ledger, TradingState.ACTIVE, following, closing.session_date).left_open

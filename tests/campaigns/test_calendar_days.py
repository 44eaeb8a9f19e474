"""A sample of the two-year campaign: the days on which a calendar goes wrong first."""

from datetime import date
from pathlib import Path

from tests.campaigns.year import campaign, hours, weekdays
from tests.simulation.conftest import Zygote
from trader.simulated_exchange.calendar import sessions_between

SAMPLE = (
    *("2025-01-08", "2025-01-09", "2025-01-10"),  # around the day of mourning
    *("2025-03-07", "2025-03-10"),  # clocks go forward
    *("2025-10-31", "2025-11-03"),  # and back
    *("2025-11-27", "2025-11-28"),  # a holiday, then a half day
    *("2026-03-06", "2026-03-09"),  # the broker announces a close of its own, then all is well again
)
CONTRADICTED = date(2026, 3, 6)


def test_the_exchange_is_open_when_the_published_calendar_says_so() -> None:
    days = weekdays(date(2025, 1, 1), date(2026, 12, 31))
    announced = {day: span for day in days if (span := hours(day)) is not None}
    told = {each.day: (each.open_ns, each.close_ns) for each in sessions_between(date(2025, 1, 1), date(2026, 12, 31))}
    assert {day: tuple(int(at.timestamp()) * 10**9 for at in span) for day, span in announced.items()} == told


def test_days_that_break_naive_calendars_start_and_end_right(tmp_path: Path) -> None:
    """Started as timers would: no wrong start, no wrong end, no order outside its window."""
    days = [date.fromisoformat(day) for day in SAMPLE]
    zygote = Zygote()
    with campaign(zygote, tmp_path / "state", days[0], frozenset({CONTRADICTED})) as running:
        for day in days:
            running.live(day)
        running.judge_ledger(days)
    zygote.close()
    tally = running.tally
    assert tally.wrong == []
    assert (tally.sessions, tally.closed_days, tally.contradicted) == (8, 2, 1)
    assert tally.orders >= tally.sessions

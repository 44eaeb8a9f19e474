"""The exchange's sessions as our own calendar tells them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from trader.adapters.calendar import ExchangeCalendar
from trader.domain.errors import ConfigurationError
from trader.domain.market import SessionDay


@pytest.fixture(scope="module")
def calendar() -> ExchangeCalendar:
    return ExchangeCalendar()


def test_a_regular_day_moves_with_new_york_not_with_utc(calendar: ExchangeCalendar) -> None:
    winter, summer = calendar.session(date(2026, 3, 6)), calendar.session(date(2026, 3, 9))
    assert winter == SessionDay(
        date(2026, 3, 6), datetime(2026, 3, 6, 14, 30, tzinfo=UTC), datetime(2026, 3, 6, 21, 0, tzinfo=UTC)
    )
    assert summer == SessionDay(
        date(2026, 3, 9), datetime(2026, 3, 9, 13, 30, tzinfo=UTC), datetime(2026, 3, 9, 20, 0, tzinfo=UTC)
    )


def test_half_days_end_at_one(calendar: ExchangeCalendar) -> None:
    friday = calendar.session(date(2026, 11, 27))
    assert friday is not None
    assert friday.close_at == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize("closed", [date(2022, 6, 20), date(2026, 7, 3), date(2026, 11, 26), date(2026, 11, 28)])
def test_holidays_and_weekends_are_no_sessions(calendar: ExchangeCalendar, closed: date) -> None:
    assert calendar.session(closed) is None


def test_ranges_include_both_ends(calendar: ExchangeCalendar) -> None:
    days = [day.date for day in calendar.sessions(date(2022, 6, 17), date(2022, 6, 22))]
    assert days == [date(2022, 6, 17), date(2022, 6, 21), date(2022, 6, 22)]
    assert calendar.previous(date(2022, 6, 21)).date == date(2022, 6, 17)


def test_dates_beyond_the_table_are_refused_not_called_closed(calendar: ExchangeCalendar) -> None:
    for day in (date(1989, 12, 31), date(2046, 1, 1)):
        with pytest.raises(ConfigurationError, match="outside"):
            calendar.session(day)
    with pytest.raises(ConfigurationError, match="outside"):
        calendar.previous(date(1990, 1, 2))


def test_the_cache_answers_alike_and_is_rebuilt_when_it_is_damaged(calendar: ExchangeCalendar, tmp_path: Path) -> None:
    everything = calendar.sessions(date(1990, 1, 1), date(2045, 12, 31))
    assert ExchangeCalendar(tmp_path).sessions(date(1990, 1, 1), date(2045, 12, 31)) == everything
    (cached,) = tmp_path.glob("xnys-*.json")
    assert ExchangeCalendar(tmp_path).session(date(2026, 11, 27)) == calendar.session(date(2026, 11, 27))
    whole = cached.read_bytes()
    cached.write_bytes(whole[:1000])
    assert ExchangeCalendar(tmp_path).session(date(2026, 11, 27)) == calendar.session(date(2026, 11, 27))
    assert cached.read_bytes() == whole

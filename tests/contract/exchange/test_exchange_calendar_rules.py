"""The exchange's own calendar against exchange_calendars, which it must not import."""

from datetime import date

import exchange_calendars
import pytest

from trader.simulated_exchange.calendar import Calendar, last_open, next_open, sessions_between


@pytest.mark.filterwarnings("ignore:Series.values")  # exchange_calendars, within itself
def test_sessions_and_closes_are_those_of_xnys() -> None:
    oracle = exchange_calendars.get_calendar("XNYS", start="2005-01-01", end="2027-10-31").schedule
    wanted = [(day.date(), row["open"].value, row["close"].value) for day, row in oracle.iterrows()]
    ours = sessions_between(date(2005, 1, 1), date(2027, 10, 31))
    assert [(each.day, each.open_ns, each.close_ns) for each in ours] == wanted


@pytest.mark.parametrize("day", [date(2021, 12, 31), date(2022, 3, 11), date(2022, 11, 25)])
def test_an_instant_belongs_to_one_session(day: date) -> None:
    """At the open the session runs, at the close it is over; new year and daylight saving do not matter."""
    session = next(sessions_between(day, day))
    trading_session = Calendar({}).trading_session
    following = next_open(session.open_ns)
    assert last_open(session.open_ns) == trading_session(session.open_ns) == session
    assert next_open(session.open_ns - 1) == trading_session(session.close_ns - 1) == session
    assert trading_session(session.close_ns) == following != session
    assert last_open(following.open_ns - 1) == session

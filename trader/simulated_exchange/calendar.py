"""New York Stock Exchange sessions by rule: days, open and close, 2000 to 2060."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from trader.simulated_exchange.timestamps import NEW_YORK, to_ns

_DAY = timedelta(days=1)
_MONDAY, _THURSDAY = 0, 3
_SATURDAY, _SUNDAY = 5, 6
FIRST_YEAR, LAST_YEAR = 2000, 2060

# Days lost to mourning, terror and weather.
_SPECIAL_CLOSURES = frozenset(
    map(
        date.fromisoformat,
        [
            "2001-09-11",
            "2001-09-12",
            "2001-09-13",
            "2001-09-14",
            "2004-06-11",
            "2007-01-02",
            "2012-10-29",
            "2012-10-30",
            "2018-12-05",
            "2025-01-09",
        ],
    )
)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day, from open to close in nanoseconds."""

    day: date
    open_ns: int
    close_ns: int

    @property
    def seconds(self) -> int:
        """Length of regular trading."""
        return (self.close_ns - self.open_ns) // 1_000_000_000


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_of_may(year: int) -> date:
    end = date(year, 5, 31)
    return end - timedelta(days=end.weekday())


def _good_friday(year: int) -> date:
    """Two days before Easter, by the anonymous Gregorian computus."""
    golden, century = year % 19, year // 100
    leap_correction = century - century // 4 - (8 * century + 13) // 25
    epact = (leap_correction + 19 * golden + 15) % 30
    epact -= (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    offset = epact - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4)) - 2 * _DAY


def _observed(day: date) -> date:
    """A holiday on Sunday moves to Monday, one on Saturday to Friday."""
    return day + {_SATURDAY: -_DAY, _SUNDAY: _DAY}.get(day.weekday(), timedelta(0))


def _new_year(year: int) -> date:
    """New Year's Day on a Saturday is not made up for: the Friday belongs to the old year's books."""
    day = date(year, 1, 1)
    return day if day.weekday() == _SATURDAY else _observed(day)


def _holidays(year: int) -> set[date]:
    days = {
        _new_year(year),
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _good_friday(year),
        _last_monday_of_may(year),
        _observed(date(year, 7, 4)),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 11, _THURSDAY, 4),
        _observed(date(year, 12, 25)),
    }
    return days | ({_observed(date(year, 6, 19))} if year >= 2022 else set())


def _early_closes(year: int) -> set[date]:
    """13:00 closes: before Independence Day (until 2012 after it, if it fell on a Thursday), after Thanksgiving,
    on Christmas Eve, and on the day after Christmas in 2003."""
    independence, eve = date(year, 7, 4), date(year, 12, 24)
    days = {_nth(year, 11, _THURSDAY, 4) + _DAY, date(2003, 12, 26)}
    if year < 2013 and independence.weekday() == _THURSDAY:
        days.add(independence + _DAY)
    elif independence.weekday() in {1, 2, 3, 4}:
        days.add(independence - _DAY)
    return days | ({eve} if eve.weekday() <= _THURSDAY else set())


def _session(day: date, *, early: bool) -> Session:
    close = time(13) if early else time(16)
    return Session(
        day,
        to_ns(datetime.combine(day, time(9, 30), NEW_YORK)),
        to_ns(datetime.combine(day, close, NEW_YORK)),
    )


@lru_cache(maxsize=64)
def _year(year: int) -> tuple[Session, ...]:
    shut = _holidays(year) | _SPECIAL_CLOSURES
    early = _early_closes(year)
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
    return tuple(_session(day, early=day in early) for day in days if day.weekday() < _SATURDAY and day not in shut)


@lru_cache(maxsize=64)
def _opens(year: int) -> tuple[int, ...]:
    return tuple(session.open_ns for session in _year(year))


@lru_cache(maxsize=64)
def _by_day(year: int) -> dict[date, Session]:
    return {session.day: session for session in _year(year)}


def session_on(day: date) -> Session | None:
    """The session of a date, or None when the exchange is shut."""
    return _by_day(day.year).get(day)


def sessions_between(start: date, end: date) -> Iterator[Session]:
    """Sessions from start to end, both included."""
    for year in range(max(start.year, FIRST_YEAR), min(end.year, LAST_YEAR) + 1):
        yield from (session for session in _year(year) if start <= session.day <= end)


def next_open(ns: int) -> Session:
    """The first session that opens after this instant."""
    year = datetime.fromtimestamp(ns // 1_000_000_000, NEW_YORK).year
    place = bisect_right(_opens(year), ns)
    return _year(year)[place] if place < len(_year(year)) else _year(year + 1)[0]


def last_open(ns: int) -> Session:
    """The latest session that has opened by this instant; it may be over."""
    year = datetime.fromtimestamp(ns // 1_000_000_000, NEW_YORK).year
    place = bisect_right(_opens(year), ns)
    return _year(year)[place - 1] if place else _year(year - 1)[-1]


class Calendar:
    """The rules, but for some days: those have another close, or no session."""

    def __init__(self, exceptions: Mapping[date, Session | None]) -> None:
        """`exceptions` holds only days that have a session by the rules."""
        self._exceptions = exceptions

    def _kept(self, session: Session) -> Session | None:
        return self._exceptions.get(session.day, session)

    def session_on(self, day: date) -> Session | None:
        """The session of a date, or None when the exchange is shut."""
        return self._exceptions.get(day, session_on(day))

    def sessions_between(self, start: date, end: date) -> Iterator[Session]:
        """Sessions from start to end, both included."""
        return filter(None, map(self._kept, sessions_between(start, end)))

    def next_open(self, ns: int) -> Session:
        """The first session that opens after this instant."""
        by_rule = next_open(ns)
        return self._kept(by_rule) or self.next_open(by_rule.open_ns)

    def last_open(self, ns: int) -> Session:
        """The latest session that has opened by this instant; it may be over."""
        by_rule = last_open(ns)
        return self._kept(by_rule) or self.last_open(by_rule.open_ns - 1)

    def trading_session(self, ns: int) -> Session:
        """The session that an order sent now belongs to: the one running, else the next."""
        running = self.last_open(ns)
        return running if ns < running.close_ns else self.next_open(ns)

"""Exchange sessions from exchange_calendars (XNYS)."""

import json
import warnings
from bisect import bisect_left, bisect_right
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from trader.adapters import durable
from trader.domain.errors import ConfigurationError
from trader.domain.market import SessionDay

FIRST, LAST = date(1990, 1, 1), date(2045, 12, 31)


class ExchangeCalendar:
    """ports.stores.Calendar of the New York Stock Exchange, half days included.

    The library costs most of a second to import; with a `cache` directory it is asked once per release of it.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache

    def session(self, day: date) -> SessionDay | None:
        """The session of that date, None when the exchange is closed."""
        found = self.sessions(day, day)
        return found[0] if found else None

    def sessions(self, start: date, end: date) -> tuple[SessionDay, ...]:
        """The sessions from start to end, both included."""
        _within(start, end)
        return self._all[bisect_left(self._dates, start) : bisect_right(self._dates, end)]

    def previous(self, day: date) -> SessionDay:
        """The last session before that date."""
        _within(day)
        before = bisect_left(self._dates, day)
        if not before:
            raise _outside(day)
        return self._all[before - 1]

    @cached_property
    def _all(self) -> tuple[SessionDay, ...]:
        if self._cache is None:
            return _from_library()
        releases = f"{version('exchange_calendars')}-{version('tzdata')}"
        path = self._cache / f"xnys-{FIRST:%Y}-{LAST:%Y}-{releases}.json"
        try:
            rows = json.loads(path.read_bytes())
            return tuple(SessionDay(date.fromisoformat(d), *map(datetime.fromisoformat, times)) for d, *times in rows)
        except (OSError, ValueError, TypeError):
            found = _from_library()
            rows = [[day.date.isoformat(), day.open_at.isoformat(), day.close_at.isoformat()] for day in found]
            with suppress(OSError):  # whoever may not write here waits for the library again
                durable.replace(path, json.dumps(rows).encode())
            return found

    @cached_property
    def _dates(self) -> tuple[date, ...]:
        return tuple(day.date for day in self._all)


def _from_library() -> tuple[SessionDay, ...]:
    from exchange_calendars.exchange_calendar_xnys import XNYSExchangeCalendar

    with warnings.catch_warnings():  # the library's own use of pandas is not the operator's concern
        warnings.simplefilter("ignore", DeprecationWarning)
        days = XNYSExchangeCalendar(start=FIRST.isoformat(), end=LAST.isoformat()).schedule
    times = (days[column].dt.to_pydatetime() for column in ("open", "close"))
    return tuple(
        SessionDay(day, open_at.astimezone(UTC), close_at.astimezone(UTC))
        for day, open_at, close_at in zip(days.index.date, *times, strict=True)
    )


def _within(*days: date) -> None:
    for day in days:
        if not FIRST <= day <= LAST:
            raise _outside(day)


def _outside(day: date) -> ConfigurationError:
    return ConfigurationError(
        "exchange calendar", f"{day} lies outside {FIRST} to {LAST}", "Ask for a date in between; check the clock."
    )

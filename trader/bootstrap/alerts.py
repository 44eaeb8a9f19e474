"""Looking whether what was due happened, and telling what failed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from trader.adapters.clock import ExchangeClock
from trader.bootstrap.parts import NeverStopped, exchange_calendar, ledger_reading, state_file, system_clock
from trader.bootstrap.place import Place
from trader.bootstrap.services import ending_of
from trader.domain.alerts import Alert
from trader.domain.errors import ConfigurationError, TraderError
from trader.domain.market import SessionDay, exchange_date
from trader.status.failure import in_words
from trader.status.watchdog import Evidence, Missed, Schedule, evidence, missed, summary, unfinished

_WATCHDOG = "paper-trading-watchdog"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is missing by now, and in a sentence how things stand when nothing is."""

    missed: tuple[Missed, ...]
    summary: str


def watch(place: Place, schedule: Schedule) -> Watched:
    """Look whether what was due by now happened, from calendar, ledger and STATE alone."""
    now, session, found = _sight(place)
    missing = missed(session, now, schedule, found)
    return Watched(missing, summary(session, now.astimezone(schedule.zone), schedule, found))


def is_unfinished(place: Place) -> bool:
    """Whether today's session was begun, and its close is to come."""
    now, session, found = _sight(place)
    return unfinished(session, now, found)


def alert_of(place: Place, unit: str, schedule: Schedule, environ: Mapping[str, str]) -> Alert:
    """What there is to tell of a unit that has failed; of the watchdog, what it misses."""
    text = f"{unit} failed: {in_words(ending_of(unit, environ))}."
    if unit == _WATCHDOG:
        with suppress(TraderError):
            text = " ".join(f"{each.what}. {each.remedy}" for each in watch(place, schedule).missed) or text
    return Alert(system_clock().now(), unit, "error", f"{text} `trader status` shows how trading stands.")


def keep(place: Place, alert: Alert) -> int:
    """Put an alert into the outbox; its number there. Raises what the ledger raises."""
    from trader.adapters.ledger.outbox import Outbox

    return Outbox(place.ledger).put(alert)


def _sight(place: Place) -> tuple[datetime, SessionDay | None, Evidence]:
    now, calendar = _venue_now(place), exchange_calendar(place)
    day = exchange_date(now)
    state, _ = state_file(place).read()
    return now, calendar.session(day), evidence(ledger_reading(place), state, day, calendar.previous(day).date)


def _venue_now(place: Place) -> datetime:
    """The wall's time, or that of the simulated exchange this place trades on. A configuration that is broken may be
    why nothing happened: the wall's, then.
    """
    with suppress(ConfigurationError):
        broker = place.configuration().settings.broker
        if broker.venue == "simulated" and broker.url is not None:
            return ExchangeClock(broker.url, NeverStopped()).now()
    return system_clock().now()

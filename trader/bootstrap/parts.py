"""Single parts over a place, for commands that need no whole desk."""

from datetime import date
from typing import TYPE_CHECKING

from trader.adapters.calendar import ExchangeCalendar
from trader.adapters.clock import SystemClock
from trader.adapters.state_file import StateFile
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError
from trader.domain.market import Universe, exchange_date

if TYPE_CHECKING:
    from trader.adapters.bar_archive import ParquetBarArchive
    from trader.adapters.ledger.reading import LedgerReading
    from trader.adapters.ledger.store import SqlLedger
    from trader.adapters.model_store import ModelStore
    from trader.adapters.report_files import ReportFiles
    from trader.ports.clock import Clock
    from trader.settings.load import Configuration


class NeverStopped:
    """A StopSignal for commands that Ctrl-C may simply end."""

    def requested(self) -> bool:
        """False."""
        return False


def system_clock() -> SystemClock:
    """The wall's time, for commands that wait for nothing."""
    return SystemClock(NeverStopped())


def existing_ledger(place: Place, clock: "Clock | None" = None) -> "SqlLedger | None":
    """The ledger of the place, None when there is none yet."""
    if not place.ledger.exists():
        return None
    return require_ledger(place, clock)


def ledger_reading(place: Place) -> "LedgerReading | None":
    """The ledger of the place to look at, None when there is none; it costs less than the ledger itself."""
    from trader.adapters.ledger.reading import LedgerReading

    return LedgerReading(place.ledger) if place.ledger.exists() else None


def require_ledger(place: Place, clock: "Clock | None" = None) -> "SqlLedger":
    """The ledger of the place. Raises ConfigurationError when there is none yet."""
    from trader.adapters.ledger.store import open_ledger

    return open_ledger(place.ledger, clock or system_clock(), create=False)


def state_file(place: Place) -> StateFile:
    """The STATE file."""
    return StateFile(place.state / "STATE")


def exchange_calendar(place: Place) -> ExchangeCalendar:
    """The exchange's sessions, remembered in the state directory."""
    return ExchangeCalendar(place.state / "calendar")


def bar_archive(place: Place) -> "ParquetBarArchive":
    """The daily bars."""
    from trader.adapters.bar_archive import ParquetBarArchive

    return ParquetBarArchive(place.state / "bars", exchange_calendar(place))


def model_store(place: Place) -> "ModelStore":
    """The model artifacts."""
    from trader.adapters.model_store import ModelStore

    return ModelStore(place.state / "models")


def report_files(place: Place) -> "ReportFiles":
    """The end-of-day reports."""
    from trader.adapters.report_files import ReportFiles

    return ReportFiles(place.state / "reports")


def known_universe(place: Place, configuration: "Configuration") -> Universe | None:
    """The candidates by data.universe, or those the simulated market was begun with; None when neither is there."""
    from trader.adapters.universe_file import read_universe

    if (named := configuration.settings.data.universe) is not None:
        return read_universe(configuration.path.parent / named)
    return read_universe(place.universe) if place.universe.exists() else None


def universe_of_bars(place: Place) -> Universe:
    """Every symbol that has bars, unclassified. Raises ConfigurationError when there are none."""
    symbols = bar_archive(place).symbols()
    if not symbols:
        remedy = "Name a CSV file (symbol, sector) in data.universe, or run `trader data import FILE` first."
        raise ConfigurationError(str(place.config), "no candidates: neither data.universe nor bars are there", remedy)
    return Universe(tuple((symbol, "unclassified") for symbol in symbols))


def working_day(place: Place) -> date:
    """The date to report on when none is named: that of the newest plan on a simulated exchange, else today's."""
    from trader.domain.journal import AccountOpened, PlanCommitted, PreflightPassed

    if (ledger := ledger_reading(place)) is None:
        return wall_day()
    opened = ledger.latest(AccountOpened)
    number = opened.event.account_number if opened and isinstance(opened.event, AccountOpened) else ""
    if not (place.exchange.exists() or number.startswith(_SIMULATED)):
        return wall_day()
    newest = (ledger.latest(kind) for kind in (PreflightPassed, PlanCommitted))
    return max((entry.event.session_date for entry in newest if entry), default=wall_day())


_SIMULATED = "SIMULATED"
"""What account numbers of the simulated exchange begin with."""


def wall_day() -> date:
    """Today in New York."""
    return exchange_date(system_clock().now())

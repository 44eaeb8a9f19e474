"""The desk: every part of a trading day, chosen by the configuration and made when first used."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from trader.adapters.clock import ExchangeClock, SignalStop, SystemClock
from trader.adapters.host import LocalHost
from trader.adapters.locks import Lease
from trader.adapters.plan_files import PlanFiles
from trader.adapters.systemd import ServiceClock
from trader.bootstrap.later import Later
from trader.bootstrap.parts import (
    bar_archive,
    exchange_calendar,
    known_universe,
    model_store,
    state_file,
    universe_of_bars,
)
from trader.bootstrap.place import Place
from trader.bootstrap.running import running_release
from trader.bootstrap.simulated_state import mark
from trader.domain.market import Universe
from trader.modes.desk import Desk, Policies
from trader.ports.clock import Clock, StopSignal
from trader.settings.load import Configuration
from trader.settings.model import Settings

if TYPE_CHECKING:
    from trader.adapters.ledger.store import SqlLedger
    from trader.ports.broker import Broker, MarketData
    from trader.ports.stores import BarArchive, Ledger, ModelStore
    from trader.settings.credentials import Credentials

Progress = Callable[[str, int, int], None]
FIRST_DAY = date(2026, 3, 16)
"""Where a simulated exchange begins unless a date is named: fixed, so that runs can be repeated."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a simulated exchange is begun; without effect on one that has been."""

    day: date = FIRST_DAY
    bars: Path | None = None


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def open_desk(
    place: Place,
    progress: Progress = silent,
    beginning: Beginning | None = None,
    *,
    follows: bool = False,
    stops: bool = False,
) -> Iterator[Desk]:
    """The desk of a place, for the block. On a simulated venue without a `url` it has the embedded exchange.

    `follows`: a simulated exchange's time is left to another process while that one holds the orders lease.
    `stops`: for an emergency stop, which needs less of the configuration, no universe, and waits for no other process.
    """
    configuration = place.configuration(stops)
    settings = configuration.settings
    with ExitStack() as stack:
        stop = stack.enter_context(SignalStop())
        address = cache(lambda: _exchange_address(place, settings, beginning or Beginning(), stack))
        observes = settings.execution.integration == "integrated"  # whoever only observes must not hurry the day
        clock = _clock(place, settings, address, stop, lambda: follows and (observes or lease.seen()[0]))
        lease = Lease(place.state, settings.execution.account, clock)
        wire = cache(lambda: _connected(configuration, place, clock, address, stops))
        yield Desk(
            policies=_policies(settings),
            release=running_release(),
            config_text=configuration.text,
            config_hash=configuration.hash,
            universe=Universe(()) if stops else _universe(place, configuration, address),
            clock=clock,
            stop=stop,
            calendar=exchange_calendar(place),
            broker=cast("Broker", Later(lambda: wire()[0])),
            market=cast("MarketData", Later(lambda: wire()[1])),
            ledger=cast("Ledger", Later(lambda: stack.enter_context(closing(_ledger(place, clock, stops))))),
            plans=PlanFiles(place.state / "plans", settings.execution.account, settings.execution.strategy),
            state=state_file(place),
            lease=lease,
            bars=cast("BarArchive", Later(lambda: bar_archive(place))),
            models=cast("ModelStore", Later(lambda: model_store(place))),
            host=LocalHost(place.state),
            progress=progress,
        )


def _policies(settings: Settings) -> Policies:
    return Policies(
        execution=settings.execution,
        sizing=settings.position_sizing,
        risk=settings.risk_management,
        watch=settings.watch,
        model=settings.model,
        data=settings.data,
        calendar=settings.calendar,
        reporting=settings.reporting,
    )


def _exchange_address(place: Place, settings: Settings, beginning: Beginning, stack: ExitStack) -> str | None:
    """The simulated exchange's URL, which is started for the desk's life when none is configured; None: Alpaca."""
    from trader.adapters.embedded_exchange import EmbeddedExchange, remembered_market

    if settings.broker.venue == "alpaca" or settings.broker.url is not None:
        return settings.broker.url
    begins_at = datetime.combine(beginning.day, time(7), ZoneInfo(settings.calendar.timezone))
    begun = remembered_market(place.exchange) is not None
    start_at = datetime(2000, 1, 1, tzinfo=begins_at.tzinfo) if begun else begins_at  # never moves time back
    mark(place)
    exchange = EmbeddedExchange(place.exchange, settings.broker.simulation, start_at, bars=beginning.bars)
    return stack.enter_context(exchange)


def _clock(
    place: Place, settings: Settings, address: Callable[[], str | None], stop: StopSignal, led: Callable[[], bool]
) -> Clock:
    """The clock of the venue; it tells the service manager, if there is one, that the program lives."""
    if settings.broker.venue == "alpaca":
        return ServiceClock(SystemClock(stop), place.environ)
    return ServiceClock(cast("Clock", Later(lambda: ExchangeClock(str(address()), stop, led))), place.environ)


def _connected(
    configuration: Configuration, place: Place, clock: Clock, address: Callable[[], str | None], stops: bool
) -> "tuple[Broker, MarketData]":
    from trader.adapters.alpaca.factory import connect
    from trader.adapters.alpaca.transport import Timeouts
    from trader.adapters.rate_limit import TokenBucket, Unhindered

    policy = configuration.settings.broker
    keys = _keys(configuration, place)
    account = configuration.settings.execution.account
    bucket = TokenBucket(place.state / f"requests.{account}", policy.requests_per_minute, clock)
    return connect(
        keys.key_id,
        keys.secret,
        clock=clock,
        budget=Unhindered(bucket) if stops else bucket,
        timeouts=Timeouts(policy.connect_timeout_s, policy.read_timeout_s),
        feed=configuration.settings.data.feed,
        simulated_url=address(),
    )


def _keys(configuration: Configuration, place: Place) -> "Credentials":
    """The broker's keys. A simulated exchange elsewhere is shown those that are there, and may refuse them; one of our
    own takes any.
    """
    from pydantic import SecretStr

    from trader.settings.credentials import Credentials, find_credentials, known_credentials

    policy = configuration.settings.broker
    if policy.venue == "alpaca":
        return find_credentials(configuration.path, place.environ)
    found = known_credentials(configuration.path, place.environ) if policy.url is not None else None
    return found or Credentials(SecretStr("SIMULATED"), SecretStr("SIMULATED"))


def _ledger(place: Place, clock: Clock, stops: bool) -> "SqlLedger":
    from trader.adapters.ledger.store import open_ledger

    return open_ledger(place.ledger, clock, create=False, patience_s=1) if stops else open_ledger(place.ledger, clock)


def _universe(place: Place, configuration: Configuration, address: Callable[[], str | None]) -> Universe:
    """The known candidates; those of a synthetic market, kept from then on; else every symbol with bars."""
    from trader.adapters.embedded_exchange import fetch_sectors
    from trader.adapters.universe_file import write_universe

    if (known := known_universe(place, configuration)) is not None:
        return known
    if configuration.settings.broker.venue == "simulated" and (sectors := fetch_sectors(str(address()))):
        write_universe(place.universe, Universe(tuple(sorted(sectors.items()))))
        return Universe(tuple(sorted(sectors.items())))
    return universe_of_bars(place)

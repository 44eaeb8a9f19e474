"""What every mode works with, put together once by `bootstrap`."""

from collections.abc import Callable
from dataclasses import dataclass

from trader.domain.market import Universe
from trader.domain.policy import (
    CalendarPolicy,
    DataPolicy,
    ExecutionPolicy,
    ModelPolicy,
    ReportingPolicy,
    RiskPolicy,
    SizingPolicy,
    WatchPolicy,
)
from trader.ports.broker import Broker, MarketData
from trader.ports.clock import Clock, StopSignal
from trader.ports.host import Host
from trader.ports.stores import BarArchive, Calendar, Lease, Ledger, ModelStore, PlanFiles, StateFile


@dataclass(frozen=True, slots=True)
class Policies:
    """The configuration's sections a mode may read."""

    execution: ExecutionPolicy
    sizing: SizingPolicy
    risk: RiskPolicy
    watch: WatchPolicy
    model: ModelPolicy
    data: DataPolicy
    calendar: CalendarPolicy
    reporting: ReportingPolicy


@dataclass(frozen=True, slots=True)
class Desk:
    """Policies, identity and ports. `config_text` is canonical and `config_hash` its SHA-256.

    `progress(what, done, total)` tells a watching person how far the work is.
    """

    policies: Policies
    release: str
    config_text: str
    config_hash: str
    universe: Universe
    clock: Clock
    stop: StopSignal
    calendar: Calendar
    broker: Broker
    market: MarketData
    ledger: Ledger
    plans: PlanFiles
    state: StateFile
    lease: Lease
    bars: BarArchive
    models: ModelStore
    host: Host
    progress: Callable[[str, int, int], None]

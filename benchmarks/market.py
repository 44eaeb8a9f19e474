"""A market to measure on: bars over the wire of a simulated exchange, a trained model, an account."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from tests.support.desk import open_desk, policies
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.bar_import import bar_dates, import_bars, read_bars
from trader.adapters.embedded_exchange import EmbeddedExchange, fetch_sectors
from trader.adapters.model_store import ModelStore
from trader.domain.bars import BarPanel
from trader.domain.policy import SimulationPolicy
from trader.modes.desk import Desk
from trader.modes.update import update_bars
from trader.training.train import train

SIMULATION = SimulationPolicy(symbols=500, history_sessions=700, cash_usd=Decimal(2_000_000), seed=1)
POSITIONS = 200
POLICIES = policies(
    sizing={"max_positions": POSITIONS, "weighting": "equal", "signal_threshold": Decimal(0)},
    risk={"max_sector_exposure": Decimal(1), "max_correlation_exposure": Decimal(4)},
    watch={"interval_s": 1800},
    data={"max_excluded_share": Decimal(1)},
)
CHICAGO = ZoneInfo("America/Chicago")
_DAY = date(2026, 3, 16)


@dataclass(frozen=True, slots=True)
class Market:
    """A state directory with bars and a model, its exchange and the day to trade."""

    state: Path
    url: str
    day: date
    desk: Desk
    panel: BarPanel
    sectors: dict[str, str]

    def at(self, clock: time) -> datetime:
        """A time of the day in Chicago."""
        return datetime.combine(self.day, clock, CHICAGO)

    @property
    def bars(self) -> pd.DataFrame:
        """The panel as scripts have it: one row a symbol and day, the sector beside it."""
        columns = {name: getattr(self.panel, name).T.ravel() for name in ("open", "high", "low", "close", "volume")}
        count = len(self.panel.dates)
        names = [symbol for symbol in self.panel.symbols for _ in range(count)]
        days = pd.to_datetime(list(self.panel.dates) * len(self.panel.symbols))
        sectors = [self.sectors[name] for name in names]
        return pd.DataFrame({"symbol": names, "date": days, "sector": sectors, **columns}).dropna(subset=["close"])


@contextmanager
def prepared(state: Path, bars: Path | None) -> Iterator[Market]:
    """A market for the block: synthetic, or of the file's bars, whose last date is the day."""
    day = _DAY if bars is None else bar_dates(bars)[-1]
    begins = datetime.combine(day, time(7), CHICAGO)
    state.mkdir(parents=True, exist_ok=True)
    with EmbeddedExchange(state / "exchange", SIMULATION, begins, bars=bars, requests_per_minute=0) as url:
        sectors = (
            fetch_sectors(url) if bars is None else dict.fromkeys(read_bars(bars)["symbol"].unique(), "unclassified")
        )
        (state / "sectors.json").write_text(json.dumps(sectors))
        desk = open_desk(state, url, POLICIES)
        before = desk.calendar.previous(day).date
        if bars is None:
            update_bars(desk, before, SIMULATION.history_sessions)
        else:
            import_bars(bars, ParquetBarArchive(state / "bars", desk.calendar), desk.calendar, before)
        panel = desk.bars.panel(desk.universe.symbols, before, SIMULATION.history_sessions)
        trained = train(panel, [sectors[symbol] for symbol in panel.symbols], POLICIES.model)
        store = ModelStore(state / "models")
        store.promote(store.save(trained), desk.clock.now())
        yield Market(state, url, day, desk, panel, sectors)

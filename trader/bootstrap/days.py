"""Whole days, one after another; on a simulated exchange everything that a first day needs is made before it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trader.bootstrap.desk import FIRST_DAY, Beginning, Progress, open_desk
from trader.bootstrap.parts import NEW_YORK, bar_archive, exchange_calendar, model_store, report_files
from trader.bootstrap.place import Place
from trader.bootstrap.training import train_model
from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.modes.desk import Desk
from trader.modes.preflight import PreflightReport
from trader.modes.session import SessionOutcome
from trader.modes.trading_day import run_day

if TYPE_CHECKING:
    from trader.reporting.day_report import DayReport

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DayRun:
    """What one day came to; what it did not come to is None."""

    session_date: date
    checks: PreflightReport
    outcome: SessionOutcome | None
    report: "DayReport | None"

    @property
    def ok(self) -> bool:
        """Whether the day was traded to its end and ledger and broker agree."""
        traded = self.outcome is not None and self.outcome.ok
        return traded and self.report is not None and self.report.ok


@dataclass(frozen=True, slots=True)
class DayOrders:
    """What `trader day` was asked for; `day` None is the exchange's present date."""

    day: date | None = None
    days: int = 1
    bars: Path | None = None
    sectors: Path | None = None


def forget(place: Place) -> None:
    """Remove the state of an embedded exchange and all that came of it. Raises ConfigurationError for another state."""
    if place.exchange.exists():
        shutil.rmtree(place.state)
    elif place.state.exists() and any(place.state.iterdir()):
        what = "this is not the state of an embedded exchange: --fresh does not remove it"
        raise ConfigurationError(str(place.state), what, "Name another directory with --state.")


def run_days(place: Place, orders: DayOrders, progress: Progress, announce: Announce) -> tuple[DayRun, ...]:
    """Run the days; one that does not end well is the last."""
    simulated = place.configuration().settings.broker.venue == "simulated"
    if simulated:
        orders = _begin(place, orders, announce)
    elif orders.bars or orders.sectors:
        what = "--bars and --sectors are for a simulated venue"
        raise ConfigurationError(str(place.config), what, "Use `trader data import` and data.universe.")
    with open_desk(place, progress, Beginning(orders.day or FIRST_DAY, orders.bars)) as desk:
        first = orders.day or desk.clock.now().astimezone(NEW_YORK).date()
        if simulated and not model_store(place).promotions():
            _prepare(desk, place, first, announce)
        return _run(desk, place, _sessions(desk, first, orders.days), announce)


def _begin(place: Place, orders: DayOrders, announce: Announce) -> DayOrders:
    """Copy the candidates and import the bars before the first day."""
    from trader.adapters.bar_import import import_bars
    from trader.adapters.universe_file import read_universe, write_universe

    if orders.bars is None or bar_archive(place).path.exists():
        return orders
    if orders.day is None:
        raise ConfigurationError("--bars", "without a date", "Name the first day: --date 2022-03-16.")
    if orders.sectors is not None:
        write_universe(place.universe, read_universe(orders.sectors))
    calendar = exchange_calendar(place)
    report = import_bars(orders.bars, bar_archive(place), calendar, calendar.previous(orders.day).date)
    announce(f"{report.stored:,} bars of {report.symbols} symbols from {orders.bars}, up to {report.last}")
    for closed, rows in report.dropped:
        announce(f"{rows} bars of {closed} dropped: no session")
    return replace(orders, bars=orders.bars.resolve())


def _prepare(desk: Desk, place: Place, first: date, announce: Announce) -> None:
    """History over the wire where it is missing, and a model trained on what lies before the first day."""
    from trader.modes.update import update_bars

    before = desk.calendar.previous(first).date
    announce(f"Fetching the bars that are missing up to {before} ({len(desk.universe.symbols)} symbols)")
    update_bars(desk, before, place.configuration().settings.broker.simulation.history_sessions)
    announce("Training a model on them")
    trained = train_model(place, before)
    model_store(place).promote(trained.hash, desk.clock.now())
    tested = trained.contract.held_out
    announce(
        f"Model {trained.hash[:12]} promoted: {trained.contract.rows:,} examples, mean rank IC {tested.mean_rank_ic}"
        f" over {tested.sessions} sessions it had not seen"
    )


def _sessions(desk: Desk, first: date, count: int) -> tuple[date, ...]:
    ahead = first + timedelta(days=count * 2 + 10)
    found = tuple(session.date for session in desk.calendar.sessions(first, ahead))
    if found[0] != first:
        raise ChecksFailed(f"{first} is no trading session", f"The next one is {found[0]}.")
    return found[:count]


def _run(desk: Desk, place: Place, sessions: tuple[date, ...], announce: Announce) -> tuple[DayRun, ...]:
    from trader.modes.eod import close_day

    close = partial(close_day, reports=report_files(place))
    runs: list[DayRun] = []
    for session in sessions:
        runs.append(DayRun(session, *run_day(desk, session, close)))
        announce(_in_words(runs[-1]))
        if not runs[-1].ok or desk.stop.requested():
            break
    return tuple(runs)


def _in_words(run: DayRun) -> str:
    if run.report is None:
        failed = [check.name for check in run.checks.checks if not check.ok]
        return f"{run.session_date}: not closed" + (f"; failed: {', '.join(failed)}" if failed else "")
    figures, agreement = run.report.figures, "agree" if run.report.ok else "DISAGREE"
    return (
        f"{run.session_date}: {figures.filled} of {figures.orders} orders filled,"
        f" P&L {figures.profit.total_usd:,} USD, ledger and broker {agreement}"
    )

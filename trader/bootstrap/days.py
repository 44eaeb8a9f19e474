"""Whole days, one after another; on a simulated exchange everything that a first day needs is made before it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trader.bootstrap.desk import FIRST_DAY, Beginning, Progress, open_desk
from trader.bootstrap.market_days import (
    require_bars,
    require_begun_market,
    require_synthetic_market,
    sessions_from,
)
from trader.bootstrap.parts import bar_archive, exchange_calendar, model_store, report_files
from trader.bootstrap.place import Place
from trader.bootstrap.simulated_state import mark, remove, require_ours
from trader.bootstrap.training import train_model
from trader.domain.errors import ConfigurationError
from trader.domain.market import exchange_date
from trader.domain.policy import SimulationPolicy
from trader.modes.desk import Desk
from trader.modes.outcome import SessionOutcome
from trader.modes.preflight import PreflightReport
from trader.modes.trading_day import run_day

if TYPE_CHECKING:
    from trader.reporting.day_report import DayReport

Announce = Callable[[str], None]
NOTABLE_T = 2
"""A t-statistic nearer to 0 is what chance alone gives nineteen times of twenty."""


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


def forget(place: Place, orders: DayOrders | None = None) -> None:
    """Remove a simulated exchange's state for another beginning, once everything of `orders` has been checked.

    Raises ConfigurationError, BadData or ChecksFailed, and removes nothing, when the state is not a simulated
    exchange's or the day could not be begun anew.
    """
    orders = orders or DayOrders()
    if place.configuration().settings.broker.venue != "simulated":
        raise ConfigurationError("--fresh", "is for a simulated venue", "Leave it out; nothing was removed.")
    require_ours(place)
    _check_beginning(place, orders)
    for path in (orders.bars, orders.sectors):
        if path is not None and path.resolve().is_relative_to(place.state.resolve()):
            raise ConfigurationError(str(path), "lies in the state that --fresh removes", "Move it elsewhere.")
    if orders.bars is not None:
        from trader.adapters.bar_import import read_bars

        read_bars(orders.bars)
    remove(place)


def run_days(place: Place, orders: DayOrders, progress: Progress, announce: Announce) -> tuple[DayRun, ...]:
    """Run the days; one that does not end well is the last."""
    simulated = place.configuration().settings.broker.venue == "simulated"
    if simulated:
        _begin(place, orders, announce)
    elif orders.bars or orders.sectors:
        what = "--bars and --sectors are for a simulated venue"
        raise ConfigurationError(str(place.config), what, "Use `trader data import` and data.universe.")
    with open_desk(place, progress, Beginning(orders.day or FIRST_DAY, orders.bars)) as desk:
        first = orders.day or exchange_date(desk.clock.now())
        sessions = sessions_from(desk.calendar, first, orders.days)
        if simulated and not model_store(place).promotions():
            _prepare(desk, place, first, announce)
        return _run(desk, place, sessions, announce)


def _begin(place: Place, orders: DayOrders, announce: Announce) -> None:
    """Check the orders, say which market it is, and copy candidates and bars before the first day."""
    from trader.adapters.embedded_exchange import remembered_market

    broker = place.configuration().settings.broker
    if (market := remembered_market(place.exchange)) is not None:
        if orders.day is not None:
            require_begun_market(market, sessions_from(exchange_calendar(place), orders.day, orders.days))
        announce(f"Bars from {market.bars}" if market.bars else _synthetic(broker.simulation))
        return
    _check_beginning(place, orders)
    mark(place)
    if orders.bars is not None and orders.day is not None:
        _import(place, orders.bars, orders.sectors, orders.day, announce)
    else:
        announce(f"Market of {broker.url}" if broker.url else _synthetic(broker.simulation))


def _synthetic(simulation: SimulationPolicy) -> str:
    return f"Synthetic market: {simulation.symbols} symbols, seed {simulation.seed}"


def _check_beginning(place: Place, orders: DayOrders) -> None:
    """Raise ConfigurationError, BadData or ChecksFailed when no market can be begun with these orders."""
    from trader.adapters.bar_import import require_file
    from trader.adapters.universe_file import read_universe

    if orders.bars is not None and orders.day is None:
        raise ConfigurationError("--bars", "without a date", "Name the first day: --date 2022-03-16.")
    if orders.sectors is not None and orders.bars is None:
        raise ConfigurationError(
            "--sectors", "without --bars", "Name the bars; a synthetic market has its own sectors."
        )
    sessions = sessions_from(exchange_calendar(place), orders.day or FIRST_DAY, orders.days)
    broker = place.configuration().settings.broker
    if orders.bars is not None:
        require_bars(orders.bars, sessions)
    elif broker.url is None:
        require_synthetic_market(broker.simulation, sessions)
    if orders.sectors is not None:
        require_file(orders.sectors)
        read_universe(orders.sectors)


def _import(place: Place, bars: Path, sectors: Path | None, first: date, announce: Announce) -> None:
    """The candidates, and the bars up to two sessions before the first day: what is newer comes over the wire."""
    from trader.adapters.bar_import import import_bars
    from trader.adapters.universe_file import read_universe, write_universe

    if sectors is not None:
        write_universe(place.universe, read_universe(sectors))
    calendar = exchange_calendar(place)
    until = calendar.previous(calendar.previous(first).date).date
    report = import_bars(bars, bar_archive(place), calendar, until)
    announce(
        f"Bars from {bars}: {report.stored:,} of {report.symbols} symbols imported, {report.first} to {report.last}"
    )
    for closed, rows in report.dropped:
        announce(f"{rows} bars of {closed} dropped: no session")


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
    verdict = ": no more than chance" if abs(tested.t_statistic) < NOTABLE_T else ""
    announce(
        f"Model {trained.hash[:12]} promoted: {trained.contract.rows:,} examples, mean rank IC {tested.mean_rank_ic}"
        f" (t-statistic {tested.t_statistic}) over {tested.sessions} sessions it had not seen{verdict}"
    )


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

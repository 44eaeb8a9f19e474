"""On which days a simulated market can be traded: asked before anything is made or removed for it."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trader.adapters.calendar import LAST
from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.domain.policy import SimulationPolicy
from trader.ports.stores import Calendar

if TYPE_CHECKING:
    from trader.adapters.embedded_exchange import Market


def sessions_from(calendar: Calendar, first: date, count: int) -> tuple[date, ...]:
    """That many sessions from `first` on. Raises ChecksFailed when it is none."""
    found = tuple(session.date for session in calendar.sessions(first, LAST)[:count])
    if not found or found[0] != first:
        following = f"The next one is {found[0]}." if found else "Name an earlier one."
        raise ChecksFailed(f"{first} is no trading session", following)
    return found


def require_begun_market(market: "Market", sessions: Sequence[date]) -> None:
    """Raise ConfigurationError or BadData unless a market that has been begun lasts through the sessions."""
    from trader.adapters.bar_import import bar_dates

    if market.bars is not None:
        _require_dates(market.bars, bar_dates(Path(market.bars)), sessions)
    elif market.history_end is not None and sessions[-1] > date.fromisoformat(market.history_end):
        remedy = "Name an earlier day, or fewer --days; or begin anew with --fresh."
        raise ConfigurationError(str(sessions[-1]), f"the synthetic market ends {market.history_end}", remedy)


def require_synthetic_market(simulation: SimulationPolicy, sessions: Sequence[date]) -> None:
    """Raise ConfigurationError unless a synthetic market begun on the first session lasts through all of them."""
    from trader.adapters.embedded_exchange import EARLIEST, history_span

    earliest = EARLIEST + history_span(simulation)
    if sessions[0] < earliest:
        what = f"too early for {simulation.history_sessions} sessions of history, which begin in {EARLIEST.year}"
        raise ConfigurationError(str(sessions[0]), what, f"Name a day from {earliest} on.")
    if sessions[-1] > sessions[0] + timedelta(days=365):
        what = f"lies more than a year after {sessions[0]}, and a synthetic market lasts no longer"
        raise ConfigurationError(str(sessions[-1]), what, "Ask for fewer --days.")


def require_bars(bars: Path, sessions: Sequence[date]) -> None:
    """Raise ConfigurationError or BadData unless one can begin on the first session and trade them all."""
    from trader.adapters.bar_import import bar_dates, require_file
    from trader.adapters.embedded_exchange import EARLIEST
    from trader.decision.features import BARS_NEEDED
    from trader.training.train import AHEAD, LEAST_SESSIONS

    require_file(bars)
    if ".csv" in bars.suffixes:
        raise ConfigurationError(str(bars), "--bars needs Parquet", "`trader data import` reads CSV.")
    dates = [day for day in bar_dates(bars) if day >= EARLIEST]
    _require_dates(str(bars), dates, sessions)
    before, needed = dates.index(sessions[0]), BARS_NEEDED - 1 + AHEAD + LEAST_SESSIONS
    if before < needed:
        what = f"{before} sessions before {sessions[0]}, and a model needs {needed} to be trained on"
        later = f"Name {dates[needed]} or a later day." if needed < len(dates) else "Name a file with more of them."
        raise ConfigurationError(str(bars), what, later)


def _require_dates(bars: str, dates: Sequence[date], sessions: Sequence[date]) -> None:
    if not dates:
        raise ConfigurationError(bars, "no bars since 2000", "Name another file.")
    missing = sorted(set(sessions).difference(dates))
    if missing:
        what = f"no bar of {missing[0]}; its bars begin {dates[0]} and end {dates[-1]}"
        raise ConfigurationError(bars, what, "Name a day that has bars, or fewer --days.")

"""Bringing the bar archive up to date from the broker's data."""

from dataclasses import dataclass
from datetime import date

import structlog

from trader.decision.universe import missing_ranges
from trader.modes.desk import Desk

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update brought: symbols asked for and rows stored."""

    through: date
    asked: int
    rows: int


def update_bars(desk: Desk, through: date, history_sessions: int | None = None) -> UpdateReport:
    """Fetch what the archive lacks up to the session `through`, and store it."""
    wanted = history_sessions or desk.policies.data.lookback_sessions
    ranges = missing_ranges(desk.bars.last_dates(), desk.universe.symbols, through, desk.calendar, wanted)
    rows = 0
    for number, (symbols, start, end) in enumerate(ranges, 1):
        frame = desk.market.daily_bars(symbols, start, end)
        rows += desk.bars.merge(frame)
        desk.progress("bars fetched", number, len(ranges))
    asked = sum(len(symbols) for symbols, _, _ in ranges)
    log.info("ALPACA bars updated", through=str(through), symbols=asked, rows=rows)
    return UpdateReport(through, asked, rows)

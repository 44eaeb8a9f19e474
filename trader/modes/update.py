"""Bringing the bar archive up to date from the broker's data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from trader.decision.bar_rules import validated
from trader.decision.features import BARS_NEEDED
from trader.decision.universe import BarRequest, missing_ranges, screen
from trader.modes.desk import Desk

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update brought: symbols asked for and rows stored."""

    through: date
    asked: int
    rows: int


def update_bars(desk: Desk, through: date, history_sessions: int | None = None) -> UpdateReport:
    """Fetch what the archive lacks up to the session `through`, or the last that is over, and store it.

    The first time that is as much as training reads, later what decisions read.

    A malformed bar costs its symbol the day, nobody else. A symbol whose bars look like a split is asked for anew as a
    whole, as far back as training reads: the broker's bars are adjusted when fetched, those stored before are not.
    """
    known = desk.bars.last_dates()
    training = desk.policies.model.train_sessions + BARS_NEEDED + 2
    sessions = _sessions(
        desk, through, history_sessions or (desk.policies.data.lookback_sessions if known else training)
    )
    asked, rows = _fetch(desk, missing_ranges(known, desk.universe.symbols, sessions), set(sessions))
    if known:
        whole = _sessions(desk, through, max(len(sessions), training))
        again = _fetch(desk, missing_ranges({}, _split_like(desk, through), whole), set(whole))
        asked, rows = asked + again[0], rows + again[1]
    log.info("ALPACA bars updated", through=str(through), symbols=asked, rows=rows)
    return UpdateReport(through, asked, rows)


def _fetch(desk: Desk, requests: Sequence[BarRequest], sessions: Collection[date]) -> tuple[int, int]:
    rows = 0
    for number, request in enumerate(requests, 1):
        fetched = desk.market.daily_bars(request.symbols, request.start, request.end)
        sound, findings = validated(fetched, "the broker's feed", sessions)
        for finding in findings:
            log.warning("ALPACA bars refused", symbol=finding.symbol, reason=finding.reason)
        rows += desk.bars.merge(sound)
        desk.progress("bars fetched", number, len(requests))
    return sum(len(request.symbols) for request in requests), rows


def _sessions(desk: Desk, through: date, count: int) -> tuple[date, ...]:
    start = through - timedelta(days=count * 8 // 5 + 15)
    now = desk.clock.now()
    return tuple(s.date for s in desk.calendar.sessions(start, through) if s.close_at <= now)[-count:]


def _split_like(desk: Desk, through: date) -> frozenset[str]:
    panel = desk.bars.panel(desk.universe.symbols, through, desk.policies.data.lookback_sessions)
    return frozenset(e.symbol for e in screen(panel, desk.policies.data) if e.code == "split_like")

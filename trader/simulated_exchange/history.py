"""The account's equity day by day, as /v2/account/portfolio/history tells it: here amounts are numbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from trader.simulated_exchange import query
from trader.simulated_exchange.calendar import Calendar
from trader.simulated_exchange.engine import Engine
from trader.simulated_exchange.refusals import invalid, unprocessable
from trader.simulated_exchange.timestamps import SECOND_NS, new_york_date

_DAYS = {"W": 7, "M": 30, "A": 365}


@dataclass(frozen=True, slots=True)
class Span:
    """The dates asked for, both included; of those the last `sessions`, all when that is 0."""

    first: date
    last: date
    sessions: int = 0


def read_span(asked: Mapping[str, str], now_ns: int) -> Span:
    """From start, end and period (at most two of them; a month unless given); RefusalError (422)."""
    if asked.get("timeframe", "1D") != "1D":
        raise unprocessable(f"timeframe {asked['timeframe']} is not supported by this exchange")
    start, end = query.instant(asked, "start"), query.instant(asked, "end")
    if start is not None and end is not None and "period" in asked:
        raise invalid("only two of start, end and period are accepted")
    period = re.fullmatch(r"([1-9]\d{0,3})([DWMA])", asked.get("period", "1M"))
    if period is None:
        raise invalid(f"invalid period: {asked['period']}")
    count, unit = int(period[1]), period[2]
    length = timedelta(days=count * _DAYS.get(unit, 10))
    last = new_york_date(now_ns if end is None else end)
    if start is None:
        return Span(last - length, last, count if unit == "D" else 0)
    first = new_york_date(start)
    return Span(first, min(last, first + length) if "period" in asked else last)


def history_json(engine: Engine, span: Span) -> dict[str, Any]:
    """Equity at each close, and now while a session runs; profit since the close before the first of them."""
    every = [(date.fromisoformat(day), equity) for day, equity in engine.closes.items()]
    running = engine.market.calendar.last_open(engine.now_ns)
    if engine.now_ns < running.close_ns:
        every.append((running.day, engine.worth.equity))
    points = [point for point in every if span.first <= point[0] <= span.last][-span.sessions :]
    before = [point for point in every if point[0] < (points[0][0] if points else span.first)]
    base = before[-1][1] if before else engine.opening_cash
    return {
        "timestamp": [_stamp(engine.market.calendar, day) for day, _ in points],
        "equity": [float(equity) for _, equity in points],
        "profit_loss": [float(equity - base) for _, equity in points],
        "profit_loss_pct": [_ratio(equity - base, base) for _, equity in points],
        "base_value": float(base),
        **({"base_value_asof": before[-1][0].isoformat()} if before else {}),
        "timeframe": "1D",
        "cashflow": {},
    }


def last_equity(engine: Engine) -> Decimal:
    """Equity at the latest close before today's date in New York, else the opening cash."""
    today = new_york_date(engine.now_ns).isoformat()
    return next((engine.closes[day] for day in reversed(engine.closes) if day < today), engine.opening_cash)


def _stamp(calendar: Calendar, day: date) -> int:
    session = calendar.session_on(day)
    assert session is not None
    return session.open_ns // SECOND_NS


def _ratio(part: Decimal, whole: Decimal) -> float | None:
    return float(round(part / whole, 6)) if whole else None

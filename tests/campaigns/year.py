"""Calendar days as timers would start them, one after another on one exchange, and what went wrong on each."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.conftest import Sandbox, Zygote
from trader.domain.journal import DayClosed, PlanCommitted, SessionEnded

CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")
PREFLIGHT_AT, SESSION_AT, EOD_AT = time(8), time(8, 30), time(15, 10)
HOLIDAYS = frozenset(
    map(
        date.fromisoformat,
        (
            *("2025-01-01", "2025-01-09", "2025-01-20", "2025-02-17", "2025-04-18", "2025-05-26", "2025-06-19"),
            *("2025-07-04", "2025-09-01", "2025-11-27", "2025-12-25"),
            *("2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19", "2026-07-03"),
            *("2026-09-07", "2026-11-26", "2026-12-25"),
        ),
    )
)
"""As the exchange announced them, and the day of mourning of 2025-01-09; copied by hand, computed by nobody."""
HALF_DAYS = frozenset(map(date.fromisoformat, ("2025-07-03", "2025-11-28", "2025-12-24", "2026-11-27", "2026-12-24")))
OPEN_DELAY, CANCEL_BEFORE_CLOSE = timedelta(seconds=30), timedelta(seconds=600)
POLICIES = {
    "execution": {"integration": "integrated"},
    "model": {"max_age_days": 3650},
    "sizing": {"max_positions": 4, "rebalance_band": "0.02"},
    "watch": {
        "interval_s": 1800,
        **{f"on_{breaker}": "alert" for breaker in ("max_daily_loss", "max_drawdown", "session_drawdown")},
        **{f"on_{breaker}": "alert" for breaker in ("slippage", "stale_data", "silence")},
    },
}
"""The model of the first day trades to the last one; small trades are made, so that hardly a day is without orders.

Breakers only tell: one that halts would do so until a person resumes, and there is none here.
"""
_SATURDAY = 5


def hours(day: date) -> tuple[datetime, datetime] | None:
    """Open and close of a date, None when there is no session."""
    if day.weekday() >= _SATURDAY or day in HOLIDAYS:
        return None
    close = time(13) if day in HALF_DAYS else time(16)
    return datetime.combine(day, time(9, 30), NEW_YORK), datetime.combine(day, close, NEW_YORK)


def weekdays(first: date, last: date) -> tuple[date, ...]:
    """Mondays to Fridays from first to last, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(day for day in days if day.weekday() < _SATURDAY)


@dataclass
class Tally:
    """What was counted; every wrong day is told in words."""

    sessions: int = 0
    closed_days: int = 0
    contradicted: int = 0
    orders: int = 0
    wrong_starts: list[str] = field(default_factory=list)
    wrong_ends: list[str] = field(default_factory=list)
    outside_window: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that went wrong."""
        return [*self.wrong_starts, *self.wrong_ends, *self.outside_window]


@dataclass
class Campaign:
    """Days on one exchange; `contradicting` are those on whose morning the broker announces a close at noon."""

    sandbox: Sandbox
    contradicting: frozenset[date]
    tally: Tally = field(default_factory=Tally)
    seen: int = 0

    def live(self, day: date) -> None:
        """One weekday: preflight, session and end of day at their times."""
        self._wait(day, PREFLIGHT_AT)
        if day in self.contradicting:
            self.sandbox.control("/sim/calendar", {"date": day.isoformat(), "close": "12:00"})
        passed = self._passed(day)
        self._wait(day, SESSION_AT)
        self._run("session", day)
        result = self.sandbox.outcome()
        posted = self._posted()
        working = self.sandbox.control("/v2/orders?status=open")
        self._wait(day, EOD_AT)
        report = json.loads(self.sandbox.outcome()) if self._run("eod", day) == 0 else "failed"
        self._judge_start(day, passed, result, posted)
        self._judge_end(day, working, report)

    def _passed(self, day: date) -> bool:
        """Whether there was a preflight to make, and every check of it passed."""
        if self._run("preflight", day) != 0:
            return False
        return all(check["ok"] for check in json.loads(self.sandbox.outcome()))

    def _run(self, mode: str, day: date) -> int:
        return self.sandbox.run(mode, day=day.isoformat(), policies=POLICIES)

    def _wait(self, day: date, at: time) -> None:
        self.sandbox.advance(datetime.combine(day, at, CHICAGO).isoformat())

    def _posted(self) -> list[dict[str, Any]]:
        """Orders posted since the last look, from the exchange's own log."""
        news = self.sandbox.control(f"/sim/log?after={self.seen}")
        self.seen = news[-1]["n"] if news else self.seen
        return [line for line in news if (line["method"], line["path"]) == ("POST", "/v2/orders")]

    def _judge_start(self, day: date, passed: bool, result: str, posted: list[dict[str, Any]]) -> None:
        tally, open_close = self.tally, hours(day)
        tally.orders += len(posted)
        if open_close is None:
            tally.closed_days += 1
            if passed or result != "closed" or posted:
                tally.wrong_starts.append(f"{day} has no session: {result[:99]}, {len(posted)} orders")
            return
        if day in self.contradicting:
            tally.contradicted += 1
            openers = [line for line in posted if ".b." in line["client_order_id"]]
            if passed or openers:
                tally.wrong_starts.append(f"{day} is contradicted: preflight passed: {passed}, {len(openers)} openers")
            return
        tally.sessions += 1
        if not passed or result != "complete":
            tally.wrong_starts.append(f"{day} has a session: preflight passed: {passed}, {result[:99]}")
        first, last = open_close[0] + OPEN_DELAY, open_close[1] - CANCEL_BEFORE_CLOSE
        outside = [line for line in posted if not first <= datetime.fromisoformat(line["at"]) <= last]
        tally.outside_window += [f"{line['client_order_id']} at {line['at']}" for line in outside]

    def _judge_end(self, day: date, working: list[dict[str, Any]], report: Any) -> None:
        if working:
            told = ", ".join(f"{order['client_order_id']} {order['status']}" for order in working)
            self.tally.wrong_ends.append(f"{day}: still open after the session: {told}")
        if hours(day) is None:
            wanted = report is None
        else:
            wanted = isinstance(report, dict) and report["header"]["session_date"] == day.isoformat()
        if not wanted:
            self.tally.wrong_ends.append(f"{day} was not closed: {self.sandbox.outcome()[:200]}")
        elif report and report["breaks"]:
            self.tally.wrong_ends.append(f"{day}: ledger and broker disagree: {report['breaks']}")

    def judge_ledger(self, days: Iterable[date]) -> None:
        """The ledger has a plan, an end and a close for each session, and nothing for any other day."""
        wanted = [day for day in days if hours(day) is not None]
        plain = [day for day in wanted if day not in self.contradicting]
        planned = {event.session_date for event in self.sandbox.events(PlanCommitted)} - self.contradicting
        ended = {event.session_date for event in self.sandbox.events(SessionEnded)} - self.contradicting
        closed = {event.session_date for event in self.sandbox.events(DayClosed)}
        self.tally.wrong_starts += [f"{day}: plan" for day in sorted(planned ^ set(plain))]
        self.tally.wrong_ends += [f"{day}: end" for day in sorted(ended ^ set(plain))]
        self.tally.wrong_ends += [f"{day}: close" for day in sorted(closed ^ set(wanted))]


@contextmanager
def campaign(zygote: Zygote, state: Path, first: date, contradicting: frozenset[date]) -> Iterator[Campaign]:
    """A market of a dozen symbols, its bars, a trained model and a passed preflight before `first`, a session."""
    config = {
        "state": str(state / "exchange"),
        "at": datetime.combine(first, time(7), CHICAGO).isoformat(),
        "symbols": 12,
        "history_start": (first - timedelta(days=640)).isoformat(),
        "history_end": (first + timedelta(days=480)).isoformat(),
        "seed": 5,
        "partial_fills": 0.5,
    }
    started = zygote.ask(do="exchange", config=config)
    try:
        sandbox = Sandbox(zygote, state, started["url"])
        assert sandbox.run("prepare", day=first.isoformat()) == 0
        yield Campaign(sandbox, contradicting)
    finally:
        zygote.ask(do="end", pid=started["pid"])

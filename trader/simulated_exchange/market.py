"""What the market shows at an instant: quotes, marks, bars, and when a limit is crossed."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from math import log10
from typing import Literal

import numpy as np
import numpy.typing as npt

from trader.simulated_exchange.calendar import Calendar, Session
from trader.simulated_exchange.corporate import CorporateActions
from trader.simulated_exchange.panel import E4, Ints, Panel
from trader.simulated_exchange.path import Path, day_path
from trader.simulated_exchange.scenario import AssetFlags, Scenario, Shock
from trader.simulated_exchange.timestamps import SECOND_NS

Side = Literal["buy", "sell"]
_PATHS_KEPT = 2048


@dataclass(frozen=True, slots=True)
class Quote:
    """Bid, ask and the price between them (1/10,000 USD), and the instant since which they hold."""

    since_ns: int
    bid: int
    ask: int
    mid: int

    def touch(self, side: Side) -> int:
        """What one pays or gets at once."""
        return self.ask if side == "buy" else self.bid


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar (prices in 1/10,000 USD) that starts at `start_ns`."""

    start_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def spread_bps(dollar_volume: float) -> int:
    """20 bps for a turnover of a million dollars a day and below, 1 from about three billion up."""
    return max(1, min(20, round(20 - 19 * (log10(max(dollar_volume, 1.0)) - 6) / 3.5)))


class Market:
    """The panel and the paths made from it; it knows no orders and no clock."""

    def __init__(self, panel: Panel, seed: int, scenario: Scenario | None = None) -> None:
        """Index the panel; `seed` shapes the days between open and close, `scenario` lies on top."""
        self.scenario = scenario or Scenario()
        self.calendar = Calendar(self.scenario.exceptions)
        self.actions = CorporateActions(self.scenario.actions)
        self._original = panel
        self._plain = panel = self.actions.carried_out(panel)
        self.row = {symbol: row for row, symbol in enumerate(panel.symbols)}
        self._column = {session.day: column for column, session in enumerate(panel.sessions)}
        self.seed = seed
        self.path = lru_cache(maxsize=_PATHS_KEPT)(self._path)
        self.panel = panel = self._shocked(self._rescheduled(panel))
        self._adjusted = lru_cache(maxsize=8)(lambda splits: self.actions.adjusted(self.panel, splits))
        self._closes = [session.close_ns for session in panel.sessions]
        columns = np.arange(len(panel.sessions), dtype=np.int32)
        self._latest = np.maximum.accumulate(np.where(panel.close > 0, columns, np.int32(-1)), axis=1)

    def staged(self, scenario: Scenario) -> "Market":
        """The same market under another scenario."""
        return Market(self._original, self.seed, scenario)

    def _rescheduled(self, panel: Panel) -> Panel:
        """Early closes as they are, and no bar on a day that is shut."""
        exceptions = self.scenario.exceptions
        sessions = tuple(exceptions.get(session.day) or session for session in panel.sessions)
        open_days = np.array([exceptions.get(session.day, session) is not None for session in panel.sessions])
        return replace(panel, sessions=sessions, close=np.where(open_days, panel.close, 0))

    def _shocked(self, panel: Panel) -> Panel:
        """Bars of shocked days have the high, low and close of the shocked path."""
        if not self.scenario.shocks:
            return panel
        high, low, close = panel.high.copy(), panel.low.copy(), panel.close.copy()
        for column, session in enumerate(panel.sessions):
            shocks = [shock for shock in self.scenario.shocks if shock.within(session)]
            for symbol, row in self.row.items():
                if panel.close[row, column] and any(self._concerns(shock, symbol) for shock in shocks):
                    prices = self.path(symbol, session).between(0, session.seconds)
                    high[row, column], low[row, column], close[row, column] = prices.max(), prices.min(), prices[-1]
        return replace(panel, high=high, low=low, close=close)

    def _concerns(self, shock: Shock, symbol: str) -> bool:
        """A shock to a company that has had several symbols is told by any of them."""
        name = self.actions.first_name
        return shock.symbol is None or name(shock.symbol) == name(symbol)

    def has_bar(self, symbol: str, day: date) -> bool:
        """Whether the symbol trades on that day."""
        column = self._column.get(day)
        return column is not None and bool(self.panel.close[self.row[symbol], column])

    def _path(self, symbol: str, session: Session) -> Path:
        row, column = self.row[symbol], self._column[session.day]
        panel = self._plain
        open_, high, low, close = (int(each[row, column]) for each in (panel.open, panel.high, panel.low, panel.close))
        drawn = day_path(
            self.seed,
            self.actions.first_name(symbol),
            session.day.isoformat(),
            session.seconds,
            (open_, high, low, close),
        )
        about = [shock.within(session) for shock in self.scenario.shocks if self._concerns(shock, symbol)]
        return replace(drawn, shocks=tuple(shock for shock in about if shock))

    def session_of(self, day: str) -> Session:
        """The session of an order's day."""
        session = self.calendar.session_on(date.fromisoformat(day))
        assert session is not None
        return session

    def closed_columns(self, ns: int) -> int:
        """How many of the panel's sessions are over at this instant."""
        return bisect_right(self._closes, ns)

    def last_bar(self, symbol: str, columns: int, as_of_ns: int = 0) -> Bar | None:
        """The latest daily bar among the first `columns` sessions, as printed or in the prices of a later instant."""
        column = int(self._latest[self.row[symbol], columns - 1]) if columns else -1
        return None if column < 0 else self._bar(self.adjusted(as_of_ns), symbol, column)

    def adjusted(self, ns: int) -> Panel:
        """Bars in the prices of an instant: those before a split in force are changed by it."""
        splits = self.actions.splits_until(ns)
        return self._adjusted(splits) if splits else self.panel

    def _bar(self, panel: Panel, symbol: str, column: int) -> Bar:
        row = self.row[symbol]
        values = (panel.open, panel.high, panel.low, panel.close, panel.volume)
        return Bar(panel.sessions[column].open_ns, *(int(each[row, column]) for each in values))

    def tradable(self, symbol: str, ns: int) -> bool:
        """Whether orders are taken: the symbol has had a price by this instant, and nobody has barred it."""
        barred = self.scenario.assets.get(symbol, AssetFlags()).tradable is False or self.actions.retired(symbol, ns)
        return not barred and self.quote(symbol, ns) is not None

    def resumes(self, symbol: str, ns: int) -> int:
        """The first instant from `ns` on at which the symbol is not halted."""
        for halt in sorted(self.scenario.halts, key=lambda halt: halt.from_ns):
            if halt.symbol == symbol and halt.from_ns <= ns < halt.to_ns:
                ns = halt.to_ns
        return ns

    def _printed(self, symbol: str, session: Session, ns: int) -> int:
        """The latest second with a quote: the one running, else the last before the halt; below 0 without any."""
        for halt in sorted(self.scenario.halts, key=lambda halt: halt.from_ns, reverse=True):
            if halt.symbol == symbol and halt.from_ns <= ns < halt.to_ns:
                ns = halt.from_ns - 1
        return (ns - session.open_ns) // SECOND_NS

    def _live(self, symbol: str, session: Session, from_second: int) -> npt.NDArray[np.bool_]:
        """Whether each second of the session from this one on is free of halts."""
        starts = session.open_ns + np.arange(from_second, session.seconds, dtype=np.int64) * SECOND_NS
        live = np.ones(len(starts), dtype=np.bool_)
        for halt in self.scenario.halts:
            if halt.symbol == symbol:
                live &= (starts < halt.from_ns) | (starts >= halt.to_ns)
        return live

    def running(self, symbol: str, ns: int) -> Session | None:
        """The session in which the symbol trades at this instant, if it does."""
        session = self.calendar.last_open(ns)
        return session if ns < session.close_ns and self.has_bar(symbol, session.day) else None

    def quote(self, symbol: str, ns: int) -> Quote | None:
        """The quote of an instant: on the path while the symbol trades, else around the last close."""
        last = self.last_bar(symbol, self.closed_columns(ns), ns)
        session = self.running(symbol, ns)
        second = -1 if session is None else self._printed(symbol, session, ns)
        if session is None or second < 0:
            return None if last is None else _quote(last.close, _bps(last), self._last_close_ns(ns))
        mid = self.path(symbol, session).at(second)
        return _quote(mid, _bps(last), session.open_ns + second * SECOND_NS)

    def _last_close_ns(self, ns: int) -> int:
        return self._closes[self.closed_columns(ns) - 1]

    def mark(self, symbol: str, ns: int) -> int | None:
        """What a share is worth at an instant: the mid while it trades, else exactly the last close."""
        quote = self.quote(symbol, ns)
        return None if quote is None else quote.mid

    def first_cross(self, symbol: str, session: Session, side: Side, limit: int, from_second: int) -> int | None:
        """The first second from `from_second` on in which the opposite quote meets the limit."""
        if from_second >= session.seconds:
            return None
        mids = self.path(symbol, session).between(from_second, session.seconds - 1)
        bps = _bps(self.last_bar(symbol, self.closed_columns(session.open_ns)))
        bids, asks = _bid_ask(mids, bps)
        met = asks <= limit if side == "buy" else bids >= limit
        hits = np.flatnonzero(met & self._live(symbol, session, from_second))
        return from_second + int(hits[0]) if len(hits) else None

    def first_print(self, symbol: str, session: Session, side: Side, stop: int, from_second: int) -> int | None:
        """The first second from `from_second` on whose price reaches a stop: from below for a buy."""
        if from_second >= session.seconds:
            return None
        mids = self.path(symbol, session).between(from_second, session.seconds - 1)
        met = mids >= stop if side == "buy" else mids <= stop
        hits = np.flatnonzero(met & self._live(symbol, session, from_second))
        return from_second + int(hits[0]) if len(hits) else None

    def bar_on(self, symbol: str, session: Session) -> Bar:
        """The daily bar of a session in which the symbol trades."""
        return self._bar(self.panel, symbol, self._column[session.day])

    def bar_so_far(self, symbol: str, ns: int, seconds: int) -> Bar | None:
        """A bar of the running session: its last whole `seconds`, begun at a multiple of them, up to now."""
        session = self.running(symbol, ns)
        second = -1 if session is None else self._printed(symbol, session, ns)
        if session is None or second < 0:
            return None
        start = second // seconds * seconds
        prices = self.path(symbol, session).between(start, second)
        day = self.bar_on(symbol, session)
        volume = day.volume * (second - start + 1) // session.seconds
        extremes = int(prices.max()), int(prices.min())
        return Bar(session.open_ns + start * SECOND_NS, int(prices[0]), *extremes, int(prices[-1]), volume)


def _bps(bar: Bar | None) -> int:
    return 20 if bar is None else spread_bps(bar.close / E4 * bar.volume)


def _bid_ask(mids: Ints, bps: int) -> tuple[Ints, Ints]:
    """Around each mid, on the tick, at least a tick wide; the bid stays above zero."""
    tick = np.where(mids >= E4, 100, 1)
    half = np.maximum(tick // 2, mids * bps // 20_000)
    bids = np.maximum((mids - half) // tick * tick, 1)
    asks = np.maximum(-(-(mids + half) // tick) * tick, bids + tick)
    return bids, asks


def _quote(mid: int, bps: int, since_ns: int) -> Quote:
    bids, asks = _bid_ask(np.array([mid], dtype=np.int64), bps)
    return Quote(since_ns, int(bids[0]), int(asks[0]), mid)

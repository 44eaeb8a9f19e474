"""What is watched through the day: each breaker a small named function from what was seen to the alarms it raises.

A limit is reached at its value, and only by a loss or a move above zero; a limit of 1 is never reached. Signals that
are all alike are no matter of the watch: `decide` refuses them before anything is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from trader.domain.journal import BreakerTripped
from trader.domain.policy import Breaker, WatchPolicy

ACCOUNT = "account"
"""The subject of an alarm that is about no single symbol."""

Action = Breaker | Literal["close"]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """A holding as it was seen: signed shares; prices in USD; `price_before` is that of the look before, if any."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    price: Decimal
    price_before: Decimal | None
    quoted_at: datetime | None
    tradable: bool

    @property
    def loss_usd(self) -> Decimal:
        """What the holding has lost since its average entry; below zero it has gained."""
        return (self.entry_price - self.price) * self.quantity


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the account. Amounts in USD, times in UTC.

    `start_usd` is the equity the day began with, `peak_usd` the highest of any close and of that, `session_peak_usd`
    the highest this session has seen. `newest_quote_at` is None when nothing was there to ask a quote for.
    `slippage_bps` is the implementation shortfall of the day's `fills` executions (Perold, 1988): the sum of
    side * (price - arrival) * quantity over the sum of arrival * quantity, times 10,000.
    """

    at: datetime
    open_at: datetime
    equity_usd: Decimal
    start_usd: Decimal
    peak_usd: Decimal
    session_peak_usd: Decimal
    holdings: tuple[Held, ...]
    newest_quote_at: datetime | None
    slippage_bps: Decimal
    fills: int

    def quote_age_s(self, quoted_at: datetime | None) -> int:
        """Seconds since a quote; one from before the open, or none at all, counts as made at the open."""
        since = self.open_at if quoted_at is None else max(quoted_at, self.open_at)
        return int((self.at - since).total_seconds())


@dataclass(frozen=True, slots=True)
class Alarm:
    """A limit that was reached: `subject` is a symbol or `account`; `passing` is for what ends by itself."""

    code: str
    subject: str
    measured: str
    limit: str
    action: Action
    passing: bool = False

    def event(self, day: date, over: bool = False) -> BreakerTripped:
        """The journal's record of it, or of its end."""
        return BreakerTripped(day, self.code, self.subject, self.measured, self.limit, self.action, self.passing, over)


def judge(sight: Sight, limits: WatchPolicy) -> tuple[Alarm, ...]:
    """Every alarm that what was seen raises, in the order of the breakers, then of the holdings."""
    return tuple(alarm for breaker in BREAKERS.values() for alarm in breaker(sight, limits))


def silence(now: datetime, unanswered_since: datetime, limits: WatchPolicy) -> tuple[Alarm, ...]:
    """The alarm of a broker that has not answered for max_silence_s, counted from the first call it left unanswered.

    This program polls and has no stream that could fall silent; the poll's silence is what there is.
    """
    silent_s = int((now - unanswered_since).total_seconds())
    if silent_s < limits.max_silence_s:
        return ()
    return (_passing("max_silence_s", silent_s, limits.max_silence_s, limits.on_silence),)


def _max_daily_loss(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    lost = _share_lost(sight.start_usd, sight.equity_usd)
    return _reached("max_daily_loss", ACCOUNT, lost, limits.max_daily_loss, limits.on_max_daily_loss)


def _max_drawdown(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    lost = _share_lost(sight.peak_usd, sight.equity_usd)
    return _reached("max_drawdown", ACCOUNT, lost, limits.max_drawdown, limits.on_max_drawdown)


def _session_drawdown(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    lost = _share_lost(sight.session_peak_usd, sight.equity_usd)
    return _reached("session_drawdown", ACCOUNT, lost, limits.session_drawdown, limits.on_session_drawdown)


def _stop_loss(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    for held in sight.holdings:
        cost_usd = abs(held.quantity) * held.entry_price
        yield from _reached("stop_loss", held.symbol, _over(held.loss_usd, cost_usd), limits.stop_loss, "close")


def _max_position_risk(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    for held in sight.holdings:
        lost = _over(held.loss_usd, sight.start_usd)
        yield from _reached("max_position_risk", held.symbol, lost, limits.max_position_risk, "close")


def _max_slippage(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    if sight.fills >= limits.min_slippage_fills and sight.slippage_bps >= limits.max_slippage_bps:
        measured, limit = _text(sight.slippage_bps), _text(limits.max_slippage_bps)
        yield Alarm("max_slippage_bps", ACCOUNT, measured, limit, limits.on_slippage)


def _max_symbol_move(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    for held in sight.holdings:
        before = held.price_before or ZERO
        moved = _over(abs(held.price - before), before)
        yield from _reached("max_symbol_move", held.symbol, moved, limits.max_symbol_move, limits.on_symbol_move)


def _halted(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    """A holding that cannot be traded, or whose quote stands still while others move."""
    others_move = sight.quote_age_s(sight.newest_quote_at) < limits.max_stale_s
    for held in sight.holdings:
        age_s = sight.quote_age_s(held.quoted_at)
        if not held.tradable:
            yield Alarm("halted", held.symbol, "not tradable", "tradable", limits.on_symbol_move)
        elif others_move and age_s >= limits.max_stale_s:
            yield Alarm("halted", held.symbol, str(age_s), str(limits.max_stale_s), limits.on_symbol_move)


def _stale_data(sight: Sight, limits: WatchPolicy) -> Iterator[Alarm]:
    age_s = sight.quote_age_s(sight.newest_quote_at)
    if sight.newest_quote_at is not None and age_s >= limits.max_stale_s:
        yield _passing("max_stale_s", age_s, limits.max_stale_s, limits.on_stale_data)


BREAKERS: Mapping[str, Callable[[Sight, WatchPolicy], Iterable[Alarm]]] = {
    "max_daily_loss": _max_daily_loss,
    "max_drawdown": _max_drawdown,
    "session_drawdown": _session_drawdown,
    "stop_loss": _stop_loss,
    "max_position_risk": _max_position_risk,
    "max_slippage_bps": _max_slippage,
    "max_symbol_move": _max_symbol_move,
    "halted": _halted,
    "max_stale_s": _stale_data,
}
"""By the code of the alarm; `silence` is the one that needs no sight, its code is max_silence_s."""


def _reached(code: str, subject: str, measured: Decimal, limit: Decimal, action: Action) -> Iterator[Alarm]:
    if limit < 1 and measured > 0 and measured >= limit:
        yield Alarm(code, subject, _text(measured), _text(limit), action)


def _passing(code: str, measured_s: int, limit_s: int, action: Breaker) -> Alarm:
    """An alarm about time; reduce lasts as long as its cause, the other actions are done once."""
    return Alarm(code, ACCOUNT, str(measured_s), str(limit_s), action, passing=action == "reduce")


def _share_lost(before_usd: Decimal, now_usd: Decimal) -> Decimal:
    return _over(before_usd - now_usd, before_usd)


def _over(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole if whole > 0 else ZERO


def _text(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.000001"), ROUND_HALF_EVEN).normalize(), "f")

"""Limits that are each in bounds and yet cannot hold together."""

from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trader.adapters.alpaca.hosts import require_private
from trader.domain.errors import NotPaper
from trader.domain.policy import BrokerPolicy, CalendarPolicy
from trader.settings.document import KeyPath
from trader.settings.model import Settings

Contradiction = tuple[KeyPath, str]
HALF_DAY_S = 12_600
"""The shortest regular session, 09:30 to 13:00, in seconds."""

NOT_ABOVE = (
    ("position_sizing.target_exposure", "risk_management.max_total_exposure"),
    ("risk_management.max_total_exposure", "risk_management.max_gross_exposure"),
    ("risk_management.max_position_size", "risk_management.max_sector_exposure"),
    ("risk_management.max_position_size", "risk_management.max_correlation_exposure"),
    ("risk_management.min_trade_size_usd", "risk_management.max_trade_size_usd"),
    ("risk_management.min_trade_size_usd", "risk_management.order_notional_cap_usd"),
    ("position_sizing.min_trade_usd", "risk_management.max_trade_size_usd"),
    ("position_sizing.min_trade_usd", "risk_management.order_notional_cap_usd"),
    ("risk_management.max_orders_per_execution", "risk_management.max_orders_per_day"),
    ("execution.slices", "risk_management.max_orders_per_symbol"),
    ("execution.collar_bps", "risk_management.price_collar_bps"),
    ("data.min_history_sessions", "data.lookback_sessions"),
    ("position_sizing.volatility_sessions", "data.lookback_sessions"),
    ("risk_management.correlation_sessions", "data.lookback_sessions"),
    ("risk_management.adv_sessions", "data.lookback_sessions"),
    ("watch.session_drawdown", "watch.max_daily_loss"),
    ("watch.max_daily_loss", "watch.max_drawdown"),
    ("watch.interval_s", "watch.max_silence_s"),
    ("watch.interval_s", "watch.max_stale_s"),
)
"""Pairs of keys: above the second, the first could never be kept, or never be reached."""

WATCHED = ("max_daily_loss", "max_drawdown", "session_drawdown", "stop_loss", "max_position_risk", "max_symbol_move")


def contradictions(settings: Settings) -> tuple[Contradiction, ...]:
    """Every contradiction: the key to look at first, and why."""
    return (
        *(found for lower, upper in NOT_ABOVE for found in _above(settings, lower, upper)),
        *_exposure(settings),
        *_shorts(settings),
        *_watched(settings),
        *_times(settings),
        *_calendar(settings.calendar),
        *_venue(settings.broker),
    )


def _above(settings: Settings, lower: str, upper: str) -> Iterator[Contradiction]:
    """The pair, when it is turned round; told of the key that was set, which is the one a person has just changed.

    A watched limit of 1 is off, and bounds nothing.
    """
    low, high = attrgetter(lower)(settings), attrgetter(upper)(settings)
    off = lower.startswith("watch.") and low == 1
    if low <= high or off:
        return
    section, key = lower.split(".")
    if key in getattr(settings, section).model_fields_set:
        yield (section, key), f"{low} is above {upper} ({high})"
    else:
        yield _path(upper), f"{high} is below {lower} ({low})"


def _path(key: str) -> KeyPath:
    return tuple(key.split("."))


def _exposure(settings: Settings) -> Iterator[Contradiction]:
    sizing, risk, stop_loss = settings.position_sizing, settings.risk_management, settings.watch.stop_loss
    target = sizing.target_exposure
    if risk.max_position_size * sizing.max_positions < target:
        yield (
            _path("risk_management.max_position_size"),
            f"{risk.max_position_size} in each of {sizing.max_positions} positions"
            f" cannot reach position_sizing.target_exposure ({target})",
        )
    if not risk.allow_shorts and risk.max_net_exposure < target:
        yield (
            _path("risk_management.max_net_exposure"),
            f"{risk.max_net_exposure} is below position_sizing.target_exposure ({target}), and nothing is held short",
        )
    if risk.portfolio_heat < target * stop_loss:
        yield (
            _path("risk_management.portfolio_heat"),
            f"{risk.portfolio_heat} is below position_sizing.target_exposure ({target}) times watch.stop_loss"
            f" ({stop_loss}), so the target cannot be reached",
        )


def _shorts(settings: Settings) -> Iterator[Contradiction]:
    sizing, risk = settings.position_sizing, settings.risk_management
    if sizing.short_threshold and not risk.allow_shorts:
        yield (
            _path("position_sizing.short_threshold"),
            f"{sizing.short_threshold} asks for shorts, and risk_management.allow_shorts is false",
        )
    if sizing.short_threshold and sizing.short_threshold >= sizing.signal_threshold:
        yield (
            _path("position_sizing.short_threshold"),
            f"{sizing.short_threshold} is not below position_sizing.signal_threshold ({sizing.signal_threshold}):"
            " a symbol would be held both ways",
        )


def _watched(settings: Settings) -> Iterator[Contradiction]:
    for key in WATCHED:
        if getattr(settings.watch, key) == Decimal(0):
            yield ("watch", key), "0 is reached at every look; 1 switches the limit off"


def _times(settings: Settings) -> Iterator[Contradiction]:
    policy = settings.execution
    if policy.open_delay_s >= policy.latest_start_s:
        yield (
            _path("execution.open_delay_s"),
            f"{policy.open_delay_s} is not before execution.latest_start_s ({policy.latest_start_s})",
        )
    elif policy.open_delay_s + (policy.slices - 1) * policy.slice_interval_s > policy.latest_start_s:
        yield (
            _path("execution.slices"),
            f"{policy.slices} parts, execution.slice_interval_s ({policy.slice_interval_s}) apart,"
            f" go on beyond execution.latest_start_s ({policy.latest_start_s})",
        )
    if policy.latest_start_s + policy.cancel_before_close_s > HALF_DAY_S:
        yield (
            _path("execution.latest_start_s"),
            f"{policy.latest_start_s} and execution.cancel_before_close_s ({policy.cancel_before_close_s})"
            f" overlap on a half day ({HALF_DAY_S} s)",
        )
    elif policy.open_delay_s + policy.reprice_after_s + policy.cancel_before_close_s > HALF_DAY_S:
        yield (
            _path("execution.reprice_after_s"),
            f"{policy.reprice_after_s} is over only after execution.cancel_before_close_s"
            f" ({policy.cancel_before_close_s}) has begun on a half day ({HALF_DAY_S} s); 0 means never",
        )


def _calendar(policy: CalendarPolicy) -> Iterator[Contradiction]:
    try:
        ZoneInfo(policy.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield ("calendar", "timezone"), f"{policy.timezone!r} is no time zone (for example America/Chicago)"
    if not policy.preflight_at < policy.session_at < policy.eod_at:
        yield ("calendar", "session_at"), "preflight_at, session_at and eod_at must follow one another"


def _venue(policy: BrokerPolicy) -> Iterator[Contradiction]:
    if policy.url is not None and policy.venue == "alpaca":
        yield ("broker", "url"), "alpaca has one paper address, which is built in; remove the key"
    elif policy.url is not None and not _on_this_network(policy.url):
        yield ("broker", "url"), "it is not http://HOST:PORT with a loopback or private address"
    if policy.simulation.cash_usd != round(policy.simulation.cash_usd, 2):
        yield ("broker", "simulation", "cash_usd"), "an account holds whole cents"


def _on_this_network(url: str) -> bool:
    try:
        require_private(url)
    except NotPaper:
        return False
    return url.count("/") - url.endswith("/") == 2

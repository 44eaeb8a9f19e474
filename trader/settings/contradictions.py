"""Limits that are each in bounds and yet cannot hold together."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trader.domain.policy import BrokerPolicy, CalendarPolicy
from trader.settings.document import KeyPath
from trader.settings.model import Settings

Contradiction = tuple[KeyPath, str]
HALF_DAY_S = 12_600
"""The shortest regular session, 09:30 to 13:00, in seconds."""


def contradictions(settings: Settings) -> tuple[Contradiction, ...]:
    """Every contradiction: the key to look at first, and why."""
    return (*_limits(settings), *_times(settings), *_calendar(settings.calendar), *_venue(settings.broker))


def _limits(settings: Settings) -> Iterator[Contradiction]:
    sizing, risk, data = settings.position_sizing, settings.risk_management, settings.data
    if sizing.target_exposure > risk.max_total_exposure:
        yield (
            ("position_sizing", "target_exposure"),
            f"{sizing.target_exposure} is above risk_management.max_total_exposure ({risk.max_total_exposure})",
        )
    if risk.max_position_size * sizing.max_positions < sizing.target_exposure:
        yield (
            ("risk_management", "max_position_size"),
            f"{risk.max_position_size} in each of {sizing.max_positions} positions"
            f" cannot reach position_sizing.target_exposure ({sizing.target_exposure})",
        )
    if risk.order_notional_cap_usd < sizing.min_trade_usd:
        yield (
            ("risk_management", "order_notional_cap_usd"),
            f"{risk.order_notional_cap_usd} is below position_sizing.min_trade_usd ({sizing.min_trade_usd})",
        )
    for section, key, sessions in (
        ("data", "min_history_sessions", data.min_history_sessions),
        ("position_sizing", "volatility_sessions", sizing.volatility_sessions),
    ):
        if sessions > data.lookback_sessions:
            yield (section, key), f"{sessions} is above data.lookback_sessions ({data.lookback_sessions})"


def _times(settings: Settings) -> Iterator[Contradiction]:
    policy = settings.execution
    if policy.open_delay_s >= policy.latest_start_s:
        yield (
            ("execution", "open_delay_s"),
            f"{policy.open_delay_s} is not before execution.latest_start_s ({policy.latest_start_s})",
        )
    if policy.latest_start_s + policy.cancel_before_close_s > HALF_DAY_S:
        yield (
            ("execution", "latest_start_s"),
            f"{policy.latest_start_s} and execution.cancel_before_close_s ({policy.cancel_before_close_s})"
            f" overlap on a half day ({HALF_DAY_S} s)",
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
        yield ("broker", "url"), f"{policy.url!r} is not http://HOST:PORT with a loopback or private address"
    if policy.simulation.cash_usd != round(policy.simulation.cash_usd, 2):
        yield ("broker", "simulation", "cash_usd"), "an account holds whole cents"


def _on_this_network(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.username or parts.path not in ("", "/"):
        return False
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_private
    except ValueError:
        return False

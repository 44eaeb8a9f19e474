"""Reading what a test asks for: numbers, instants, days, symbols; RefusalError (422) for what makes no sense."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.simulated_exchange.calendar import session_on
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.scenario import AssetFlags, Halt, Scenario, Shock
from trader.simulated_exchange.timestamps import parse_instant

Body = Mapping[str, Any]
_MOST_BPS = 100_000


def number(body: Body, key: str) -> Decimal:
    """A finite number."""
    try:
        value = Decimal(str(body.get(key)))
    except InvalidOperation:
        raise invalid(f"{key} is not a number: {body.get(key)}") from None
    if not value.is_finite():
        raise invalid(f"{key} is not a number: {value}")
    return value


def instant(body: Body, key: str) -> int:
    """Nanoseconds of an ISO 8601 time."""
    try:
        return parse_instant(str(body.get(key)))
    except ValueError:
        raise invalid(f'"{key}" is an ISO 8601 time, not {body.get(key)}') from None


def known_symbol(symbol: object, market: Market) -> str:
    """A symbol of this market."""
    if not isinstance(symbol, str) or symbol not in market.row:
        raise invalid(f"{symbol} is not in this market")
    return symbol


def with_shock(body: Body, market: Market, now_ns: int) -> Scenario:
    """{"symbol" or null, "at", "pct", "over_s"}."""
    symbol = None if body.get("symbol") is None else known_symbol(body["symbol"], market)
    at_ns, bps, over_s = instant(body, "at"), number(body, "pct") * 100, number({"over_s": 0} | {**body}, "over_s")
    if not -10_000 < bps <= _MOST_BPS or bps % 1:
        raise invalid("pct is above -100 and at most 1000, with two decimals")
    if over_s < 0 or over_s % 1:
        raise invalid("over_s is in whole seconds")
    if at_ns < now_ns or market.calendar.last_open(at_ns).close_ns <= at_ns:
        raise invalid('"at" lies within a session and not in the past')
    return replace(market.scenario, shocks=(*market.scenario.shocks, Shock(symbol, at_ns, int(bps), int(over_s))))


def with_halt(body: Body, market: Market, now_ns: int) -> Scenario:
    """{"symbol", "from", "to"}."""
    halt = Halt(known_symbol(body.get("symbol"), market), instant(body, "from"), instant(body, "to"))
    if not now_ns <= halt.from_ns < halt.to_ns:
        raise invalid('"from" is not in the past and before "to"')
    return replace(market.scenario, halts=(*market.scenario.halts, halt))


def with_flags(symbol: object, body: Body, market: Market) -> Scenario:
    """{"tradable", "shortable", "easy_to_borrow"}: those given change."""
    known = known_symbol(symbol, market)
    unknown = set(body) - {"tradable", "shortable", "easy_to_borrow"}
    if unknown or not all(isinstance(value, bool) for value in body.values()):
        raise invalid("tradable, shortable and easy_to_borrow are true or false")
    flags = replace(market.scenario.assets.get(known, AssetFlags()), **body)
    return replace(market.scenario, assets=market.scenario.assets | {known: flags})


def with_day(body: Body, market: Market, now_ns: int) -> Scenario:
    """{"date", "closed": true} or {"date", "close": "HH:MM"}: a day whose session, or whose new close, is to come."""
    try:
        day = date.fromisoformat(str(body.get("date")))
        close = None if body.get("closed") is True else str(body["close"])
        wanted = replace(market.scenario, calendar=market.scenario.calendar | {day.isoformat(): close})
        changed = wanted.exceptions[day]
    except (KeyError, ValueError):
        raise invalid('give "date" and either "closed": true or "close": "HH:MM"') from None
    by_rule = session_on(day)
    if by_rule is None:
        raise invalid(f"{day} has no session by the rules")
    if now_ns >= (by_rule.open_ns if changed is None else changed.close_ns):
        raise invalid(f"it is too late to change {day}")
    if changed is not None and not by_rule.open_ns < changed.close_ns <= by_rule.close_ns:
        raise invalid("close lies within the session by the rules")
    return wanted

"""Reading what a test asks for: numbers, instants, days, symbols; RefusalError (422) for what makes no sense."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.simulated_exchange.calendar import session_on
from trader.simulated_exchange.corporate import CorporateAction
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.money import cents
from trader.simulated_exchange.refusals import invalid
from trader.simulated_exchange.scenario import AssetFlags, Halt, Scenario, Shock
from trader.simulated_exchange.timestamps import midnight_new_york, new_york_date, parse_instant, to_ns

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


def read_action(body: Body, market: Market, now_ns: int) -> CorporateAction:
    """{"kind": "split", "symbol", "date", "ratio": "2:1"}, and likewise for a dividend, a symbol change, a fee.

    It comes into force at midnight in New York, before the open of its date, or at once on that date.
    """
    day = _action_day(body, market, now_ns)
    at_ns = max(now_ns, to_ns(midnight_new_york(day)))
    count, when = len(market.scenario.actions) + 1, (day.isoformat(), at_ns)
    match body.get("kind"):
        case "fee":
            return CorporateAction(count, "fee", "", *when, usd=str(_cents(body, "amount_usd")))
        case "split":
            new, old = _ratio(body)
            return CorporateAction(count, "split", _listed(body, market, at_ns), *when, new=new, old=old)
        case "dividend":
            usd = number(body, "per_share_usd")
            if usd <= 0:
                raise invalid("per_share_usd is above 0")
            return CorporateAction(count, "dividend", _listed(body, market, at_ns), *when, usd=str(usd))
        case "symbol_change":
            name = _new_symbol(body, market)
            return CorporateAction(count, "symbol_change", _listed(body, market, at_ns), *when, new_symbol=name)
    raise invalid("kind is split, dividend, symbol_change or fee")


def _action_day(body: Body, market: Market, now_ns: int) -> date:
    """A session that has not opened; for a fee any day from today on, today unless given."""
    today = new_york_date(now_ns)
    try:
        day = date.fromisoformat(str(body["date"])) if "date" in body else today
    except ValueError:
        raise invalid('"date" is an ISO 8601 date') from None
    if body.get("kind") == "fee":
        if day < today:
            raise invalid(f"it is too late for a fee on {day}")
        return day
    session = market.calendar.session_on(day)
    if session is None or session.open_ns <= now_ns:
        raise invalid('"date" is that of a session that has not opened')
    return day


def _listed(body: Body, market: Market, at_ns: int) -> str:
    """A symbol that still belongs to its company at that time, and is not about to change."""
    symbol = known_symbol(body.get("symbol"), market)
    renamed = any(each.kind == "symbol_change" and each.symbol == symbol for each in market.actions.all)
    if renamed or not market.actions.listed(symbol, at_ns):
        raise invalid(f"{symbol} is not the symbol of a company then, or is announced to change")
    return symbol


def _ratio(body: Body) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,2}):([1-9]\d{0,2})", str(body.get("ratio")))
    if match is None or match[1] == match[2]:
        raise invalid('ratio is like "2:1" (two for one) or "1:10"')
    return int(match[1]), int(match[2])


def _new_symbol(body: Body, market: Market) -> str:
    name = str(body.get("new_symbol"))
    if not re.fullmatch(r"[A-Z]{1,6}(\.[A-Z])?", name) or name in market.row:
        raise invalid(f"new_symbol is a symbol in capitals that is not taken, not {name}")
    return name


def _cents(body: Body, key: str) -> Decimal:
    amount = number(body, key)
    if amount <= 0 or amount != cents(amount):
        raise invalid(f"{key} is in whole cents, above 0")
    return amount

"""The broker: that it answers, the account, the calendar, and the limits against the account's size."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from trader.domain.journal import AccountOpened
from trader.domain.market import SessionDay
from trader.domain.policy import RiskPolicy, SizingPolicy
from trader.domain.portfolio import Account
from trader.modes.checks.finding import Finding, Look, at_most, failed, passed, refused, warned

SESSIONS_COMPARED = 11
"""The session that is prepared and the ten after it."""


def broker(look: Look) -> Finding:
    """The keys open an account on a paper host: the adapter knows no other, and raises when they do not."""
    return passed(f"account {look.desk.broker.account().account_number} answers")


def account(look: Look) -> Finding:
    """Active, not blocked, not suspended, and the one this ledger is about."""
    found = look.desk.broker.account()
    detail = f"{found.account_number} {found.status}, equity {found.equity_usd} USD"
    if found.suspended_by_user:
        return failed(f"{detail}, suspended", "`trader resume` clears a suspension by this program.")
    if found.status != "ACTIVE" or found.blocked:
        return failed(f"{detail}{', blocked' if found.blocked else ''}", "Look at the account in Alpaca's dashboard.")
    opened = look.desk.ledger.latest(AccountOpened)
    known = opened.event.account_number if opened and isinstance(opened.event, AccountOpened) else found.account_number
    if known != found.account_number:
        return failed(
            f"{detail}; the ledger is about account {known}",
            "Use that account's keys. After a reset of the paper account begin a new state directory, or take the new "
            "account over with `trader ledger adopt --reason TEXT`.",
        )
    return passed(detail)


def calendar(look: Look) -> Finding:
    """Our sessions against the broker's: a difference today bars the day, a later one is told of."""
    first = look.session.date
    ours = look.desk.calendar.sessions(first, first + timedelta(days=30))[:SESSIONS_COMPARED]
    theirs = look.desk.broker.calendar(first, ours[-1].date)
    differing = sorted({day.date for day in set(ours) ^ set(theirs)})
    if not differing:
        return passed(f"the broker has the same {len(ours)} sessions, {first} to {ours[-1].date}")
    days = tuple(f"{day}: we have {_hours(ours, day)}, the broker {_hours(theirs, day)}" for day in differing)
    remedy = "Look at the exchange's own calendar; update exchange-calendars if it is ours that is wrong."
    if first in differing:
        return failed(at_most(days), f"{remedy} Nothing is opened today.")
    return warned(at_most(days), f"{remedy} That day will not trade until they agree.")


def _hours(sessions: tuple[SessionDay, ...], day: object) -> str:
    found = next((each for each in sessions if each.date == day), None)
    return f"{found.open_at:%H:%M}-{found.close_at:%H:%M} UTC" if found else "no session"


def limits(look: Look) -> Finding:
    """The configured limits against the account as it is."""
    found = look.desk.broker.account()
    sizing, risk = look.desk.policies.sizing, look.desk.policies.risk
    barred = tuple(_impossible(found, sizing, risk))
    if barred:
        return refused("; ".join(barred), "Change one of the keys, or the account.")
    slices = look.desk.policies.execution.slices
    told = tuple(_cramped(found, sizing, risk, slices))
    if told:
        return warned("; ".join(told), "Change one of the keys if that is not meant.")
    return passed(f"they fit an account of {found.equity_usd:,} USD")


def _impossible(found: Account, sizing: SizingPolicy, risk: RiskPolicy) -> Iterator[str]:
    """Limits under which this account could open nothing, or not what was asked for."""
    largest_usd = risk.max_position_size * (1 - sizing.price_headroom) * found.equity_usd
    for key, least_usd in _least(sizing, risk):
        if largest_usd < least_usd:
            yield (
                f"risk_management.max_position_size ({risk.max_position_size}) of {found.equity_usd:,} USD is less"
                f" than {key} ({least_usd} USD): nothing could be bought"
            )
    if sizing.short_threshold and not found.shorting_enabled:
        yield "position_sizing.short_threshold asks for shorts, and the broker lets this account hold none"


def _least(sizing: SizingPolicy, risk: RiskPolicy) -> tuple[tuple[str, Decimal], ...]:
    return (
        ("position_sizing.min_trade_usd", sizing.min_trade_usd),
        ("risk_management.min_trade_size_usd", risk.min_trade_size_usd),
    )


def _cramped(found: Account, sizing: SizingPolicy, risk: RiskPolicy, slices: int) -> Iterator[str]:
    """Limits that keep the account from what sizing aims at."""
    target_usd = sizing.target_exposure * found.equity_usd
    typical_usd = (target_usd / sizing.max_positions).quantize(Decimal("0.01"))
    for key, least_usd in _least(sizing, risk):
        if typical_usd < least_usd:
            yield (
                f"a typical holding of position_sizing.max_positions ({sizing.max_positions}) is {typical_usd:,} USD,"
                f" less than {key} ({least_usd})"
            )
    most_usd = min(risk.order_notional_cap_usd * slices, risk.max_trade_size_usd) * (1 - sizing.price_headroom)
    if most_usd * sizing.max_positions < target_usd:
        yield (
            f"risk_management.order_notional_cap_usd and max_trade_size_usd let {most_usd:,.2f} USD a symbol and day"
            f" be opened: {sizing.max_positions} holdings reach {target_usd:,.2f} USD only over several days"
        )
    needed_usd, usable_usd = target_usd - (found.equity_usd - found.cash_usd), _usable_usd(found, risk)
    if needed_usd > usable_usd:
        yield (
            f"position_sizing.target_exposure needs {needed_usd:,.2f} USD more, and"
            f" risk_management.capital_utilization_factor lets {usable_usd:,.2f} USD of buying power be used"
        )


def _usable_usd(found: Account, risk: RiskPolicy) -> Decimal:
    return found.buying_power_usd * risk.capital_utilization_factor

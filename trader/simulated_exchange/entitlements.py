"""What corporate actions and fees do to the account: shares, cash, and the rows that tell of it."""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.simulated_exchange.account import Position
from trader.simulated_exchange.activities import Activity
from trader.simulated_exchange.corporate import CorporateAction
from trader.simulated_exchange.money import ZERO, cents, plain, shares


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action does to the account: positions by symbol (None: flat), cash in USD, and the rows that say so."""

    positions: dict[str, Position | None]
    cash: Decimal
    activities: tuple[Activity, ...]


def outcome(action: CorporateAction, held: Position | None) -> Outcome:
    """What happens to the account, `held` being the position in the action's symbol; nothing without one, but fees."""
    if action.kind == "fee":
        amount = -Decimal(action.usd)
        return Outcome({}, amount, (_row(action, 0, "FEE", "REG", net_amount=amount),))
    if held is None:
        return Outcome({}, ZERO, ())
    if action.kind == "dividend":
        amount = cents(held.qty * Decimal(action.usd))
        row = _row(action, 0, "DIV", "CDIV", net_amount=amount, qty=held.qty, per_share_amount=Decimal(action.usd))
        return Outcome({}, amount, (row,))
    if action.kind == "symbol_change":
        moved = replace(held, symbol=action.new_symbol)
        return Outcome({held.symbol: None, moved.symbol: moved}, ZERO, _swap(action, "NC", "SNC", held, moved))
    sub_type = "FSPLIT" if action.new > action.old else "RSPLIT"
    after = split_position(action, held)
    kept = after if after.qty else None
    return Outcome({held.symbol: kept}, ZERO, _swap(action, "SPLIT", sub_type, held, after))


def split_position(action: CorporateAction, held: Position) -> Position:
    """`new` shares for `old` at the same cost; what lies beyond nine decimals is lost."""
    price = held.avg_entry_price * action.old / action.new
    return Position(held.symbol, shares(held.qty * action.new / action.old), shares(price))


def _swap(
    action: CorporateAction, kind: str, sub_type: str, before: Position, after: Position
) -> tuple[Activity, Activity]:
    """Two rows of one group: the shares that go and the shares that come."""
    gone = _row(action, 0, kind, sub_type, symbol=before.symbol, qty=-before.qty)
    return gone, _row(action, 1, kind, sub_type, symbol=after.symbol, qty=after.qty)


_DESCRIPTIONS = {
    "split": "{new} for {old} split of {symbol}",
    "dividend": "cash dividend of {symbol}, {usd} a share",
    "symbol_change": "{symbol} is now {new_symbol}",
    "fee": "fee",
}


def _row(
    action: CorporateAction,
    place: int,
    kind: str,
    sub_type: str,
    *,
    symbol: str | None = None,
    net_amount: Decimal = ZERO,
    qty: Decimal | None = None,
    per_share_amount: Decimal | None = None,
) -> Activity:
    told = {"new": action.new, "old": action.old, "symbol": action.symbol}
    text = _DESCRIPTIONS[action.kind].format(**told, usd=plain(Decimal(action.usd)), new_symbol=action.new_symbol)
    return Activity(
        action=action.number,
        place=place,
        activity_type=kind,
        sub_type=sub_type,
        day=action.day,
        symbol=symbol or action.symbol,
        net_amount=net_amount,
        qty=qty,
        per_share_amount=per_share_amount,
        created_ns=action.at_ns,
        description=text,
    )

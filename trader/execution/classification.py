"""Which of the broker's own records explain where its cash and positions are not ours. Pure; invents nothing.

Fills are facts and are in the book before this is asked. What is left is explained by an activity that moves exactly
the shares that differ, or by money that the broker booked; the rest is a break.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from trader.domain.journal import Adjusted
from trader.domain.portfolio import Activity

Shares = Mapping[str, Decimal]

ZERO = Decimal(0)
_RENAMES = frozenset({"NC", "SC"})
_FEES = frozenset({"FEE", "CFEE", "PTC", "PTR"})
_TRANSFERS = frozenset({"CSD", "CSW", "CSR", "JNL", "JNLC", "TRANS", "ACATC"})


def cause_of(kind: str) -> str | None:
    """What an activity of this broker's type is to us; None for one that a person must look at."""
    if kind == "SPLIT":
        return "split"
    if kind in _RENAMES:
        return "symbol_change"
    if kind.startswith("DIV"):
        return "dividend"
    if kind.startswith("INT"):
        return "interest"
    return "fee" if kind in _FEES else "transfer" if kind in _TRANSFERS else None


def explain(
    day: date, held: Shares, cash_usd: Decimal, theirs: Shares, their_cash_usd: Decimal, news: Sequence[Activity]
) -> tuple[Adjusted, ...]:
    """The adjustments that the broker's activities ask for, `news` being those no adjustment stands for yet."""
    renames = tuple(_renames(day, held, theirs, news))
    held = _renamed(held, renames)
    splits = tuple(_splits(day, held, theirs, news))
    left_usd = their_cash_usd - cash_usd - sum((each.cash_usd for each in splits), ZERO)
    return (*renames, *splits, *_money(day, left_usd, news))


def _renames(day: date, held: Shares, theirs: Shares, news: Iterable[Activity]) -> Iterator[Adjusted]:
    """A symbol of which all our shares went, and the broker has none, is called as those that came in the same act."""
    for group in _groups(news, "symbol_change"):
        for old in group:
            new = next((row for row in group if row.symbol != old.symbol and row.quantity == -old.quantity), None)
            mine = held.get(old.symbol, ZERO)
            if new and mine and mine == -old.quantity and not theirs.get(old.symbol):
                detail = f"{old.kind} of {old.on}: {old.detail}"
                evidence = min(old.activity_id, new.activity_id)
                yield Adjusted(day, "symbol_change", old.symbol, ZERO, ZERO, evidence, detail, new.symbol)


def _renamed(held: Shares, renames: Iterable[Adjusted]) -> Shares:
    moved = dict(held)
    for each in renames:
        moved[each.new_symbol] = moved.get(each.new_symbol, ZERO) + moved.pop(each.symbol)
    return moved


def _splits(day: date, held: Shares, theirs: Shares, news: Iterable[Activity]) -> Iterator[Adjusted]:
    """A split whose shares are exactly those that differ."""
    for group in _groups(news, "split"):
        first, added = group[0], sum((row.quantity for row in group), ZERO)
        mine = held.get(first.symbol, ZERO)
        if mine and added and mine + added == theirs.get(first.symbol, ZERO):
            cash_usd = sum((row.cash_usd for row in group), ZERO)
            evidence = min(row.activity_id for row in group)
            yield Adjusted(day, "split", first.symbol, added, cash_usd, evidence, f"{first.kind}: {first.detail}")


def _groups(news: Iterable[Activity], cause: str) -> Iterable[Sequence[Activity]]:
    groups: dict[str, list[Activity]] = {}
    for row in news:
        if cause_of(row.kind) == cause:
            groups.setdefault(row.group_id, []).append(row)
    return groups.values()


def _money(day: date, left_usd: Decimal, news: Iterable[Activity]) -> Iterator[Adjusted]:
    """Dividends, fees and transfers: the newest that make up the difference exactly, else all of them.

    The older ones may be in the book already, when it was taken over from the broker after them.
    """
    booked = [row for row in news if row.cash_usd and cause_of(row.kind) not in (None, "split", "symbol_change")]
    if not left_usd or not booked:
        return
    tails = (booked[start:] for start in range(len(booked)))
    exact = next((tail for tail in tails if sum(row.cash_usd for row in tail) == left_usd), booked)
    for row in exact:
        cause = cause_of(row.kind) or ""
        yield Adjusted(
            day, cause, row.symbol, ZERO, row.cash_usd, row.activity_id, f"{row.kind} of {row.on}: {row.detail}"
        )

"""Which breaks are open by the journal, what they freeze, and what reconcile writes when that changes."""

from collections.abc import Iterable, Sequence
from datetime import date

from trader.domain.journal import AccountOpened, BreakFound, BreakResolved, Event
from trader.execution.reconciliation import ABOUT_ORDERS, Break

BREAK_KINDS: tuple[type[Event], ...] = (AccountOpened, BreakFound, BreakResolved)
"""The only entries open breaks depend on."""

RECONCILE = "reconcile"
"""Who resolves a break that is there no more."""

_FREEZES_NOTHING = frozenset({"equity"})  # marks move while they are read; cash and shares are judged by themselves


def open_breaks(events: Iterable[Event]) -> tuple[Break, ...]:
    """What was found and not resolved since, each once; a book that is taken over anew has none."""
    found: dict[Break, None] = {}
    for event in events:
        match event:
            case AccountOpened():
                found = {}
            case BreakFound():
                found[Break.recorded(event)] = None
            case BreakResolved(symbol=symbol):
                found = {each: None for each in found if each.symbol != symbol}
            case _:
                pass
    return tuple(found)


def frozen_by(breaks: Iterable[Break]) -> frozenset[str]:
    """The symbols nothing is opened in; the empty one stands for the account, and bars every opener."""
    return frozenset(each.symbol for each in breaks if each.code not in _FREEZES_NOTHING)


def explained(events: Iterable[Event]) -> frozenset[Break]:
    """Breaks about orders and fills that a person has resolved: such a difference stays, and is not found again."""
    found: set[Break] = set()
    settled: set[Break] = set()
    for event in events:
        match event:
            case BreakFound(code=code) if code in ABOUT_ORDERS:
                found.add(Break.recorded(event))
            case BreakResolved(symbol=symbol, by=by) if by != RECONCILE:
                settled |= {each for each in found if each.symbol == symbol}
            case _:
                pass
    return frozenset(settled)


def news(day: date, known: Sequence[Break], current: Sequence[Break]) -> tuple[BreakFound | BreakResolved, ...]:
    """What to write so that exactly `current` is open when `known` was; nothing when they are the same."""
    events: list[BreakFound | BreakResolved] = []
    for symbol in sorted({each.symbol for each in (*known, *current)}):
        before = {each for each in known if each.symbol == symbol}
        now = [each for each in current if each.symbol == symbol]
        if before - set(now):
            events.append(BreakResolved(day, symbol, "the difference that was found is no more", RECONCILE))
            before = set()
        events += [each.event(day) for each in now if each not in before]
    return tuple(events)

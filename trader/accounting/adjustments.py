"""What an adjustment does to a book: a split scales lots, a new name moves them, money comes or goes.

A split keeps every lot's cost. What a person took over counts with its cost, and is neither profit nor loss.
"""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from trader.accounting.money import notional_usd
from trader.accounting.postings import Realised, RealisedLot, lots_of, post, with_lots
from trader.domain.journal import Adjusted
from trader.domain.portfolio import Book, Lot

ACCOUNT = "account"
"""What earns or costs money and is no symbol: fees, interest."""

_SHARE = Decimal("0.000000001")
_INCOME = frozenset({"dividend", "fee", "interest", "split"})  # a split may pay cash for a fraction of a share


def apply_adjustment(book: Book, event: Adjusted) -> tuple[Book, Realised]:
    """The book after it, and what it earned or closed."""
    cash_usd = book.cash_usd + event.cash_usd
    lots = lots_of(book, event.symbol)
    realised = _income(event)
    match event.cause:
        case "split":
            book = with_lots(book, event.symbol, _scaled(lots, event.quantity))
        case "symbol_change":
            joined = sorted((*lots, *lots_of(book, event.new_symbol)), key=lambda lot: lot.opened_on)
            book = with_lots(with_lots(book, event.symbol, ()), event.new_symbol, tuple(joined))
        case _ if event.quantity:
            kept, closed = post(lots, event.quantity, -event.cost_usd, event.session_date, event.symbol)
            book, realised = with_lots(book, event.symbol, kept), realised + closed
    return Book(cash_usd, book.holdings), realised


def taken_over_usd(events: Iterable[Adjusted]) -> Decimal:
    """What came into the account, or left it, and is neither profit nor loss: transfers, and what was taken over."""
    return sum((e.cash_usd + e.cost_usd for e in events if e.cause not in _INCOME), Decimal(0))


def cost_of(lots: tuple[Lot, ...], quantity: Decimal, price: Decimal) -> Decimal:
    """What `quantity` shares add to the cost of these lots (USD): those that open at `price`, those that close as held.

    So nothing is realised by shares that only come or only go.
    """
    _, closed = post(lots, quantity, Decimal(0), date.min, "")
    opened = quantity + sum((lot.quantity for lot in closed), Decimal(0))
    return notional_usd(opened, price) - sum((lot.cost_usd for lot in closed), Decimal(0))


def _income(event: Adjusted) -> Realised:
    if not event.cash_usd or event.cause not in _INCOME:
        return ()
    day, symbol = event.session_date, event.symbol or ACCOUNT
    return (RealisedLot(symbol, day, day, Decimal(0), Decimal(0), event.cash_usd),)


def _scaled(lots: tuple[Lot, ...], added: Decimal) -> tuple[Lot, ...]:
    """The lots with `added` shares spread over them in proportion, to nine decimals; the last takes the rest."""
    held = sum((lot.quantity for lot in lots), Decimal(0))
    scaled = [
        Lot(lot.opened_on, (lot.quantity * (held + added) / held).quantize(_SHARE, ROUND_HALF_UP), lot.cost_usd)
        for lot in lots[:-1]
    ]
    rest = held + added - sum((lot.quantity for lot in scaled), Decimal(0))
    return (*scaled, *(Lot(lot.opened_on, rest, lot.cost_usd) for lot in lots[-1:]))

"""What a fill does to a book: cash by its notional to the cent, lots first in first out.

Cost is signed as the shares are, so a lot sold short has cost what it brought, below zero. Cash, plus the cost of all
lots, less everything realised, is therefore the same before and after any fill: no cent appears or is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.accounting.money import cents, notional_usd, share_of
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding, Lot


@dataclass(frozen=True, slots=True)
class RealisedLot:
    """A lot, or a part of one, that was closed.

    `quantity` has the lot's sign (negative: a short was bought back); `cost_usd` is what the part had cost and
    `proceeds_usd` what closing it did to cash, both to the cent and signed.
    """

    symbol: str
    opened_on: date
    closed_on: date
    quantity: Decimal
    cost_usd: Decimal
    proceeds_usd: Decimal

    @property
    def realised_usd(self) -> Decimal:
        """Profit, or loss below zero."""
        return self.proceeds_usd - self.cost_usd


Realised = tuple[RealisedLot, ...]


def apply_fill(book: Book, fill: Fill, session_date: date) -> tuple[Book, Realised]:
    """The book after the fill, and what it closed; a fill through zero closes first and opens with the rest."""
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    cash_usd = -notional_usd(signed, fill.price)
    lots, realised = post(lots_of(book, fill.symbol), signed, cash_usd, session_date, fill.symbol)
    return Book(book.cash_usd + cash_usd, with_lots(book, fill.symbol, lots).holdings), realised


def lots_of(book: Book, symbol: str) -> tuple[Lot, ...]:
    """The lots of a symbol, oldest first."""
    return next((held.lots for held in book.holdings if held.symbol == symbol), ())


def with_lots(book: Book, symbol: str, lots: tuple[Lot, ...]) -> Book:
    """The book with these lots of a symbol instead; cash as it is."""
    others = tuple(held for held in book.holdings if held.symbol != symbol)
    mine = (Holding(symbol, lots),) if lots else ()
    return Book(book.cash_usd, tuple(sorted((*others, *mine), key=lambda holding: holding.symbol)))


def post(
    lots: Sequence[Lot], signed: Decimal, cash_usd: Decimal, day: date, symbol: str
) -> tuple[tuple[Lot, ...], Realised]:
    """The lots after `signed` shares came (below zero: went), and what was closed, for `cash_usd`.

    Close lots of the other sign, oldest first; each gets the cash that falls on its shares, to the last cent.
    """
    left_lots, realised = list(lots), []
    left, left_cash_usd = signed, cash_usd
    while left and left_lots and left_lots[0].quantity * left < 0:
        closed, rest = _split(left_lots.pop(0), abs(left))
        proceeds_usd = share_of(left_cash_usd, closed.quantity, -left)
        realised.append(RealisedLot(symbol, closed.opened_on, day, closed.quantity, closed.cost_usd, proceeds_usd))
        left, left_cash_usd = left + closed.quantity, left_cash_usd - proceeds_usd
        if rest.quantity:
            left_lots.insert(0, rest)
    if left:
        left_lots.append(Lot(day, left, -left_cash_usd))
    return tuple(left_lots), tuple(realised)


def _split(lot: Lot, shares: Decimal) -> tuple[Lot, Lot]:
    """The lot's first `shares`, at most all of it, and what remains; their costs add up to the lot's."""
    taken = min(shares, abs(lot.quantity)).copy_sign(lot.quantity)
    cost_usd = share_of(cents(lot.cost_usd), taken, lot.quantity) if taken != lot.quantity else lot.cost_usd
    return Lot(lot.opened_on, taken, cost_usd), Lot(lot.opened_on, lot.quantity - taken, lot.cost_usd - cost_usd)

"""The ledger's book at a date: an opening or a closed day, and the fills and adjustments it does not contain yet."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from trader.accounting.adjustments import apply_adjustment
from trader.accounting.money import notional_usd
from trader.accounting.postings import Realised, apply_fill
from trader.domain.errors import ChecksFailed
from trader.domain.journal import AccountOpened, Adjusted, DayClosed, Entry, Event, FillRecorded
from trader.domain.portfolio import Book, Holding, Lot, Position

BOOK_KINDS: tuple[type[Event], ...] = (AccountOpened, DayClosed, FillRecorded, Adjusted)
"""The only entries a book depends on: ask the ledger for these, every other entry is ignored."""


def start_of_day(entries: Iterable[Entry], day: date) -> Book:
    """The book before the first fill of `day`; what it was opened with, and adjusted by, on `day` is in it.

    So is a trade by hand of that morning: the day is decided on what is held.
    """
    return _book(entries, date.fromordinal(day.toordinal() - 1), opened_through=day)[0]


def close_of_day(entries: Iterable[Entry], day: date) -> tuple[Book, Realised]:
    """The book after the last fill of `day`, and what was closed since the checkpoint it starts from."""
    return _book(entries, day, opened_through=day)


def current(entries: Iterable[Entry]) -> Book:
    """The book after every entry."""
    return _book(entries, date.max, opened_through=date.max)[0]


def opening_book(cash_usd: Decimal, positions: Iterable[Position], day: date) -> Book:
    """A book that begins with the broker's cash and positions, one lot each at the average entry price."""
    holdings = (
        Holding(p.symbol, (Lot(day, p.quantity, notional_usd(p.quantity, p.average_entry_price)),)) for p in positions
    )
    return Book(cash_usd, tuple(sorted(holdings, key=lambda held: held.symbol)))


def book_differences(book: Book, cash_usd: Decimal, positions: Iterable[Position]) -> tuple[str, ...]:
    """Where the broker's cash and positions are not the book's, in words, over the union of symbols."""
    ours = {held.symbol: held.quantity for held in book.holdings if held.quantity}
    theirs = {position.symbol: position.quantity for position in positions}
    found = [] if book.cash_usd == cash_usd else [f"cash {book.cash_usd}, the broker {cash_usd}"]
    for symbol in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(symbol, Decimal(0)), theirs.get(symbol, Decimal(0))
        found += [] if mine == other else [f"{symbol} {mine}, the broker {other}"]
    return tuple(found)


def posted(book: Book, postings: Iterable[FillRecorded | Adjusted]) -> tuple[Book, Realised]:
    """The book after these in their order, and everything they closed or earned."""
    realised: Realised = ()
    for posting in postings:
        if isinstance(posting, Adjusted):
            book, more = apply_adjustment(book, posting)
        else:
            book, more = apply_fill(book, posting.fill, posting.session_date)
        realised += more
    return book, realised


def adjustments_of(entries: Iterable[Entry], day: date) -> tuple[Adjusted, ...]:
    """The adjustments that `close_of_day` posts for this day: those since the checkpoint it starts from."""
    return tuple(each for each in _pending(entries, day, opened_through=day)[1] if isinstance(each, Adjusted))


def _book(entries: Iterable[Entry], through: date, opened_through: date) -> tuple[Book, Realised]:
    book, pending = _pending(entries, through, opened_through)
    if book is None:
        raise ChecksFailed(
            f"the ledger has no opened account on {opened_through}",
            "Ask for a later date; the first session opens the account.",
        )
    return posted(book, pending)


def _pending(
    entries: Iterable[Entry], through: date, opened_through: date
) -> tuple[Book | None, list[FillRecorded | Adjusted]]:
    """The newest checkpoint and the postings it does not contain.

    One pass in the order of `seq`, which is not that of dates: a day may be closed, or a fill be found, late.
    """
    book: Book | None = None
    closed_on = date.min
    pending: list[FillRecorded | Adjusted] = []
    for entry in entries:
        match entry.event:
            case AccountOpened(session_date=day, book=opened) if day <= opened_through:
                book, closed_on, pending = opened, date.min, []
            case DayClosed(session_date=day, book=closed) if closed_on <= day <= through:
                book, closed_on = closed, day
                pending = [posting for posting in pending if posting.session_date > day]
            case FillRecorded(session_date=day, client_order_id="") as by_hand if day <= opened_through:
                pending.append(by_hand)
            case FillRecorded(session_date=day) as fill if day <= through:
                pending.append(fill)
            case Adjusted(session_date=day) as adjusted if day <= opened_through:
                pending.append(adjusted)
            case _:
                pass
    return book, pending

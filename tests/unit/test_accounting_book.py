"""The book at a date, whatever order days were closed and fills were found in."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from trader.accounting.book import close_of_day, current, start_of_day
from trader.domain.errors import ChecksFailed
from trader.domain.journal import AccountOpened, DayClosed, Entry, Event, FillRecorded, SessionEnded
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book

MON, TUE, WED = date(2026, 3, 16), date(2026, 3, 17), date(2026, 3, 18)
AT = datetime(2026, 3, 16, 14, 30, tzinfo=UTC)
OPENED = AccountOpened(MON, "PA1", Book(Decimal(1000), ()))


def bought(day: date, fill_id: str, shares: int = 1, usd: str = "10") -> FillRecorded:
    return FillRecorded(day, "o", Fill(fill_id, "b", "KO", Side.BUY, Decimal(shares), Decimal(usd), AT))


def closed(day: date, book: Book) -> DayClosed:
    return DayClosed(day, book, (), Decimal(0), Decimal(0), 0)


def journal(*events: Event) -> Sequence[Entry]:
    return [Entry(seq, AT, event, "") for seq, event in enumerate(events, 1)]


def test_the_day_starts_before_its_own_fills_and_closes_after_them() -> None:
    entries = journal(OPENED, bought(MON, "1"), bought(TUE, "2"), SessionEnded(TUE, 1, 1))
    assert start_of_day(entries, MON) == OPENED.book
    assert start_of_day(entries, TUE).quantity_of("KO") == 1
    assert close_of_day(entries, TUE)[0] == current(entries)
    assert current(entries).cash_usd == Decimal("980.00")


def test_a_closed_day_stands_for_everything_before_it() -> None:
    checkpoint = closed(MON, Book(Decimal(5), ()))
    entries = journal(OPENED, bought(MON, "1"), checkpoint, bought(TUE, "2"))
    assert start_of_day(entries, TUE) == checkpoint.book
    assert current(entries) == start_of_day(entries, WED) == start_of_day(entries[2:], WED)
    assert start_of_day(entries, MON) == OPENED.book


def test_a_day_closed_late_loses_no_fill_of_the_next_and_a_late_fill_is_counted() -> None:
    monday = close_of_day(journal(OPENED, bought(MON, "1")), MON)[0]
    late = journal(OPENED, bought(MON, "1"), bought(TUE, "2"), closed(MON, monday), bought(MON, "3"))
    assert start_of_day(late, TUE).quantity_of("KO") == 2
    assert current(late).quantity_of("KO") == 3


def test_an_account_opened_again_forgets_what_came_before() -> None:
    again = AccountOpened(TUE, "PA2", Book(Decimal(7), ()))
    entries = journal(OPENED, bought(MON, "1"), closed(MON, Book(Decimal(5), ())), again, bought(TUE, "2"))
    assert start_of_day(entries, TUE) == again.book
    assert current(entries).cash_usd == Decimal("-3.00")


def test_without_an_opened_account_there_is_no_book() -> None:
    with pytest.raises(ChecksFailed, match="no opened account"):
        start_of_day(journal(OPENED), date(2026, 3, 13))

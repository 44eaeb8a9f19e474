"""What splits, new names, money and a person's word do to a book; nothing of it is profit but income."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.accounting.adjustments import ACCOUNT, apply_adjustment, cost_of, taken_over_usd
from trader.accounting.book import close_of_day, posted, start_of_day
from trader.accounting.postings import lots_of
from trader.domain.journal import AccountOpened, Adjusted, DayClosed, Entry, FillRecorded
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding, Lot

MON, TUE, WED = date(2026, 3, 16), date(2026, 3, 17), date(2026, 3, 18)
AT = datetime(2026, 3, 16, 14, 30, tzinfo=UTC)
HELD = Book(
    Decimal("100.00"),
    (Holding("KO", (Lot(MON, Decimal(3), Decimal("30.01")), Lot(TUE, Decimal(4), Decimal("44.00")))),),
)


def adjusted(cause: str, quantity: str = "0", cash: str = "0", **more: Any) -> Adjusted:
    event = Adjusted(WED, cause, "KO", Decimal(quantity), Decimal(cash), evidence="e", detail="")
    return replace(event, **more)


@pytest.mark.parametrize(("added", "shares"), [("7", ["6", "8"]), ("-3.5", ["1.5", "2"])])
def test_a_split_scales_every_lot_and_keeps_its_cost(added: str, shares: list[str]) -> None:
    book, realised = apply_adjustment(HELD, adjusted("split", added))
    assert [str(lot.quantity.normalize()) for lot in lots_of(book, "KO")] == shares
    assert [(lot.opened_on, lot.cost_usd) for lot in lots_of(book, "KO")] == [
        (lot.opened_on, lot.cost_usd) for lot in lots_of(HELD, "KO")
    ]
    assert (book.cash_usd, realised) == (HELD.cash_usd, ())


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), st.integers(1, 20), st.integers(1, 20))
def test_a_split_comes_out_at_exactly_the_brokers_shares(lots: list[int], new: int, old: int) -> None:
    held = Book(Decimal(0), (Holding("KO", tuple(Lot(MON, Decimal(q), Decimal(q)) for q in lots)),))
    theirs = (Decimal(sum(lots)) * new / old).quantize(Decimal("0.000000001"))
    book, _ = apply_adjustment(held, adjusted("split", str(theirs - sum(lots))))
    assert book.quantity_of("KO") == theirs
    assert sum(lot.cost_usd for lot in lots_of(book, "KO")) == sum(lots)


def test_a_new_name_takes_the_lots_along_and_joins_those_it_finds() -> None:
    book, realised = apply_adjustment(HELD, adjusted("symbol_change", new_symbol="KOX"))
    assert (lots_of(book, "KO"), lots_of(book, "KOX"), realised) == ((), lots_of(HELD, "KO"), ())
    both = Book(Decimal(0), (*HELD.holdings, Holding("KOX", (Lot(date(2026, 3, 13), Decimal(1), Decimal(9)),))))
    book, _ = apply_adjustment(both, adjusted("symbol_change", new_symbol="KOX"))
    assert [lot.opened_on for lot in lots_of(book, "KOX")] == [date(2026, 3, 13), MON, TUE]


@pytest.mark.parametrize(("cause", "symbol"), [("dividend", "KO"), ("fee", ACCOUNT), ("interest", ACCOUNT)])
def test_income_is_realised_by_its_symbol_or_by_the_account(cause: str, symbol: str) -> None:
    event = adjusted(cause, cash="-2.50", symbol="" if symbol == ACCOUNT else symbol)
    book, realised = apply_adjustment(HELD, event)
    assert book == Book(Decimal("97.50"), HELD.holdings)
    assert [(lot.symbol, lot.realised_usd) for lot in realised] == [(symbol, Decimal("-2.50"))]
    assert taken_over_usd([event]) == 0


@given(st.integers(-20, 20).filter(bool), st.integers(1, 500))
def test_what_a_person_took_over_is_neither_profit_nor_loss(shares: int, price: int) -> None:
    """Cash and cost move by exactly what is reported as taken over, and by what was closed through zero."""
    cost = cost_of(lots_of(HELD, "KO"), Decimal(shares), Decimal(price))
    event = adjusted("resolved", str(shares), "1.25", cost_usd=cost)
    book, realised = apply_adjustment(HELD, event)
    assert book.quantity_of("KO") == 7 + shares
    moved = worth(book) - worth(HELD)
    assert moved == taken_over_usd([event]) + sum(lot.realised_usd for lot in realised)
    if shares >= -7:
        assert sum(lot.realised_usd for lot in realised) == 0


def worth(book: Book) -> Decimal:
    """Cash and cost."""
    return book.cash_usd + sum((held.cost_usd for held in book.holdings), Decimal(0))


def test_a_day_begins_after_its_own_adjustments_and_trades_by_hand_and_before_its_orders() -> None:
    by_hand = FillRecorded(TUE, "", Fill("f-1", "b-1", "PEP", Side.BUY, Decimal(2), Decimal(10), AT))
    ours = FillRecorded(TUE, "o", Fill("f-2", "b-2", "KO", Side.SELL, Decimal(1), Decimal(10), AT))
    events = (
        AccountOpened(MON, "PA1", HELD),
        adjusted("dividend", cash="5", session_date=MON),
        DayClosed(MON, Book(Decimal("105.00"), HELD.holdings), (), Decimal(0), Decimal(0), 0),
        adjusted("fee", cash="-1", session_date=MON),  # found in the evening, after the close
        adjusted("split", "7", session_date=TUE),
        by_hand,
        ours,
    )
    entries = [Entry(seq, AT, event, "") for seq, event in enumerate(events, 1)]
    morning = start_of_day(entries, TUE)
    assert (morning.cash_usd, morning.quantity_of("KO"), morning.quantity_of("PEP")) == (Decimal("84.00"), 14, 2)
    assert start_of_day(entries[2:], TUE) == morning, "a closed day stands for what came before it"
    assert close_of_day(entries, TUE)[0] == posted(morning, [ours])[0]

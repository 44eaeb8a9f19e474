"""Postings against an oracle that knows single shares only, and the sum that no fill may change."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.accounting.book import posted
from trader.accounting.postings import RealisedLot, apply_fill
from trader.domain.journal import FillRecorded
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding, Lot

DAY = date(2026, 3, 16)
EMPTY = Book(Decimal(100_000), ())


def fill(side: Side, quantity: str | int, price: str, symbol: str = "AAPL", number: int = 0) -> Fill:
    at = datetime(2026, 3, 16, 14, 30, tzinfo=UTC)
    return Fill(f"f{number}", "b", symbol, side, Decimal(quantity), Decimal(price), at)


def recorded(fills: Sequence[Fill]) -> list[FillRecorded]:
    return [FillRecorded(DAY + timedelta(days=number), "", each) for number, each in enumerate(fills)]


def fills_of(quantities: st.SearchStrategy[Decimal], prices: st.SearchStrategy[Decimal]) -> st.SearchStrategy[Fill]:
    return st.builds(
        fill, st.sampled_from(Side), quantities.map(str), prices.map(str), st.sampled_from(["AAPL", "KO", "MSFT"])
    )


WHOLE_SHARES = fills_of(st.integers(1, 30).map(Decimal), st.decimals("0.01", "500", places=2))
FRACTIONS = fills_of(st.decimals("0.000000001", "1000", places=9), st.decimals("0.0001", "5000", places=4))


class Shares:
    """The oracle: every share of a symbol on its own, (date, cents) first in first out, sold short when positive."""

    def __init__(self) -> None:
        self.long: deque[tuple[date, int]] = deque()
        self.short: deque[tuple[date, int]] = deque()
        self.cash = self.realised = 0

    def trade(self, side: Side, count: int, price: int, day: date) -> None:
        for _ in range(count):
            self.cash += price if side is Side.SELL else -price
            opposite, same = (self.short, self.long) if side is Side.BUY else (self.long, self.short)
            if opposite:
                paid = opposite.popleft()[1]
                self.realised += paid - price if side is Side.BUY else price - paid
            else:
                same.append((day, price))

    def shares(self) -> list[tuple[date, int]]:
        return [*self.long, *((day, -price) for day, price in self.short)]


def apart(lots: Sequence[Lot]) -> list[tuple[date, int]]:
    return [
        (lot.opened_on, int(lot.cost_usd * 100 / abs(lot.quantity)))
        for lot in lots
        for _ in range(int(abs(lot.quantity)))
    ]


@given(st.lists(WHOLE_SHARES, max_size=25))
def test_every_share_is_where_counting_them_one_by_one_puts_it(fills: list[Fill]) -> None:
    book, realised = posted(EMPTY, recorded(fills))
    oracles = {symbol: Shares() for symbol in ("AAPL", "KO", "MSFT")}
    for number, each in enumerate(fills):
        oracles[each.symbol].trade(each.side, int(each.quantity), int(each.price * 100), DAY + timedelta(days=number))
    assert book.cash_usd == EMPTY.cash_usd + Decimal(sum(o.cash for o in oracles.values())) / 100
    assert [holding.symbol for holding in book.holdings] == [s for s, o in oracles.items() if o.shares()]
    for symbol, oracle in oracles.items():
        assert apart(next((h.lots for h in book.holdings if h.symbol == symbol), ())) == oracle.shares()
        assert sum(lot.realised_usd for lot in realised if lot.symbol == symbol) == Decimal(oracle.realised) / 100


@given(st.lists(FRACTIONS, max_size=25))
def test_cash_plus_cost_less_realised_never_changes(fills: list[Fill]) -> None:
    book, earned_usd = EMPTY, Decimal(0)
    for each in fills:
        book, realised = apply_fill(book, each, DAY)
        earned_usd += sum((lot.realised_usd for lot in realised), Decimal(0))
        cost_usd = sum((holding.cost_usd for holding in book.holdings), Decimal(0))
        assert book.cash_usd + cost_usd - earned_usd == EMPTY.cash_usd
        assert all(lot.quantity and lot.cost_usd.as_tuple().exponent == -2 for h in book.holdings for lot in h.lots)
        assert all(len({lot.quantity > 0 for lot in holding.lots}) == 1 for holding in book.holdings)


def test_a_sale_through_zero_closes_the_oldest_first_and_opens_a_short_with_the_rest() -> None:
    later = DAY + timedelta(days=1)
    lots = (Lot(DAY, Decimal(3), Decimal("100.00")), Lot(later, Decimal(1), Decimal("40.00")))
    book, realised = apply_fill(Book(Decimal(0), (Holding("KO", lots),)), fill(Side.SELL, 6, "33.335", "KO"), later)
    assert book == Book(Decimal("200.01"), (Holding("KO", (Lot(later, Decimal(-2), Decimal("-66.67")),)),))
    assert realised == (
        RealisedLot("KO", DAY, later, Decimal(3), Decimal("100.00"), Decimal("100.01")),
        RealisedLot("KO", later, later, Decimal(1), Decimal("40.00"), Decimal("33.33")),
    )


def test_a_lot_sold_in_thirds_gives_its_whole_cost_back() -> None:
    book = Book(Decimal(0), (Holding("KO", (Lot(DAY, Decimal(3), Decimal("100.00")),)),))
    book, realised = posted(book, recorded([fill(Side.SELL, 1, "50", "KO")] * 3))
    assert [lot.cost_usd for lot in realised] == [Decimal("33.33"), Decimal("33.34"), Decimal("33.33")]
    assert book == Book(Decimal("150.00"), ())

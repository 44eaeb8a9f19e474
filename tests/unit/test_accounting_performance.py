"""Valuation, profit, slippage and drawdown: parts that add up to their whole, and textbook cases."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.accounting.book import posted
from trader.accounting.performance import (
    equity_curve,
    max_drawdown,
    profit_by_sector,
    profit_by_symbol,
    slippage,
    total_slippage,
)
from trader.accounting.valuation import Exposure, equity_usd, exposure_by_sector, value
from trader.domain.errors import ChecksFailed
from trader.domain.journal import DayClosed, FillRecorded
from trader.domain.market import Universe
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding, Lot

DAY = date(2026, 3, 16)
SYMBOLS = ("AAPL", "KO", "XOM")
UNIVERSE = Universe((("AAPL", "tech"), ("MSFT", "tech"), ("KO", "staples")))
PRICES = st.decimals("0.0001", "900", places=4)
MARKS = st.fixed_dictionaries(dict.fromkeys(SYMBOLS, PRICES))


def fill(side: Side, quantity: str, price: str, symbol: str = "AAPL") -> Fill:
    return Fill("f", "b", symbol, side, Decimal(quantity), Decimal(price), datetime(2026, 3, 16, 15, tzinfo=UTC))


def fills() -> st.SearchStrategy[list[Fill]]:
    quantities = st.decimals("0.001", "100", places=3).map(str)
    return st.lists(st.builds(fill, st.sampled_from(Side), quantities, PRICES.map(str), st.sampled_from(SYMBOLS)))


def recorded(found: list[Fill]) -> list[FillRecorded]:
    return [FillRecorded(DAY, "", each) for each in found]


@given(fills(), fills(), MARKS, MARKS)
def test_profits_by_symbol_and_sector_add_up_to_the_change_of_equity(
    before: list[Fill], today: list[Fill], marks: dict[str, Decimal], later: dict[str, Decimal]
) -> None:
    morning, _ = posted(Book(Decimal(10_000), ()), recorded(before))
    evening, realised = posted(morning, recorded(today))
    start, end = value(morning, marks), value(evening, later)
    profits = profit_by_symbol(start, end, realised)
    sectors = profit_by_sector(profits, UNIVERSE)
    for parts in (profits, sectors):
        assert sum(profit.total_usd for profit in parts.values()) == end.equity_usd - start.equity_usd
        assert sum(profit.realised_usd for profit in parts.values()) == sum(lot.realised_usd for lot in realised)
    exposures = exposure_by_sector(end, UNIVERSE)
    assert sum(exposure.gross_usd for exposure in exposures.values()) == end.exposure.gross_usd
    assert sum(exposure.net_usd for exposure in exposures.values()) == end.equity_usd - end.cash_usd


def test_positions_are_valued_to_the_cent_one_by_one() -> None:
    book = Book(
        Decimal(100),
        (
            Holding("AAPL", (Lot(DAY, Decimal("0.5"), Decimal(1)),)),
            Holding("KO", (Lot(DAY, Decimal("0.5"), Decimal(1)), Lot(DAY, Decimal("-1.5"), Decimal("-3.00")))),
            Holding("XOM", (Lot(DAY, Decimal("0.5"), Decimal(1)),)),
        ),
    )
    marks = {"AAPL": Decimal("2.01"), "KO": Decimal("2.01"), "XOM": Decimal("2.01")}
    valued = value(book, marks)
    assert [position.value_usd for position in valued.positions] == [Decimal(x) for x in ("1.01", "-2.01", "1.01")]
    assert equity_usd(book, marks) == Decimal("100.01")
    assert valued.positions[1].unrealised_usd == Decimal("-0.01")
    assert exposure_by_sector(valued, UNIVERSE) == {
        "staples": Exposure(Decimal("2.01"), Decimal("-2.01")),
        "tech": Exposure(Decimal("1.01"), Decimal("1.01")),
        "unclassified": Exposure(Decimal("1.01"), Decimal("1.01")),
    }


def test_a_holding_without_a_price_is_named() -> None:
    book = Book(Decimal(0), (Holding("KO", (Lot(DAY, Decimal(1), Decimal(1)),)),))
    with pytest.raises(ChecksFailed, match="no price for KO"):
        value(book, {"AAPL": Decimal(1)})


@pytest.mark.parametrize(
    ("side", "price", "usd", "bps"),
    [(Side.BUY, "100.50", "5", "50"), (Side.BUY, "99.50", "-5", "-50"), (Side.SELL, "99.50", "5", "50")],
)
def test_slippage_is_a_cost_whichever_way_one_trades(side: Side, price: str, usd: str, bps: str) -> None:
    halves = [fill(side, "4", price), fill(side, "6", price)]
    found = slippage(halves, Decimal(100))
    assert found is not None
    assert (found.quantity, found.average_price) == (Decimal(10), Decimal(price))
    assert (found.usd, found.bps) == (Decimal(usd), Decimal(bps))


def test_the_total_slippage_weighs_orders_by_what_they_were_worth_at_arrival() -> None:
    small = slippage([fill(Side.BUY, "1", "110")], Decimal(100))
    large = slippage([fill(Side.SELL, "90", "10")], Decimal(10))
    assert small is not None
    assert large is not None
    assert total_slippage([small, large]) == (Decimal("10.00"), Decimal("100.00"))
    assert total_slippage([]) == (Decimal(0), None)
    assert slippage([], Decimal(100)) is None


def test_the_drawdown_is_measured_from_the_highest_day_so_far() -> None:
    equities = (100, 120, 90, 130, 117)
    closes = [
        DayClosed(DAY + timedelta(days=n), Book(Decimal(0), ()), (), Decimal(equity), Decimal(0), 0)
        for n, equity in enumerate(equities)
    ]
    curve = equity_curve([closes[1], *closes])
    assert [point.drawdown for point in curve] == [0, 0, Decimal("-0.25"), 0, Decimal("-0.1")]
    assert max_drawdown(curve) == Decimal("-0.25")
    assert max_drawdown(()) == 0

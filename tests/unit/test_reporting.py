"""The report's page: self-contained, the same bytes for the same report, and safe with any text."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from tests.support.days import BOOK, DAY, closed, whole_day
from tests.support.orders import entries
from trader.accounting.performance import EquityPoint
from trader.domain.canonical import dumps, loads
from trader.domain.errors import InvariantViolated
from trader.domain.journal import (
    AccountOpened,
    Adjusted,
    BreakFound,
    BreakResolved,
    DayClosed,
    Entry,
    Event,
    SessionEnded,
)
from trader.domain.market import Universe
from trader.domain.orders import OrderStatus
from trader.domain.plan import Denial
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.reconciliation import Break
from trader.reporting import formats
from trader.reporting.day_report import DayReport
from trader.reporting.page import render_html
from trader.reporting.summary import day_report

UNIVERSE = Universe((("AAPL", "Technology"), ("KO", "Staples")))


def report(*events: Event, found: tuple[Break, ...] = ()) -> DayReport:
    """The report of the small day (its only holding is KO), with more events before its end."""
    day = [event for event in whole_day() if not isinstance(event, DayClosed | BreakFound)]
    ledger = entries(*day, *events, *(each.event(DAY) for each in found), replace(closed(), breaks=len(found)))
    return day_report(DAY, ledger, ledger, UNIVERSE, 10)


class Page(HTMLParser):
    """What a browser would fetch, run or show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        fetched = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
        self.addresses += [value or "" for name, value in attrs if name in fetched]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_order_of_the_day_is_a_row_with_its_end_and_its_reason() -> None:
    lines = {line.symbol: line for line in report().orders}
    assert {symbol: line.status for symbol, line in lines.items()} == {
        "AAPL": OrderStatus.FILLED,
        "KO": OrderStatus.REJECTED,
        "PEP": OrderStatus.UNKNOWN,
        "XOM": OrderStatus.DENIED,
    }
    assert lines["XOM"].note == "max_spread_bps: 90 bps"
    assert lines["KO"].note == "insufficient buying power"
    aapl = lines["AAPL"]  # bought 20 at 250.16 against a mid of 250.10
    assert (aapl.average_price, aapl.slippage_usd) == (Decimal("250.160000"), Decimal("1.20"))
    assert aapl.slippage_bps == Decimal("2.40")


def test_what_was_not_traded_is_told_with_its_reason() -> None:
    made = report()
    assert made.denials == (
        Denial("MSFT", "order_notional_cap_usd", "100001.00 USD"),
        Denial("XOM", "max_spread_bps", "90 bps"),
    )
    assert [(group.code, group.symbols) for group in made.exclusions] == [("short_history", ("ÅBC",))]


def test_the_report_is_of_what_the_ledger_held_at_the_close() -> None:
    ledger = entries(*whole_day())
    later = [*ledger, Entry(99, ledger[-1].at, SessionEnded(DAY, 9, 9), ""), Entry(100, ledger[-1].at, closed(), "")]
    assert day_report(DAY, later, later, UNIVERSE, 10) == day_report(DAY, ledger, ledger, UNIVERSE, 10)
    with pytest.raises(InvariantViolated):
        day_report(DAY, ledger[:-1], ledger[:-1], UNIVERSE, 10)


def test_the_opening_is_the_first_peak_of_the_drawdown() -> None:
    opened = replace(BOOK, cash_usd=BOOK.cash_usd * 2)  # 200,612.30 with the cost of KO; the day ends on 100,612.30
    ledger = entries(AccountOpened(DAY, "PA1", opened), *whole_day()[1:])
    made = day_report(DAY, ledger, ledger, UNIVERSE, 10)
    assert made.figures.drawdown == made.curve[-1].drawdown == Decimal("-0.498474")


def test_what_an_adopted_book_brings_is_no_profit() -> None:
    following, marks = DAY + timedelta(days=1), (("KO", Decimal("70.00")), ("PEP", Decimal("30.00")))
    adopted = Book(Decimal("1234.56"), (*BOOK.holdings, Holding("PEP", (Lot(DAY, Decimal(2), Decimal("60.00")),))))
    ledger = entries(
        AccountOpened(DAY, "PA1", BOOK),
        replace(closed(), marks=marks[:1], equity_usd=Decimal("100700.00")),
        AccountOpened(following, "PA1", adopted, "adopted: a gift"),
        DayClosed(following, adopted, marks, Decimal("1994.56"), Decimal(0), 0),
    )
    made = day_report(following, ledger[3:], ledger, UNIVERSE, 10)
    assert made.figures.start_equity_usd == made.figures.equity_usd == Decimal("1994.56")
    assert {line.symbol: line.profit.total_usd for line in made.symbols} == {"KO": 0, "PEP": 0}


def test_the_document_reads_back() -> None:
    assert loads(DayReport, dumps(report())) == report()


def test_the_page_asks_no_other_host_and_runs_nothing() -> None:
    html = render_html(drawn())
    page = Page(html)
    assert page.tags.count("svg") == 5
    assert all(address.startswith("#") for address in page.addresses)
    assert not {"script", "link", "iframe", "img", "object", "base"} & set(page.tags)
    assert "://" not in html
    assert "@import" not in html


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_html(drawn()) == render_html(drawn())


def test_text_from_outside_is_shown_and_never_obeyed() -> None:
    hostile = "<script>alert(1)</script><img src=x>"
    page = Page(render_html(report(found=(Break("order_foreign", hostile, "none", hostile),)), with_plots=False))
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(hostile) == 2


@pytest.mark.parametrize(("cause", "profit"), [("dividend", 1), ("fee", 1), ("transfer", 0), ("resolved", 0)])
def test_income_is_profit_and_what_only_moved_in_is_not(cause: str, profit: int) -> None:
    """The end is what was closed, so what is not profit was there at the start."""
    cash = Decimal("12.40")
    moved = Adjusted(DAY, cause, "KO", Decimal(0), cash, "a-1", "told")
    before, after = report().figures, report(moved).figures
    assert after.start_equity_usd - before.start_equity_usd == (0 if profit else cash)
    assert after.profit.realised_usd - before.profit.realised_usd == profit * cash


def test_what_no_order_of_ours_did_is_told_with_why() -> None:
    renamed = Adjusted(DAY, "symbol_change", "KO", Decimal(0), Decimal(0), "a-2", "KO is now KOX", "KOX")
    found = report(renamed)
    told = {(each.cause, each.symbol) for each in found.adjustments}
    assert told >= {("manual_trade", "T"), ("symbol_change", "KO to KOX")}
    text = Page(render_html(found, with_plots=False)).text
    assert text.index("Not by an order of ours") < text.index("KO is now KOX")


def test_a_break_that_was_resolved_before_the_close_is_none_of_the_report() -> None:
    resolved = BreakFound(DAY, "position", "KO", "10", "9", "KO"), BreakResolved(DAY, "KO", "a gift", "somebody")
    assert report(*resolved).ok
    assert not report(*resolved, resolved[0]).ok


def test_a_break_stands_at_the_top_with_what_to_do() -> None:
    broken = report(found=(Break("cash", "account", "100.00", "99.99"), Break("position", "KO", "10", "9")))
    text = Page(render_html(broken, with_plots=False)).text
    assert "disagree in 2 places" in text
    assert text.index("What to do") < text.index("trader breaks resolve account") < text.index("Checks")
    states = {check.name: (check.ok, check.broker) for check in broken.checks}
    assert states["Cash"] == (False, "99.99")
    assert states["Positions"] == (False, "1 different")
    assert states["Equity"][0]
    assert "agree to the cent" in Page(render_html(report(), with_plots=False)).text


def drawn() -> DayReport:
    """A report with something in every plot."""
    made = report()
    points = tuple(EquityPoint(DAY - timedelta(days=3 - n), Decimal(1000 + n), Decimal(0)) for n in range(3))
    return replace(made, curve=points)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (formats.usd(Decimal("-1234567.891"), 2), "−1,234,567.89"),
        (formats.signed_usd(Decimal("0.001"), 2), "0.00"),
        (formats.signed_usd(Decimal("-0.4")), "0"),
        (formats.signed_usd(Decimal(1234)), "+1,234"),
        (formats.bps(Decimal("-2.35")), "−2.4"),
        (formats.percent(Decimal("0.9114")), "91.1\N{NO-BREAK SPACE}%"),
        (formats.number(Decimal("1200.000")), "1,200"),
        (formats.number(Decimal("0.500000000")), "0.5"),
        (formats.price(Decimal("0.12345")), "0.1234"),
        (formats.price(None), "–"),
    ],
)
def test_numbers_read_well(text: str, shown: str) -> None:
    assert text == shown

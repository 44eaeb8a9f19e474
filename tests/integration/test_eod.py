"""The end of a day against a real exchange and a real ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.exchange.running import RunningExchange
from tests.support.desk import open_desk, plain
from trader.adapters.report_files import ReportFiles
from trader.domain.canonical import dumps, loads
from trader.domain.errors import ChecksFailed
from trader.domain.journal import AccountOpened, BreakFound, DayClosed, OrderIntended
from trader.domain.orders import OrderIntent, OrderKey, OrderStatus, Purpose, Side
from trader.domain.plan import Plan, Provenance
from trader.domain.portfolio import Book
from trader.execution.identifiers import client_order_id
from trader.modes.desk import Desk
from trader.modes.eod import close_day, report_of
from trader.modes.planning import open_account
from trader.reporting.day_report import DayReport

DAY, NEXT, SATURDAY = date(2022, 3, 16), date(2022, 3, 17), date(2022, 3, 19)
PROVENANCE = Provenance("r1", "c" * 64, "m" * 64, "d" * 64)


@dataclass
class Account:
    """An account on a running exchange, with the trader's files beside it."""

    exchange: RunningExchange
    state: Path

    def desk(self, **options: Any) -> Desk:
        """The desk over the files."""
        return open_desk(self.state, self.exchange.url, **options)

    def order(self, sequence: int, symbol: str, side: Side, shares: int, day: date = DAY) -> str:
        """An order of ours, intended in the ledger and sent; nothing is known of its fills."""
        desk = self.desk()
        quote = desk.market.quotes([symbol])[symbol]
        key = OrderKey("main", "xgb", day, symbol, side, Purpose.PLAN, sequence, 0, 0)
        identity = client_order_id(key)
        limit = (quote.ask if side is Side.BUY else quote.bid).quantize(Decimal("0.01"))
        desk.ledger.append(
            OrderIntended(
                day, identity, key, Decimal(shares), limit, quote.mid, quote.bid, quote.ask, quote.at, (), PROVENANCE
            )
        )
        self.exchange.order(identity, symbol, side=side.value, qty=str(shares)).raise_for_status()
        return identity

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Move the exchange to this UTC time."""
        self.exchange.advance(datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).isoformat())

    def trade(self, day: date = DAY) -> None:
        """Two purchases and a part of one sold again, all filled; then the close."""
        open_account(self.desk(), day)
        self.at(day, 13, 31)
        self.order(0, "SYAAA", Side.BUY, 10, day)
        self.order(1, "SYAAB", Side.BUY, 25, day)
        self.at(day, 15)
        self.order(2, "SYAAB", Side.SELL, 5, day)
        self.at(day, 20, 10)

    def broker(self, path: str) -> Any:
        """What the exchange says of the account."""
        return self.exchange.call("GET", f"/v2/{path}").json()

    def close(self, day: date = DAY, **options: Any) -> DayReport:
        """The report of a session day."""
        report = close_day(self.desk(**options), day)
        assert report is not None
        return report


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """A fresh account of 1,000,000 USD on the morning of DAY."""
    running = RunningExchange(tmp_path / "exchange", {"cash": "1000000", "partial-fills": "1"}).start()
    state = tmp_path / "state"
    state.mkdir()
    (state / "sectors.json").write_text(json.dumps(running.call("GET", "/sim/sectors").json()))
    yield Account(running, state)
    running.stop()


def agrees(account: Account, report: DayReport) -> bool:
    """Whether the report has the broker's cash, equity and positions, and its parts add up."""
    theirs, figures = account.broker("account"), report.figures
    held = {line.symbol: line.quantity for line in report.symbols if line.quantity}
    return (
        (figures.cash_usd, figures.equity_usd) == (Decimal(theirs["cash"]), Decimal(theirs["equity"]))
        and held == {row["symbol"]: Decimal(row["qty"]) for row in account.broker("positions")}
        and figures.profit.total_usd == figures.equity_usd - figures.start_equity_usd
        and sum(line.profit.total_usd for line in report.symbols) == figures.profit.total_usd
        and sum(line.profit.total_usd for line in report.sectors) == figures.profit.total_usd
    )


def test_a_day_is_closed_to_the_cent_and_a_second_time_changes_nothing(account: Account, tmp_path: Path) -> None:
    account.trade()
    files = ReportFiles(tmp_path / "reports")
    first = close_day(account.desk(), DAY, files)
    assert first is not None
    assert first.ok
    assert agrees(account, first)
    assert [line.status for line in first.orders] == [OrderStatus.FILLED] * 3
    assert first.figures.fills > first.figures.filled  # partial fills
    assert all(line.slippage_bps is not None for line in first.orders)
    page, asked = (tmp_path / "reports" / "20220316.html").read_bytes(), len(account.exchange.log())
    entries = len(list(account.desk().ledger.entries()))
    assert close_day(account.desk(), DAY, files) == first
    assert (tmp_path / "reports" / "20220316.html").read_bytes() == page
    assert loads(DayReport, (tmp_path / "reports" / "20220316.json").read_text()) == first
    assert len(account.exchange.log()) == asked
    assert len(list(account.desk().ledger.entries())) == entries


def test_the_second_day_starts_from_the_first(account: Account) -> None:
    account.trade()
    first = account.close()
    account.trade(NEXT)
    second = account.close(NEXT)
    assert second.ok
    assert agrees(account, second)
    assert second.figures.start_equity_usd == first.figures.equity_usd
    assert [point.session_date for point in second.curve] == [DAY, NEXT]
    assert report_of(account.desk().ledger, DAY, account.desk().universe, 10) == first


def test_a_day_whose_end_was_missed_is_made_good_by_the_next(account: Account) -> None:
    account.trade()
    account.trade(NEXT)
    with pytest.raises(ChecksFailed, match="not closed before the session of 2022-03-17 began"):
        account.close(DAY)
    report = account.close(NEXT)
    assert report.ok
    assert agrees(account, report)


def test_before_the_close_and_without_a_session_there_is_nothing_to_close(account: Account) -> None:
    account.at(DAY, 19, 59)
    with pytest.raises(ChecksFailed, match="after 2022-03-16 15:00 CDT"):
        account.close()
    with pytest.raises(ChecksFailed, match="No day is closed yet"):
        report_of(account.desk().ledger, DAY, account.desk().universe, 10)
    assert close_day(account.desk(), SATURDAY) is None
    assert not list(account.desk().ledger.entries())


def test_a_day_without_plan_and_orders(account: Account) -> None:
    account.at(DAY, 20, 10)
    report = account.close()
    assert report.ok
    assert agrees(account, report)
    assert (report.orders, report.symbols, report.figures.slippage_bps) == ((), (), None)


@pytest.mark.parametrize("plan_file", [True, False])
def test_a_ledger_lost_during_the_day_is_made_again_from_plan_file_and_fills(account: Account, plan_file: bool) -> None:
    account.trade()
    intents = (OrderIntent(0, "SYAAA", Side.BUY, Decimal(10), Decimal(100), reduces=False),)
    book = Book(Decimal("1000000.00"), ())
    if plan_file:
        plan = Plan("main", "xgb", DAY, DAY, PROVENANCE, book.cash_usd, book, (), intents, (), ())
        account.desk().plans.write(plan)
    for file in account.state.glob("ledger.db*"):
        file.unlink()
    report = account.close()
    assert report.ok
    assert agrees(account, report)
    assert report.figures.start_equity_usd == book.cash_usd
    assert len(report.orders) == 3
    opened = account.desk().ledger.latest(AccountOpened)
    assert opened is not None
    assert isinstance(opened.event, AccountOpened)
    assert (opened.event.book, opened.event.source) == (book, "plan_file" if plan_file else "broker")
    assert bool(report.header.plan_hash) is plan_file


def test_what_cannot_be_explained_is_recorded_and_not_repaired(account: Account) -> None:
    account.trade()
    account.exchange.call("POST", "/sim/account/cash", json={"amount_usd": "12.34"})
    account.at(NEXT, 8)
    account.exchange.call("POST", "/sim/positions", json={"symbol": "SYAAC", "qty": "7", "price": "10"})
    report = account.close()
    found = {(each.code, each.subject) for each in report.breaks}
    assert found == {("cash", "account"), ("position", "SYAAC"), ("equity", "account")}
    assert {check.name for check in report.checks if not check.ok} == {"Cash", "Positions", "Equity"}
    ledger = account.desk().ledger
    closed = ledger.latest(DayClosed)
    assert closed is not None
    assert isinstance(closed.event, DayClosed)
    assert closed.event.breaks == len(list(ledger.entries(DAY, (BreakFound,)))) == 3
    assert closed.event.book.quantity_of("SYAAC") == 0
    assert dumps(account.close()) == dumps(report)


def test_somebody_elses_trade_is_a_fact_of_the_book_and_told(account: Account) -> None:
    account.trade()
    account.at(NEXT, 13, 31)
    account.exchange.order("by-hand", "SYAAD", qty="3").raise_for_status()
    account.at(NEXT, 20, 10)
    report = account.close(NEXT)
    assert report.ok
    assert agrees(account, report)
    assert {(each.cause, each.symbol) for each in report.adjustments} == {("manual_trade", "SYAAD")}
    assert sum(each.quantity for each in report.adjustments) == 3
    assert "by-hand" not in {line.client_order_id for line in report.orders}


class Lagging:
    """A broker whose positions are late: none at the first `late` readings."""

    def __init__(self, broker: Any, late: int) -> None:
        self._broker, self._late = broker, late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    def positions(self) -> Any:
        """The positions, when they are there."""
        self._late -= 1
        return () if self._late >= 0 else self._broker.positions()


@pytest.mark.parametrize(("late", "agreed"), [(3, True), (4, False)])
def test_positions_that_come_late_are_waited_for(account: Account, late: int, agreed: bool) -> None:
    account.trade()
    report = account.close(wrap=lambda name, part: Lagging(part, late) if name == "broker" else plain(name, part))
    assert report.ok is agreed
    account_now = datetime.fromisoformat(account.exchange.call("GET", "/sim/clock").json()["now"])
    assert account_now == datetime(2022, 3, 16, 20, 10, 15, tzinfo=UTC)

"""Two views of one day: equal views have no break, and each difference has exactly its own."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.orders import BrokerOrder, Fill, OrderStatus, Side
from trader.domain.portfolio import Account, Book, Holding, Lot, Position
from trader.execution.reconciliation import REMEDIES, Break, BrokerView, LedgerView, reconcile

DAY = date(2026, 3, 16)
AT = datetime(2026, 3, 16, 13, 31, tzinfo=UTC)
PRICE = Decimal("20.00")
Views = tuple[LedgerView, BrokerView]


def agreeing(quantities: dict[str, int]) -> Views:
    """A day on which every symbol was bought by one order with one fill, seen alike by both sides."""
    bought = {symbol: Decimal(quantity) for symbol, quantity in quantities.items()}
    fills = tuple(Fill(f"f-{s}", f"b-{s}", s, Side.BUY, q, PRICE, AT) for s, q in bought.items())
    orders = tuple(
        BrokerOrder(f"b-{s}", f"o-{s}", s, Side.BUY, q, PRICE, OrderStatus.FILLED, q, PRICE, AT, AT, "filled")
        for s, q in bought.items()
    )
    cash_usd = Decimal("1000.00")
    equity_usd = cash_usd + sum((q * PRICE for q in bought.values()), Decimal(0))
    book = Book(cash_usd, tuple(Holding(s, (Lot(DAY, q, q * PRICE),)) for s, q in bought.items()))
    account = Account("PA1", "ACTIVE", cash_usd, equity_usd, cash_usd, blocked=False, suspended_by_user=False)
    positions = tuple(Position(s, q, PRICE, PRICE, q * PRICE) for s, q in bought.items())
    statuses = {order.client_order_id: order.status for order in orders}
    return LedgerView(book, equity_usd, statuses, fills), BrokerView(account, positions, orders, fills)


OURS, BROKER = agreeing({"AAA": 3, "BBB": 7})
ENDED = replace(BROKER.orders[0], client_order_id="by-hand", broker_order_id="b-x")
FOREIGN = replace(ENDED, status=OrderStatus.WORKING)
SENT = "pt1.main.xgb.20260316.AAA.b.p0.0.0"
OTHER_FILL = replace(BROKER.fills[0], fill_id="f-late", broker_order_id="b-x")
UNFILLED = replace(BROKER.orders[0], filled_quantity=Decimal(0), status=OrderStatus.CANCELED)


def ours_with(status: OrderStatus) -> LedgerView:
    """The ledger's view with AAA's order in this status."""
    return replace(OURS, orders={**OURS.orders, "o-AAA": status})


def broker_with(status: OrderStatus) -> BrokerView:
    """The broker's view with AAA's order in this status."""
    return replace(BROKER, orders=(replace(BROKER.orders[0], status=status), BROKER.orders[1]))


@given(st.dictionaries(st.text("ABC", min_size=1, max_size=3), st.integers(1, 10**6), max_size=6))
def test_views_of_the_same_day_agree(quantities: dict[str, int]) -> None:
    assert reconcile(*agreeing(quantities)) == ()


def test_each_difference_has_its_own_break() -> None:
    for views, expected in DIFFERENCES:
        assert reconcile(*views) == expected


DIFFERENCES: list[tuple[Views, tuple[Break, ...]]] = [
    (
        (OURS, replace(BROKER, fills=(*BROKER.fills, OTHER_FILL))),
        (Break("missed_fill", "f-late", "none", "buy 3 AAA at 20", "AAA"),),
    ),
    (
        (replace(OURS, fills=(*OURS.fills, OTHER_FILL)), BROKER),
        (Break("phantom_fill", "f-late", "buy 3 AAA at 20", "none", "AAA"),),
    ),
    (
        (OURS, replace(BROKER, fills=(replace(BROKER.fills[0], price=Decimal("20.01")), BROKER.fills[1]))),
        (Break("fill_differs", "f-AAA", "buy 3 AAA at 20", "buy 3 AAA at 20.01", "AAA"),),
    ),
    (
        (OURS, replace(BROKER, orders=(*BROKER.orders, FOREIGN))),
        (Break("order_foreign", "by-hand", "none", "buy AAA working", "AAA"),),
    ),
    (
        (replace(OURS, orders={**OURS.orders, SENT: OrderStatus.FILLED}), BROKER),
        (Break("order_missing", SENT, "filled", "none", "AAA"),),
    ),
    (
        (OURS, replace(BROKER, orders=(UNFILLED, BROKER.orders[1]))),
        (
            Break("order_status", "o-AAA", "filled", "canceled", "AAA"),
            Break("filled_quantity", "o-AAA", "3", "0", "AAA"),
        ),
    ),
    (
        (ours_with(OrderStatus.WORKING), broker_with(OrderStatus.WORKING)),
        (Break("order_open", "o-AAA", "working", "working", "AAA"),),
    ),
    (
        (OURS, replace(BROKER, positions=BROKER.positions[1:])),
        (Break("position", "AAA", "3", "none", "AAA"),),
    ),
    (
        (OURS, replace(BROKER, account=replace(BROKER.account, cash_usd=Decimal("999.99")))),
        (Break("cash", "account", "1000.00", "999.99"),),
    ),
    (
        (replace(OURS, equity_usd=Decimal("1200.01")), BROKER),
        (Break("equity", "account", "1200.01", "1200.00"),),
    ),
    (
        (replace(OURS, account_number="PA0", equity_usd=Decimal(1)), replace(BROKER, positions=())),
        (Break("account_reset", "account", "PA0", "PA1"),),
    ),
]


def test_every_code_of_a_break_says_what_to_do() -> None:
    found = {code.code for _, breaks in DIFFERENCES for code in breaks}
    assert found == set(REMEDIES)


def test_news_of_an_order_is_no_break() -> None:
    assert reconcile(ours_with(OrderStatus.WORKING), BROKER) == ()


def test_while_the_session_runs_our_orders_may_work_and_equity_moves() -> None:
    ours, broker = ours_with(OrderStatus.WORKING), broker_with(OrderStatus.WORKING)
    assert reconcile(replace(ours, equity_usd=None), broker, over=False) == ()


def test_somebody_elses_order_that_has_ended_is_no_break() -> None:
    assert reconcile(OURS, replace(BROKER, orders=(*BROKER.orders, ENDED))) == ()


@pytest.mark.parametrize("status", [OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.DENIED])
def test_an_order_that_never_reached_the_broker_is_no_break(status: OrderStatus) -> None:
    assert reconcile(replace(OURS, orders={**OURS.orders, "o-never": status}), BROKER) == ()


def test_money_is_compared_to_the_cent() -> None:
    account = replace(BROKER.account, cash_usd=Decimal("1000.004"), equity_usd=Decimal("1199.995"))
    assert reconcile(OURS, replace(BROKER, account=account)) == ()


def test_a_break_reads_back_as_it_was_recorded() -> None:
    for _, breaks in DIFFERENCES:
        for found in breaks:
            assert Break.recorded(found.event(DAY)) == found
    early = replace(Break("position", "AAA", "3", "none", "AAA").event(DAY), symbol="")
    assert Break.recorded(early).symbol == "AAA"

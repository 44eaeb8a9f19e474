"""What the day has bound so far: nothing held is left out, and no fill looks cheaper than it can have been."""

from dataclasses import replace
from decimal import Decimal

from tests.support.orders import DAY, entries, intended, intent, key, observed, plan
from trader.domain.journal import Event
from trader.domain.orders import OrderStatus
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.commitments import Commitments, commitments
from trader.execution.order_state import fold

KEPT = Holding("ZZZ", (Lot(DAY, Decimal(40), Decimal(1_000)),))  # no target, no order; 40 shares that close at 50 USD
MORNING = replace(
    plan(intent(quantity=10)), equity_usd=Decimal(12_000), book=Book(Decimal(10_000), (KEPT,)), targets=()
)


def after(*events: Event) -> Commitments:
    return commitments(MORNING, fold(entries(*events)).values())


def test_a_holding_without_a_target_counts_at_its_close_and_not_at_its_cost() -> None:
    assert after().exposure_usd == Decimal(2_000)


def test_a_working_buy_binds_cash_and_exposure_at_its_limit() -> None:
    now = after(intended(key(), 10, limit="100.50"), observed(key(), OrderStatus.WORKING))
    assert (now.exposure_usd, now.cash_usd) == (Decimal(3_005), Decimal(8_995))
    assert now.buying == {"AAA": Decimal(10)}


def test_what_is_filled_is_held_at_its_close_and_paid_at_its_limit() -> None:
    now = after(intended(key(), 10, limit="100.50"), observed(key(), OrderStatus.FILLED, filled=10))
    assert (now.exposure_usd, now.cash_usd) == (Decimal(3_000), Decimal(8_995))
    assert now.held == {"AAA": Decimal(10), "ZZZ": Decimal(40)}
    assert now.buying == {}

"""To reduce is to go towards zero and never through it, in the plan and at the gate."""

from decimal import Decimal

import pytest

from tests.support.orders import DAY, gate_state, quote
from trader.decision.admission import ApprovedOrder, admit
from trader.decision.plan import trades
from trader.domain.orders import OrderRequest, Side
from trader.domain.plan import Denial, Target
from trader.domain.policy import SizingPolicy
from trader.domain.portfolio import Book, Holding, Lot

PRICE = Decimal(100)


@pytest.mark.parametrize(
    ("held", "wanted", "legs"),
    [
        (-500, 200, [(Side.BUY, 500, True), (Side.BUY, 200, False)]),
        (500, -200, [(Side.SELL, 500, True), (Side.SELL, 200, False)]),
        (-500, -200, [(Side.BUY, 300, True)]),
        (500, 200, [(Side.SELL, 300, True)]),
        (-500, 0, [(Side.BUY, 500, True)]),
        (0, 200, [(Side.BUY, 200, False)]),
        (0, -200, [(Side.SELL, 200, False)]),
        (200, 500, [(Side.BUY, 300, False)]),
    ],
)
def test_a_plan_goes_through_zero_in_two_orders(held: int, wanted: int, legs: list[tuple[Side, int, bool]]) -> None:
    book = Book(Decimal(0), (Holding("AAA", (Lot(DAY, Decimal(held), held * PRICE),)),))
    target = Target("AAA", Decimal(1), Decimal("0.5"), Decimal(wanted), PRICE)
    orders = trades([target], book, {"AAA": PRICE}, frozenset(), SizingPolicy())
    assert [(order.side, order.quantity, order.reduces) for order in orders] == legs


@pytest.mark.parametrize(("held", "side"), [(10, Side.SELL), (-10, Side.BUY)])
def test_the_gate_lets_a_reducer_only_close(held: int, side: Side) -> None:
    state = gate_state(held=held)
    other = Side.BUY if side is Side.SELL else Side.SELL

    def verdict(way: Side, quantity: int) -> ApprovedOrder | Denial:
        return admit(OrderRequest("id", "AAA", way, Decimal(quantity), reduces=True), quote(), state)

    assert isinstance(verdict(side, 10), ApprovedOrder)
    for denied in (verdict(side, 11), verdict(other, 1)):
        assert isinstance(denied, Denial)
        assert denied.code == "reduce_only"

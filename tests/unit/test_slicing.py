"""Parts of an order: nothing lost, nothing added, and every one of them in time."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import OPEN, intent
from trader.domain.policy import ExecutionPolicy
from trader.execution.slicing import due_at, parts

whole = st.integers(1, 100_000).map(Decimal)
fractions = st.decimals(Decimal("0.000000001"), Decimal(5000), places=9)


@given(whole | fractions, st.integers(1, 50))
def test_parts_add_up_and_are_nearly_equal(quantity: Decimal, slices: int) -> None:
    found = parts(replace(intent(), quantity=quantity, slices=slices))
    sizes = [part.quantity for part in found]
    unit = Decimal(1) if quantity == quantity.to_integral_value() else Decimal("0.000000001")
    assert sum(sizes) == quantity
    assert min(sizes) > 0
    assert max(sizes) - min(sizes) <= unit
    assert sizes == sorted(sizes, reverse=True)
    assert all(size % unit == 0 for size in sizes)
    assert [part.slice for part in found] == list(range(min(slices, int(quantity / unit))))


@given(st.integers(1, 50), st.integers(10, 3600), st.integers(0, 3600), st.integers(60, 23_400))
def test_parts_are_evenly_due_and_the_last_before_the_latest_start(
    slices: int, interval_s: int, delay_s: int, latest_s: int
) -> None:
    policy = ExecutionPolicy(slice_interval_s=interval_s, open_delay_s=delay_s, latest_start_s=latest_s)
    times = [due_at(part, OPEN, policy) for part in parts(replace(intent(quantity=50), slices=slices))]
    spans = {later - earlier for earlier, later in pairwise(times)}
    assert times[0] == OPEN + timedelta(seconds=delay_s)
    assert len(spans) <= 1
    assert max(spans, default=timedelta(0)) <= timedelta(seconds=interval_s)
    assert times[-1] <= OPEN + timedelta(seconds=max(delay_s, latest_s))

"""Order ids: what is written reads back, and nothing else is taken for ours."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import InvariantViolated
from trader.domain.orders import OrderKey, Purpose, Side
from trader.execution.identifiers import MAX_LENGTH, client_order_id, parse

names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=16)
symbols = st.from_regex(r"[A-Z]{1,5}(\.[A-Z])?", fullmatch=True)
counts = st.integers(0, 9999)
keys = st.builds(
    OrderKey,
    names,
    names,
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    symbols,
    st.sampled_from(Side),
    st.sampled_from(Purpose),
    counts,
    counts,
    counts,
)


@given(keys)
def test_an_id_reads_back_as_its_key(key: OrderKey) -> None:
    text = client_order_id(key)
    assert parse(text) == key
    assert len(text) <= MAX_LENGTH


@given(keys, keys)
def test_different_keys_never_share_an_id(one: OrderKey, other: OrderKey) -> None:
    assert (client_order_id(one) == client_order_id(other)) == (one == other)


def test_the_id_of_a_class_share_is_readable() -> None:
    key = OrderKey("main", "xgb", date(2026, 3, 16), "BRK.B", Side.SELL, Purpose.PLAN, 7, 0, 1)
    assert client_order_id(key) == "pt1.main.xgb.20260316.BRK.B.s.p7.0.1"


@pytest.mark.parametrize("text", ["", "manual", "pt1.main.xgb.20261399.A.b.p0.0.0", "pt2.a.b.20260316.A.b.p0.0.0"])
def test_other_ids_are_not_ours(text: str) -> None:
    assert parse(text) is None


def test_an_account_name_that_would_not_read_back_is_refused() -> None:
    key = OrderKey("Main.1", "xgb", date(2026, 3, 16), "A", Side.BUY, Purpose.PLAN, 0, 0, 0)
    with pytest.raises(InvariantViolated):
        client_order_id(key)

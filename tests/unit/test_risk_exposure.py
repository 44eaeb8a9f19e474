"""The sums of what may be held: adding an order to them is the same as adding everything up again."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import TRAIT
from trader.decision.exposure import Stake, exposure
from trader.domain.orders import Side

D = Decimal
TRAITS = {
    "AAA": TRAIT,
    "BBB": replace(TRAIT, symbol="BBB"),
    "CCC": replace(TRAIT, symbol="CCC", sector="Utilities"),
}
symbols = st.sampled_from(["AAA", "BBB", "CCC", "DDD"])  # DDD has no trait
shares = st.integers(-50, 50).map(D)
stakes = st.dictionaries(
    symbols,
    st.builds(lambda low, more, price: Stake(low, low + more, price), shares, st.integers(0, 9), shares.map(abs)),
)


@given(stakes, symbols, st.sampled_from(Side), st.integers(1, 90).map(D), st.integers(1, 90).map(D))
def test_an_order_joins_the_sums(
    held: dict[str, Stake], symbol: str, side: Side, quantity: Decimal, price: Decimal
) -> None:
    joined = exposure(held, TRAITS).joined(symbol, side, quantity, price)
    afresh = exposure({**held, symbol: held.get(symbol, Stake()).joined(side, quantity, price)}, TRAITS)
    assert {s: v for s, v in joined.sectors_usd.items() if v} == {s: v for s, v in afresh.sectors_usd.items() if v}
    assert replace(joined, sectors_usd={}) == replace(afresh, sectors_usd={})


def test_the_sums_of_a_small_account() -> None:
    held = {
        "AAA": Stake(D(10), D(15), D(2)),  # 10 held, 5 being bought
        "BBB": Stake(D(4), D(9), D(3)),  # 9 held, 5 being sold
        "CCC": Stake(D(-8), D(-6), D(5)),  # 6 short, 2 more being sold short
        "DDD": Stake(D(1), D(1), D(7)),
    }
    found = exposure(held, TRAITS)
    assert (found.long_usd, found.gross_usd) == (D(30 + 27 + 7), D(30 + 27 + 40 + 7))
    assert (found.highest_net_usd, found.lowest_net_usd) == (D(30 + 27 - 30 + 7), D(20 + 12 - 40 + 7))
    assert found.sectors_usd == {"Energy": D(57), "Utilities": D(40), "unclassified": D(7)}


def test_a_group_is_a_symbol_and_all_it_moves_with() -> None:
    traits = {**TRAITS, "AAA": replace(TRAIT, correlated=("BBB", "CCC"))}
    held = {s: Stake(D(2), D(2), D(price)) for s, price in (("AAA", 1), ("BBB", 10))}
    found = exposure(held, traits)
    assert (found.cluster_usd("AAA"), found.cluster_usd("BBB"), found.cluster_usd("DDD")) == (D(22), D(20), D(0))

"""From signals to order intents: caps hold, reducers come first, nothing frozen is touched."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.decision.plan import equity, targets, trades
from trader.decision.sizing import chosen, weights
from trader.domain.orders import Side
from trader.domain.policy import RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book, Holding, Lot

SYMBOLS = tuple(f"S{n}" for n in range(8))
ranks = st.decimals(Decimal(0), Decimal(1), places=6)
signals = st.dictionaries(st.sampled_from(SYMBOLS), ranks, min_size=1)
prices = st.fixed_dictionaries({s: st.decimals(Decimal(1), Decimal(900), places=2) for s in SYMBOLS})
volatility = st.fixed_dictionaries({s: st.floats(0.001, 0.2) for s in SYMBOLS})
held = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 5000))
sizings = st.builds(
    SizingPolicy,
    signal_threshold=ranks,
    max_positions=st.integers(1, 8),
    weighting=st.sampled_from(["equal", "inverse_volatility"]),
)


def book(quantities: dict[str, int], cash_usd: int = 50_000) -> Book:
    lots = {s: (Lot(date(2026, 3, 2), Decimal(q), Decimal(q)),) for s, q in quantities.items()}
    return Book(Decimal(cash_usd), tuple(Holding(s, lots[s]) for s in sorted(lots)))


@given(signals, volatility, sizings, st.decimals(Decimal("-0.5"), Decimal(1), places=4))
def test_weights_stay_within_their_sum_and_the_position_cap(
    ranked: dict[str, Decimal], volatilities: dict[str, float], sizing: SizingPolicy, investable: Decimal
) -> None:
    risk = RiskPolicy()
    symbols = chosen(ranked, sizing)
    sized = weights(symbols, volatilities, investable, sizing, risk)
    assert len(symbols) <= sizing.max_positions
    assert all(ranked[symbol] >= sizing.signal_threshold for symbol in symbols)
    assert sum(sized.values()) <= max(investable, Decimal(0))
    assert all(0 <= weight <= risk.max_position_size for weight in sized.values())


@given(signals, prices, volatility, held, sizings, st.frozensets(st.sampled_from(SYMBOLS)))
def test_orders_lead_from_what_is_held_to_what_is_wanted(
    ranked: dict[str, Decimal],
    closes: dict[str, Decimal],
    volatilities: dict[str, float],
    owned: dict[str, int],
    sizing: SizingPolicy,
    frozen: frozenset[str],
) -> None:
    start = book(owned)
    equity_usd = equity(start, closes)
    sized = weights(chosen(ranked, sizing), volatilities, sizing.target_exposure, sizing, RiskPolicy())
    wanted = {t.symbol: t.quantity for t in targets(sized, ranked, closes, equity_usd)}
    orders = trades(targets(sized, ranked, closes, equity_usd), start, closes, frozen, sizing)

    assert [order.sequence for order in orders] == list(range(len(orders)))
    assert [order.reduces for order in orders] == sorted((o.reduces for o in orders), reverse=True)
    assert not frozen & {order.symbol for order in orders}
    for order in orders:
        sign = 1 if order.side is Side.BUY else -1
        after = start.quantity_of(order.symbol) + sign * order.quantity
        assert after == wanted.get(order.symbol, 0)
        assert order.reduces == (order.side is Side.SELL)
    for symbol in owned.keys() - wanted.keys() - frozen:
        assert any(order.symbol == symbol for order in orders), "a holding that is not wanted is sold whole"


def test_weights_follow_inverse_volatility() -> None:
    sizing, risk = SizingPolicy(), RiskPolicy(max_position_size=Decimal(1))
    sized = weights({"A": 1, "B": -1}, {"A": 0.01, "B": 0.03}, Decimal("0.8"), sizing, risk)
    assert abs(sized["A"] / sized["B"] + 3) < Decimal("0.001")


def test_a_holding_near_its_target_is_left_alone_and_a_small_trade_is_not_made() -> None:
    closes, sizing = {"S0": Decimal(100)}, SizingPolicy(max_positions=1)
    one = targets({"S0": Decimal("0.5")}, {"S0": Decimal(1)}, closes, Decimal(100_000))
    assert one[0].quantity == 500
    assert trades(one, book({"S0": 400}), closes, frozenset(), sizing) == ()
    assert trades(one, book({"S0": 399}), closes, frozenset(), sizing)[0].quantity == 101
    tiny = targets({"S0": Decimal("0.004")}, {"S0": Decimal(1)}, closes, Decimal(100_000))
    assert trades(tiny, book({}), closes, frozenset(), sizing) == ()


def test_shorts_are_chosen_from_the_other_end_and_share_the_exposure() -> None:
    ranked = {"A": Decimal("0.9"), "B": Decimal("0.6"), "C": Decimal("0.2"), "D": Decimal("0.05"), "E": Decimal("0.4")}
    sizing = SizingPolicy(short_threshold=Decimal("0.2"), weighting="equal")
    assert chosen(ranked, sizing) == {"A": 1, "B": 1}
    assert chosen(ranked, sizing, allow_shorts=True) == {"D": -1, "A": 1, "C": -1, "B": 1}
    assert chosen(ranked, sizing.model_copy(update={"max_positions": 2}), allow_shorts=True) == {"D": -1, "A": 1}
    sized = weights(
        chosen(ranked, sizing, allow_shorts=True), {}, Decimal("0.8"), sizing, RiskPolicy(max_position_size=1)
    )
    assert sized == {"D": Decimal("-0.2"), "A": Decimal("0.2"), "C": Decimal("-0.2"), "B": Decimal("0.2")}


def test_fractions_are_sized_where_the_broker_trades_them_and_never_short() -> None:
    wanted = {"S0": Decimal("0.1"), "S1": Decimal("0.1"), "S2": Decimal("-0.1")}
    closes, fractionable = dict.fromkeys(wanted, Decimal(3000)), frozenset({"S0", "S2"})
    found = targets(wanted, dict.fromkeys(wanted, Decimal(1)), closes, Decimal(100_000), fractionable)
    assert {t.symbol: str(t.quantity) for t in found} == {"S0": "3.333333333", "S1": "3", "S2": "-3"}

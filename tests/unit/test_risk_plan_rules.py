"""The plan is cut to every limit, one share from either side, best signal first, and every cut is told."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.orders import DAY
from trader.decision.exposure import Limits
from trader.decision.plan import sliced
from trader.decision.plan_rules import PLAN_RULES, gate, limits
from trader.domain.orders import OrderIntent, Side
from trader.domain.plan import Trait
from trader.domain.policy import RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book, Holding, Lot

D = Decimal
PRICE = D(100)
SYMBOLS = ("AAA", "BBB", "CCC")
TRAITS = {s: Trait(s, "Energy" if s != "CCC" else "Utilities", PRICE, D(1_000_000)) for s in SYMBOLS}
WIDE = RiskPolicy(
    max_position_size=1, max_total_exposure=1, max_gross_exposure=4, max_net_exposure=4, max_sector_exposure=1,
    max_correlation_exposure=4, portfolio_heat=1, order_notional_cap_usd=10**6, max_trade_size_usd=10**6,
    max_adv_participation=1, allow_shorts=True,
)  # fmt: skip


def opener(symbol: str = "AAA", shares: str = "100", side: Side = Side.BUY) -> OrderIntent:
    return OrderIntent(0, symbol, side, D(shares), PRICE, reduces=False)


def book(**held: int) -> Book:
    return Book(D(0), tuple(Holding(s, (Lot(DAY, D(n), n * PRICE),)) for s, n in held.items()))


def to(equity_usd: int = 1_000_000, **keys: object) -> Limits:
    return Limits(WIDE.model_copy(update=keys), D(equity_usd), D("0.2"))


def kept(
    limit: Limits, *drafts: OrderIntent, held: Book | None = None, traits: Mapping[str, Trait] = TRAITS
) -> tuple[list[tuple[str, Decimal]], list[str]]:
    orders, denials = gate(drafts, held or book(), traits, limit)
    return [(order.symbol, order.quantity) for order in orders], [denial.code for denial in denials]


MOVES_TOGETHER = TRAITS | {s: replace(TRAITS[s], correlated=tuple({"AAA", "CCC"} - {s})) for s in ("AAA", "CCC")}
SHORT_TRADED = TRAITS | {"AAA": replace(TRAITS["AAA"], adv_shares=D(1000))}

# the key, its value that just lets 100 shares of AAA pass beside what is held, and the next lower one
CUTS: list[tuple[str, str, str, Book, Mapping[str, Trait], Side]] = [
    ("order_notional_cap_usd", "10000", "9999.99", book(), TRAITS, Side.BUY),
    ("max_trade_size_usd", "10000", "9999.99", book(), TRAITS, Side.BUY),
    ("max_adv_participation", "0.1", "0.0999", book(), SHORT_TRADED, Side.BUY),
    ("max_position_size", "0.03", "0.029999", book(AAA=200), TRAITS, Side.BUY),
    ("max_position_size", "0.01", "0.009999", book(), TRAITS, Side.SELL),
    ("max_total_exposure", "0.03", "0.029999", book(CCC=200), TRAITS, Side.BUY),
    ("max_gross_exposure", "0.03", "0.029999", book(CCC=-200), TRAITS, Side.BUY),
    ("max_net_exposure", "0.03", "0.029999", book(CCC=200), TRAITS, Side.BUY),
    ("max_net_exposure", "0.03", "0.029999", book(CCC=-200), TRAITS, Side.SELL),
    ("max_sector_exposure", "0.03", "0.029999", book(BBB=200), TRAITS, Side.BUY),
    ("max_correlation_exposure", "0.03", "0.029999", book(CCC=200), MOVES_TOGETHER, Side.BUY),
    ("portfolio_heat", "0.006", "0.0059999", book(CCC=200), TRAITS, Side.BUY),
]


@pytest.mark.parametrize(("key", "within", "beyond", "held", "traits", "side"), CUTS)
def test_what_fits_is_kept_and_the_share_beyond_is_denied(
    key: str, within: str, beyond: str, held: Book, traits: Mapping[str, Trait], side: Side
) -> None:
    draft = opener(side=side)
    assert kept(to(**{key: D(within)}), draft, held=held, traits=traits) == ([("AAA", D(100))], [])
    assert kept(to(**{key: D(beyond)}), draft, held=held, traits=traits) == ([("AAA", D(99))], [key])


def test_what_must_be_whole_is_kept_or_denied() -> None:
    assert kept(to(min_shares=D(100)), opener()) == ([("AAA", D(100))], [])
    assert kept(to(min_shares=D("100.001")), opener()) == ([], ["min_shares"])
    assert kept(to(min_trade_size_usd=D(10_000)), opener()) == ([("AAA", D(100))], [])
    assert kept(to(min_trade_size_usd=D("10000.01")), opener()) == ([], ["min_trade_size_usd"])
    assert kept(to(allow_shorts=False), opener(side=Side.SELL)) == ([], ["allow_shorts"])
    assert kept(to(), opener(), traits={"AAA": replace(TRAITS["AAA"], adv_shares=D(0))})[1] == ["max_adv_participation"]
    orders, denials = gate([opener()], book(), TRAITS, to(), barred="a break of the account is open")
    assert (orders, [(d.code, d.detail[-30:]) for d in denials]) == (
        (),
        [("open_break", "a break of the account is open")],
    )


def test_what_was_kept_before_counts_in_its_sector() -> None:
    pair = [opener("AAA"), opener("BBB")]
    assert kept(to(max_sector_exposure=D("0.015")), *pair) == (
        [("AAA", D(100)), ("BBB", D(50))],
        ["max_sector_exposure"],
    )


def test_the_best_signal_is_served_first_and_reducers_make_room() -> None:
    three = [opener("AAA"), opener("BBB"), opener("CCC")]
    assert kept(to(max_orders_per_execution=2), *three)[0] == [("AAA", D(100)), ("BBB", D(100))]
    assert kept(to(max_total_exposure=D("0.015")), *three) == (
        [("AAA", D(100)), ("BBB", D(50))],
        ["max_total_exposure", "max_total_exposure"],
    )
    reducer = OrderIntent(0, "CCC", Side.SELL, D(150), PRICE, reduces=True)
    full = book(CCC=150)
    assert kept(to(max_total_exposure=D("0.015")), opener(), held=full)[0] == []
    assert kept(to(max_total_exposure=D("0.015")), reducer, opener(), held=full)[0] == [
        ("CCC", D(150)),
        ("AAA", D(100)),
    ]
    assert kept(to(max_orders_per_execution=1), reducer, opener(), held=full)[1] == ["max_orders_per_execution"]


def test_a_short_that_is_covered_makes_room_too() -> None:
    cover = OrderIntent(0, "CCC", Side.BUY, D(150), PRICE, reduces=True)
    assert kept(to(max_gross_exposure=D("0.01")), cover, opener(), held=book(CCC=-150))[0][1] == ("AAA", D(100))


def test_fractions_are_cut_to_fractions() -> None:
    [(_, shares)], codes = kept(to(order_notional_cap_usd=D(5000)), opener(shares="70.5"))
    assert (shares, codes) == (D(50), ["order_notional_cap_usd"])
    assert kept(to(order_notional_cap_usd=D("12.345")), opener(shares="0.5"))[0] == [("AAA", D("0.12345"))]


def test_the_cap_on_an_order_counts_for_each_of_its_parts() -> None:
    parted = replace(opener(shares="300"), slices=3)
    assert kept(to(order_notional_cap_usd=D(10_000)), parted) == ([("AAA", D(300))], [])


def test_a_denial_names_what_was_cut_and_the_limit() -> None:
    _, [denial] = gate([opener()], book(), TRAITS, to(max_position_size=D("0.009")))
    assert denial.symbol == "AAA"
    assert denial.detail == "10 of 100 shares: 10000.00 USD, at most 9000.00"


def test_headroom_is_taken_from_what_binds_single_symbols_and_groups() -> None:
    found = limits(SizingPolicy(price_headroom=D("0.1")), WIDE, D(7), D("0.3"))
    assert (found.equity_usd, found.stop_loss) == (D(7), D("0.3"))
    risk = found.risk
    changed = {key for key in RiskPolicy.model_fields if getattr(risk, key) != getattr(WIDE, key)}
    assert changed == {
        "max_position_size", "max_sector_exposure", "max_correlation_exposure", "order_notional_cap_usd",
        "max_trade_size_usd",
    }  # fmt: skip
    assert risk.max_position_size == D("0.9")


def test_every_plan_rule_is_met_above() -> None:
    whole = {"open_break", "allow_shorts", "max_orders_per_execution", "min_trade_size_usd", "min_shares"}
    assert {cut[0] for cut in CUTS} | whole == set(PLAN_RULES)


@pytest.mark.parametrize(
    ("shares", "risk", "parts"),
    [
        ("100", WIDE, 4),
        ("3", WIDE, 3),
        ("100", WIDE.model_copy(update={"min_shares": D(25)}), 4),
        ("100", WIDE.model_copy(update={"min_shares": D(26)}), 3),
        ("100", WIDE.model_copy(update={"min_trade_size_usd": D(5001)}), 1),
        ("0.4", WIDE.model_copy(update={"min_trade_size_usd": D(10)}), 4),
        ("0.4", WIDE.model_copy(update={"min_trade_size_usd": D("10.01")}), 3),
    ],
)
def test_an_opener_goes_in_no_more_parts_than_are_worth_sending(shares: str, risk: RiskPolicy, parts: int) -> None:
    assert sliced(opener(shares=shares), 4, risk).slices == parts


def test_a_reducer_goes_in_one_part() -> None:
    assert sliced(replace(opener(), reduces=True), 4, WIDE).slices == 1

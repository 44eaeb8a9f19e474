"""Every breaker at its limit, from both sides, and what it says when it trips."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.orders import DAY, OPEN
from trader.decision.breakers import BREAKERS, Alarm, Held, Sight, judge, silence
from trader.domain.journal import BreakerTripped
from trader.domain.policy import WatchPolicy

LIMITS = WatchPolicy()
NOON = OPEN + timedelta(hours=2)
HELD = Held("AAA", Decimal(100), Decimal(100), Decimal(100), Decimal(100), NOON, tradable=True)
SIGHT = Sight(
    at=NOON,
    open_at=OPEN,
    equity_usd=Decimal(1_000_000),
    start_usd=Decimal(1_000_000),
    peak_usd=Decimal(1_000_000),
    session_peak_usd=Decimal(1_000_000),
    holdings=(HELD,),
    newest_quote_at=NOON,
    slippage_bps=Decimal(0),
    fills=5,
)


def sight(held: dict[str, Any] | None = None, **changes: Any) -> Sight:
    """A quiet account with one holding; `changes` on top."""
    return replace(SIGHT, holdings=(replace(HELD, **(held or {})),), **changes)


def codes(seen: Sight, limits: WatchPolicy = LIMITS) -> set[str]:
    return {alarm.code for alarm in judge(seen, limits)}


def ago(seconds: int) -> Any:
    return NOON - timedelta(seconds=seconds)


SHORT = {"quantity": Decimal(-100)}
BOUNDARIES: list[tuple[str, Sight, Sight]] = [
    ("max_daily_loss", sight(equity_usd=Decimal("970000.01")), sight(equity_usd=Decimal(970_000))),
    (
        "max_drawdown",
        sight(peak_usd=Decimal("1249999.99")),
        sight(peak_usd=Decimal(1_250_000)),
    ),
    (
        "session_drawdown",
        sight(session_peak_usd=Decimal("1020408.16")),
        sight(session_peak_usd=Decimal("1020408.17")),
    ),
    ("stop_loss", sight({"price": Decimal("80.01")}), sight({"price": Decimal(80)})),
    ("stop_loss", sight({**SHORT, "price": Decimal("119.99")}), sight({**SHORT, "price": Decimal(120)})),
    (
        "max_position_risk",
        sight({"quantity": Decimal(1999), "price": Decimal(90)}),
        sight({"quantity": Decimal(2000), "price": Decimal(90)}),
    ),
    (
        "max_position_risk",
        sight({"quantity": Decimal(-1999), "price": Decimal(110)}),
        sight({"quantity": Decimal(-2000), "price": Decimal(110)}),
    ),
    ("max_slippage_bps", sight(slippage_bps=Decimal("49.99")), sight(slippage_bps=Decimal(50))),
    ("max_slippage_bps", sight(slippage_bps=Decimal(90), fills=4), sight(slippage_bps=Decimal(90), fills=5)),
    ("max_symbol_move", sight({"price": Decimal("90.01")}), sight({"price": Decimal(90)})),
    ("max_symbol_move", sight({"price": Decimal("109.99")}), sight({"price": Decimal(110)})),
    ("halted", sight({"quoted_at": ago(299)}), sight({"quoted_at": ago(300)})),
    ("halted", sight(), sight({"tradable": False})),
    ("max_stale_s", sight(newest_quote_at=ago(299)), sight(newest_quote_at=ago(300))),
]


@pytest.mark.parametrize(("code", "within", "at_limit"), BOUNDARIES)
def test_each_breaker_trips_at_its_limit_and_not_before(code: str, within: Sight, at_limit: Sight) -> None:
    assert code not in codes(within)
    assert code in codes(at_limit)


def test_every_breaker_has_its_boundary() -> None:
    assert {code for code, _, _ in BOUNDARIES} == set(BREAKERS)


@pytest.mark.parametrize(("code", "_within", "at_limit"), BOUNDARIES)
def test_an_alarm_names_its_own_breaker(code: str, _within: Sight, at_limit: Sight) -> None:
    assert {alarm.code for alarm in BREAKERS[code](at_limit, LIMITS)} == {code}


def test_the_defaults_say_what_is_done() -> None:
    crashed = sight(
        {"price": Decimal(80), "quantity": Decimal(2000), "quoted_at": ago(400)},
        equity_usd=Decimal(700_000),
        slippage_bps=Decimal(50),
    )
    assert [(alarm.code, alarm.subject, alarm.action) for alarm in judge(crashed, LIMITS)] == [
        ("max_daily_loss", "account", "halt"),
        ("max_drawdown", "account", "halt"),
        ("session_drawdown", "account", "reduce"),
        ("stop_loss", "AAA", "close"),
        ("max_position_risk", "AAA", "close"),
        ("max_slippage_bps", "account", "reduce"),
        ("max_symbol_move", "AAA", "alert"),
        ("halted", "AAA", "alert"),
    ]


def test_what_is_done_is_configured() -> None:
    limits = WatchPolicy(
        on_max_daily_loss="flatten",
        on_max_drawdown="alert",
        on_session_drawdown="halt",
        on_slippage="alert",
        on_symbol_move="flatten",
        on_stale_data="halt",
    )
    crashed = sight({"price": Decimal(85)}, equity_usd=Decimal(700_000), slippage_bps=Decimal(50))
    assert [alarm.action for alarm in judge(crashed, limits)] == ["flatten", "alert", "halt", "alert", "flatten"]
    stale = judge(sight(newest_quote_at=ago(300)), limits)
    assert stale == (Alarm("max_stale_s", "account", "300", "300", "halt"),), "a halt does not pass"


def test_an_alarm_says_what_was_measured_and_its_limit() -> None:
    (alarm,) = BREAKERS["max_daily_loss"](sight(equity_usd=Decimal(968_750)), LIMITS)
    assert alarm.event(DAY) == BreakerTripped(DAY, "max_daily_loss", "account", "0.03125", "0.03", "halt")
    assert alarm.event(DAY, over=True).over


def test_the_silence_of_the_broker_passes() -> None:
    since = ago(179)
    assert silence(NOON, since, LIMITS) == ()
    assert silence(NOON + timedelta(seconds=1), since, LIMITS) == (
        Alarm("max_silence_s", "account", "180", "180", "reduce", passing=True),
    )
    (halting,) = silence(NOON, ago(180), WatchPolicy(on_silence="halt"))
    assert not halting.passing


def test_stale_data_is_of_all_quotes_and_a_halt_of_one() -> None:
    old = ago(300)
    assert codes(sight({"quoted_at": old}, newest_quote_at=old)) == {"max_stale_s"}, "nothing moves: nobody is halted"
    assert codes(sight({"quoted_at": None})) == {"halted"}, "the others are quoted"


def test_a_quote_from_before_the_open_is_as_old_as_the_session() -> None:
    yesterday = OPEN - timedelta(hours=17)
    early = {"at": OPEN + timedelta(seconds=299), "newest_quote_at": yesterday}
    assert codes(sight({"quoted_at": yesterday}, **early)) == set()
    assert codes(sight({"quoted_at": yesterday}, **{**early, "at": OPEN + timedelta(seconds=300)})) == {"max_stale_s"}


def test_without_anything_to_quote_no_data_is_stale() -> None:
    assert judge(replace(SIGHT, holdings=(), newest_quote_at=None), LIMITS) == ()


@pytest.mark.parametrize("price_before", [None, Decimal(0)])
def test_without_a_look_before_nothing_has_moved(price_before: Decimal | None) -> None:
    assert codes(sight({"price": Decimal(85), "price_before": price_before})) == set()


def test_a_limit_of_one_is_never_reached() -> None:
    off = WatchPolicy(stop_loss=Decimal(1), max_symbol_move=Decimal(1), max_daily_loss=Decimal(1))
    tripled = sight({**SHORT, "price": Decimal(300)}, equity_usd=Decimal(0))
    assert codes(tripled, off).isdisjoint({"stop_loss", "max_symbol_move", "max_daily_loss"})


def test_a_limit_of_zero_needs_a_loss() -> None:
    strict = WatchPolicy(max_daily_loss=Decimal(0), stop_loss=Decimal(0))
    assert codes(SIGHT, strict) == set()
    assert codes(sight({"price": Decimal("99.99")}, equity_usd=Decimal("999999.99")), strict) == {
        "max_daily_loss",
        "stop_loss",
    }


prices = st.decimals(min_value=1, max_value=500, places=2)
shares = st.integers(min_value=-500, max_value=500).filter(bool).map(Decimal)


@given(prices, prices, shares)
def test_a_stop_trips_exactly_when_the_loss_reaches_its_share_of_the_cost(
    entry: Decimal, price: Decimal, quantity: Decimal
) -> None:
    lost_usd = quantity * (entry - price)
    tripped = "stop_loss" in codes(sight({"entry_price": entry, "price": price, "quantity": quantity}))
    assert tripped == (lost_usd >= LIMITS.stop_loss * abs(quantity) * entry)


@given(st.decimals(min_value=1, max_value=2_000_000, places=2), st.decimals(min_value=1, max_value=2_000_000, places=2))
def test_no_gain_trips_and_a_deeper_loss_trips_no_less(one: Decimal, other: Decimal) -> None:
    deeper, milder = sorted((one, other))
    assert codes(sight(equity_usd=milder)) <= codes(sight(equity_usd=deeper))
    assert codes(sight(equity_usd=1_000_000 + milder)) == set()

"""What of a day's breakers still counts after any sequence of entries, and what a look is measured against."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from tests.support.days import BOOK, DAY, closed, filled, intended, key
from tests.support.orders import entries
from trader.adapters.ledger import open_ledger
from trader.decision.breakers import Action, Alarm
from trader.decision.tripped import WATCH, asked_for, fold, strictness
from trader.domain.journal import AccountOpened, EquityPeak, Event, StateChanged, TradingState
from trader.execution.order_state import fold as views_of
from trader.modes.sight import highest_close, shortfall


def alarm(
    code: str = "max_daily_loss", action: Action = "halt", subject: str = "account", passing: bool = False
) -> Alarm:
    return Alarm(code, subject, "0.05", "0.03", action, passing)


STOP = alarm("stop_loss", "close", "AAA")
FLATTEN = alarm(action="flatten")
STALE = alarm("max_stale_s", "reduce", passing=True)
RESUMED = StateChanged(DAY, TradingState.ACTIVE, "resumed", "a person")
HALTED = StateChanged(DAY, TradingState.HALT, "max_daily_loss", WATCH)


def test_a_breaker_acts_once_a_day_and_subject() -> None:
    tripped = fold([STOP.event(DAY), STOP.event(DAY, over=True), RESUMED])
    other = replace(STOP, subject="BBB")
    assert tripped.news([STOP, other]) == (other,)


def test_a_passing_one_acts_each_time_it_begins() -> None:
    begun, over = STALE.event(DAY), STALE.event(DAY, over=True)
    assert fold([begun]).news([STALE]) == ()
    assert set(fold([begun]).lasting) == {("max_stale_s", "account")}
    assert fold([begun, over]).news([STALE]) == (STALE,)
    assert fold([begun, over]).lasting == {}


def test_closing_goes_on_until_the_broker_proves_flat() -> None:
    assert set(fold([STOP.event(DAY), RESUMED]).closing) == {("stop_loss", "AAA")}, "a resume does not end it"
    done = fold([STOP.event(DAY), STOP.event(DAY, over=True)])
    assert (done.closing, done.barred) == ({}, {"AAA"})


def test_flattening_goes_on_until_flat_or_until_a_person_resumes() -> None:
    assert fold([FLATTEN.event(DAY), HALTED]).flattening
    assert not fold([FLATTEN.event(DAY), HALTED, FLATTEN.event(DAY, over=True)]).flattening
    assert not fold([FLATTEN.event(DAY), HALTED, RESUMED]).flattening


def test_symbols_are_barred_by_what_is_about_their_price() -> None:
    codes = ("stop_loss", "max_position_risk", "max_symbol_move", "halted", "cancel_hangs")
    events = [alarm(code, "alert", subject=code).event(DAY) for code in codes]
    assert fold(events).barred == {"stop_loss", "max_position_risk", "max_symbol_move"}


def test_the_last_word_about_the_state_is_the_watchs_or_a_persons() -> None:
    assert fold([HALTED]).state == HALTED
    assert fold([HALTED, RESUMED]).state is None


def test_the_peak_is_the_highest() -> None:
    assert fold([EquityPeak(DAY, Decimal(n)) for n in (2, 5, 3)]).peak_usd == 5


def test_each_action_asks_for_its_state_and_a_passing_one_for_none() -> None:
    states = {
        action: asked_for(alarm(action=action)).value for action in ("alert", "reduce", "halt", "flatten", "close")
    }
    assert states == {"alert": "active", "reduce": "reduce", "halt": "halt", "flatten": "halt", "close": "active"}
    assert asked_for(STALE) is TradingState.ACTIVE
    assert sorted(TradingState, key=strictness) == [TradingState.ACTIVE, TradingState.REDUCE, TradingState.HALT]


@given(st.lists(st.sampled_from([STOP.event(DAY), STALE.event(DAY), FLATTEN.event(DAY), HALTED, RESUMED])))
def test_a_restart_in_between_changes_nothing(events: list[Event]) -> None:
    for cut in range(len(events)):
        resumed = fold(events[:cut])
        for event in events[cut:]:
            resumed.take(event)
        assert resumed == fold(events)


def test_shortfall_is_of_our_fills_against_their_arrival() -> None:
    ours, other = key("AAPL"), key("KO", sequence=1)
    views = views_of(entries(intended(ours), intended(other)))
    fills = [filled(ours, "1", 5), filled(ours, "2", 15), replace(filled(other, "3"), client_order_id="")]
    bps, count = shortfall(views, fills)
    assert (bps, count) == (Decimal("2.40"), 2), "20 shares at 250.16 that arrived at 250.10; a stranger's are not ours"
    assert shortfall(views, []) == (Decimal(0), 0)


def test_the_highest_close_counts_from_the_account_on_and_not_from_the_day_itself(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db", ManualClock())
    days = [date(2026, 3, day) for day in (10, 11, 12, 16)]
    for day, equity in zip(days, (900, 700, 800, 1000), strict=True):
        ledger.append(replace(closed(day), equity_usd=Decimal(equity)))
    assert highest_close(ledger, DAY) == 900
    ledger.append(AccountOpened(DAY, "PA1", BOOK, source="adopted"))
    assert highest_close(ledger, DAY) == 0

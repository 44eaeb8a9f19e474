"""Open breaks as a fold of the journal: what opens one, what ends it, what it freezes."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.journal import AccountOpened, BreakResolved, Event
from trader.domain.portfolio import Book
from trader.execution.breaks import explained, frozen_by, news, open_breaks
from trader.execution.reconciliation import Break

DAY = date(2026, 3, 16)
KO = Break("position", "KO", "0", "7", "KO")
PEP = Break("position", "PEP", "1", "none", "PEP")
PEP_ORDER = Break("order_status", "pt1.main.xgb.20260316.PEP.b.p0.0.0", "filled", "canceled", "PEP")
CASH = Break("cash", "account", "1.00", "2.00")
EQUITY = Break("equity", "account", "1.00", "2.00")
ALL = (KO, PEP, PEP_ORDER, CASH, EQUITY)


def by_person(symbol: str) -> BreakResolved:
    return BreakResolved(DAY, symbol, "a transfer", "somebody")


@pytest.mark.parametrize(
    ("then", "left"),
    [
        ((), ALL),
        ((by_person("PEP"),), (KO, CASH, EQUITY)),
        ((by_person(""),), (KO, PEP, PEP_ORDER)),
        ((by_person("KO"), KO.event(DAY)), (PEP, PEP_ORDER, CASH, EQUITY, KO)),
        ((KO.event(DAY),), ALL),
        ((AccountOpened(DAY, "PA2", Book(Decimal(0), ())),), ()),
    ],
)
def test_a_break_is_open_until_its_symbol_is_resolved(then: Sequence[Event], left: Sequence[Break]) -> None:
    assert open_breaks([*(each.event(DAY) for each in ALL), *then]) == tuple(left)


def test_a_break_freezes_its_symbol_or_the_account_and_equity_alone_freezes_nothing() -> None:
    assert frozen_by(ALL) == {"KO", "PEP", ""}
    assert frozen_by([KO, EQUITY]) == {"KO"}


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_what_is_written_leaves_open_exactly_what_was_found_last(before: set[Break], now: set[Break]) -> None:
    known = [each for each in ALL if each in before]
    current = [each for each in ALL if each in now]
    events = news(DAY, known, current)
    journal = [*(each.event(DAY) for each in known), *events]
    assert set(open_breaks(journal)) == now
    assert not events or before != now
    assert news(DAY, open_breaks(journal), current) == ()
    assert all(event.by == "reconcile" for event in events if isinstance(event, BreakResolved))


def test_what_a_person_has_explained_about_an_order_is_not_found_again() -> None:
    found = [each.event(DAY) for each in ALL]
    assert explained([*found, by_person("PEP"), by_person("")]) == {PEP_ORDER}
    assert explained([*found, BreakResolved(DAY, "PEP", "", "reconcile")]) == frozenset()


def test_the_remedy_names_the_symbol_to_type() -> None:
    assert "trader breaks resolve KO " in KO.remedy

"""What explains a difference, and what does not: an activity must move exactly the shares that differ."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import pytest

from trader.domain.portfolio import Activity
from trader.execution.classification import explain

DAY = date(2026, 3, 16)
CASH = Decimal(100)
Outline = tuple[str, str, str, str, str]


def row(kind: str, symbol: str = "", quantity: str = "0", cash: str = "0", name: str = "") -> Activity:
    identity = name or f"{kind}-{symbol}-{quantity}-{cash}"
    return Activity(identity, kind, symbol, Decimal(quantity), Decimal(cash), DAY, f"group-{kind}", "told")


SPLIT = (row("SPLIT", "KO", "-10"), row("SPLIT", "KO", "20"))
RENAME = (row("NC", "KO", "-10"), row("NC", "KOX", "10"))
DIVIDEND = row("DIV", "KO", "10", "4.60")
FEE = row("FEE", cash="-0.02")


def outlines(
    theirs: Mapping[str, int], cash: str, *rows: Activity, held: Mapping[str, int] | None = None
) -> list[Outline]:
    ours = {symbol: Decimal(shares) for symbol, shares in (held or {"KO": 10}).items()}
    broker = {symbol: Decimal(shares) for symbol, shares in theirs.items()}
    found = explain(DAY, ours, CASH, broker, CASH + Decimal(cash), rows)
    return [(e.cause, e.symbol, str(e.quantity), str(e.cash_usd), e.new_symbol) for e in found]


KO_SPLIT: Outline = ("split", "KO", "10", "0", "")
KO_RENAMED: Outline = ("symbol_change", "KO", "0", "0", "KOX")
KO_PAID: Outline = ("dividend", "KO", "0", "4.60", "")
CHARGED: Outline = ("fee", "", "0", "-0.02", "")


@pytest.mark.parametrize(
    ("theirs", "cash", "rows", "expected"),
    [
        ({"KO": 20}, "0", SPLIT, [KO_SPLIT]),
        ({"KO": 5}, "0", (row("SPLIT", "KO", "-10"), row("SPLIT", "KO", "5")), [("split", "KO", "-5", "0", "")]),
        ({"KO": 19}, "0", SPLIT, []),  # a split that does not come out is no explanation
        ({"KO": 20}, "0", (), []),  # nor is a common ratio without the broker's word
        ({"KO": 10}, "0", SPLIT, []),  # it is in the book already
        ({"KOX": 10}, "0", RENAME, [KO_RENAMED]),
        ({"KOX": 9}, "0", RENAME, [KO_RENAMED]),  # what differs is then a difference of the new symbol
        ({"KO": 1, "KOX": 10}, "0", RENAME, []),
        ({"KO": 10}, "4.60", (DIVIDEND,), [KO_PAID]),
        ({"KO": 10}, "4.58", (DIVIDEND, FEE), [KO_PAID, CHARGED]),
        ({"KO": 10}, "-0.02", (DIVIDEND, FEE), [CHARGED]),  # the older one is in the book already
        ({"KO": 10}, "0", (DIVIDEND,), []),
        ({"KO": 10}, "17.00", (DIVIDEND,), [KO_PAID]),  # a fact; what is left of the difference is a break
        ({"KO": 10}, "50", (row("JNLC", cash="50"),), [("transfer", "", "0", "50", "")]),
        ({"KO": 10}, "3", (row("INT", cash="3"),), [("interest", "", "0", "3", "")]),
        ({"KO": 10}, "50", (row("MA", "KO", "-10", "50"),), []),  # a merger is for a person
        ({"KO": 20}, "4.60", (*SPLIT, DIVIDEND), [KO_SPLIT, KO_PAID]),
    ],
)
def test_only_what_the_broker_says_explains_a_difference(
    theirs: Mapping[str, int], cash: str, rows: Sequence[Activity], expected: list[Outline]
) -> None:
    assert outlines(theirs, cash, *rows) == expected


def test_a_renamed_symbol_may_split_on_the_same_day_and_a_short_one_is_renamed_alike() -> None:
    split = (row("SPLIT", "KOX", "-10"), row("SPLIT", "KOX", "30"))
    assert outlines({"KOX": 30}, "0", *RENAME, *split) == [KO_RENAMED, ("split", "KOX", "20", "0", "")]
    short = (row("NC", "KO", "10"), row("NC", "KOX", "-10"))
    assert outlines({"KOX": -10}, "0", *short, held={"KO": -10}) == [KO_RENAMED]


def test_an_adjustment_names_one_row_of_the_broker_as_its_evidence() -> None:
    [adjusted] = explain(DAY, {"KO": Decimal(10)}, CASH, {"KO": Decimal(20)}, CASH, SPLIT)
    assert adjusted.evidence == min(each.activity_id for each in SPLIT)
    assert "told" in adjusted.detail

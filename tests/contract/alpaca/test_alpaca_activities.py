"""What the broker booked without a trade: paged to the end, dates included at both ends, odd rows refused."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.contract.alpaca.rig import Answer, Rig, StandingClock, connected, scripted
from trader.adapters.alpaca.activities import ROWS_PER_PAGE
from trader.domain.errors import BrokerUnavailable

TODAY = date(2026, 3, 16)
DAY = timedelta(days=1)
ROW = {"id": "20260316000000000::a", "activity_type": "DIV", "date": "2026-03-16", "net_amount": "4.60", "symbol": "KO"}


def test_a_fee_of_today_is_seen_today_and_on_no_other_day(rig: Rig) -> None:
    rig.control.post("/sim/corporate-action", {"kind": "fee", "amount_usd": "0.42"})
    [fee] = rig.broker.activities(TODAY, TODAY)
    assert (fee.kind, fee.cash_usd, fee.on, fee.symbol, fee.quantity) == ("FEE", Decimal("-0.42"), TODAY, "", 0)
    assert rig.broker.activities(TODAY - DAY, TODAY - DAY) == rig.broker.activities(TODAY + DAY, TODAY + DAY) == ()


def test_pages_are_read_to_the_end_and_a_row_told_twice_counts_once() -> None:
    rows = [{**ROW, "id": f"20260316000000000::{n:03}"} for n in range(ROWS_PER_PAGE + 5)]
    first, second = json.dumps(rows[:ROWS_PER_PAGE]), json.dumps(rows[ROWS_PER_PAGE - 1 :])
    with scripted(Answer(200, first), Answer(200, second)) as server:
        broker, _ = connected(server.url, StandingClock())
        found = broker.activities(TODAY, TODAY)
    assert [each.activity_id for each in found] == [row["id"] for row in rows]
    assert rows[ROWS_PER_PAGE - 1]["id"].replace(":", "%3A") in server.asked[1]
    assert {(each.cash_usd, each.quantity, each.group_id == each.activity_id) for each in found} == {
        (Decimal("4.60"), Decimal(0), True)
    }


@pytest.mark.parametrize("odd", [{"net_amount": "NaN"}, {"net_amount": "much"}, {"date": "soon"}])
def test_a_row_that_cannot_be_read_is_no_row_without_money(odd: dict[str, str]) -> None:
    with scripted(Answer(200, json.dumps([ROW | odd]))) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(BrokerUnavailable, match="reading the activities"):
            broker.activities(TODAY, TODAY)

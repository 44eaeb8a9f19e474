"""The journal: what is written is read, in order, by date and kind, and nothing is written twice."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clocks import ManualClock
from tests.support.days import BOOK, DAY, closed, filled, intended, key, observed, whole_day
from trader.accounting.book import BOOK_KINDS, current
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.chain import KINDS
from trader.adapters.ledger.store import SqlLedger
from trader.domain.errors import InvariantViolated
from trader.domain.journal import AccountOpened, DayClosed, Event, FillRecorded, SessionEnded
from trader.domain.orders import OrderStatus, Side

TUE = DAY + timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    ledger = open_ledger(tmp_path / "ledger.db", ManualClock())
    yield ledger
    ledger.close()


def test_every_kind_of_event_comes_back_as_it_was(ledger: SqlLedger) -> None:
    written = ledger.append(*whole_day())
    assert {entry.event.kind for entry in written} == set(KINDS)
    assert tuple(ledger.entries()) == written
    assert tuple(entry.event for entry in written) == whole_day()
    assert [entry.seq for entry in written] == list(range(1, len(written) + 1))
    assert (ledger.head().seq, ledger.head().hash) == (written[-1].seq, written[-1].hash)


def test_entries_are_found_by_date_and_kind(ledger: SqlLedger) -> None:
    ledger.append(*whole_day(), *whole_day(TUE)[1:])
    tuesday = [entry.event for entry in ledger.entries(TUE, (FillRecorded, SessionEnded))]
    assert tuesday == [event for event in whole_day(TUE) if isinstance(event, FillRecorded | SessionEnded)]
    assert all(entry.event.session_date == TUE for entry in ledger.entries(TUE))
    newest, before = ledger.latest(SessionEnded), ledger.latest(SessionEnded, before=TUE)
    assert newest is not None
    assert before is not None
    assert (newest.event.session_date, before.event.session_date) == (TUE, DAY)
    assert ledger.latest(SessionEnded, before=DAY) is None


def test_a_reader_sees_one_state_while_it_writes(ledger: SqlLedger) -> None:
    ledger.append(*whole_day())
    seen = [ledger.append(SessionEnded(TUE, entry.seq, 0)) for entry in ledger.entries()]
    assert len(seen) == len(whole_day())


def test_a_fill_is_counted_once_whoever_records_it_again(ledger: SqlLedger) -> None:
    fill, again = filled(key(), "f1", 5), replace(filled(key(), "f1", 7), client_order_id="")
    assert len(ledger.append(fill, fill)) == 1
    assert ledger.append(again) == ()
    assert len(ledger.append(again, filled(key(), "f2", 1))) == 1
    assert [row.quantity for row in ledger.fill_rows(DAY)] == [Decimal(5), Decimal(1)]


def test_an_append_is_whole_or_nothing(ledger: SqlLedger) -> None:
    ledger.append(*whole_day())
    before = ledger.head()
    unreadable = replace(closed(), equity_usd=Decimal("NaN"))
    with pytest.raises(InvariantViolated, match="its body is no day_closed"):
        ledger.append(filled(key(), "new"), unreadable)
    assert ledger.head() == before
    assert len(ledger.append(filled(key(), "new"))) == 1
    assert ledger.verify() == before.seq + 1


def test_the_order_table_follows_the_journal(ledger: SqlLedger) -> None:
    ledger.append(*whole_day())
    rows = {row.symbol: row for row in ledger.order_rows(DAY)}
    assert {symbol: row.status for symbol, row in rows.items()} == {
        "AAPL": OrderStatus.FILLED,
        "KO": OrderStatus.REJECTED,
        "PEP": OrderStatus.UNKNOWN,
        "XOM": OrderStatus.DENIED,
    }
    aapl = rows["AAPL"]
    assert (aapl.side, aapl.quantity, aapl.filled_quantity) == (Side.BUY, Decimal(20), Decimal(20))
    assert (aapl.limit_price, aapl.arrival_price) == (Decimal("251.40"), Decimal("250.10"))
    assert ledger.order_rows(TUE) == ()


def test_entries_since_a_closed_day_make_the_same_book(ledger: SqlLedger) -> None:
    late, early = filled(key(), "late", 2), filled(key(day=TUE), "early", 3)
    ledger.append(AccountOpened(DAY, "PA1", BOOK), filled(key(), "f1"), early, closed(), late)
    checkpoint = ledger.latest(DayClosed)
    since = [entry.event for entry in ledger.entries(kinds=BOOK_KINDS, since=checkpoint)]
    assert since == [early, closed(), late]
    whole, part = (current(ledger.entries(kinds=BOOK_KINDS, since=e)) for e in (None, checkpoint))
    assert whole == part
    assert whole.quantity_of("AAPL") == 5


def test_the_export_proves_itself_without_this_program(ledger: SqlLedger, tmp_path: Path) -> None:
    ledger.append(*whole_day())
    assert ledger.export(tmp_path / "out" / "journal.jsonl") == len(whole_day())
    previous = "0" * 64
    for seq, line in enumerate((tmp_path / "out" / "journal.jsonl").read_text().splitlines(), 1):
        entry = json.loads(line)
        assert (entry.pop("prev_hash"), entry["seq"]) == (previous, seq)
        previous = entry.pop("hash")
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256((json.loads(line)["prev_hash"] + text).encode()).hexdigest() == previous
    assert previous == ledger.head().hash


AAPL, KO = key(), key("KO", sequence=1)
ORDER_EVENTS = st.one_of(
    st.builds(intended, st.sampled_from([AAPL, KO]), st.integers(1, 30)),
    st.builds(observed, st.sampled_from([AAPL, KO]), st.sampled_from(OrderStatus), st.integers(0, 20)),
    st.builds(filled, st.sampled_from([AAPL, KO]), st.sampled_from("123"), st.integers(1, 5)),
    st.sampled_from(whole_day()),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(ORDER_EVENTS, max_size=4), max_size=6))
def test_whatever_is_appended_verifies_and_rebuilding_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Event]]
) -> None:
    ledger = open_ledger(tmp_path_factory.mktemp("ledger") / "ledger.db", ManualClock())
    for batch in batches:
        ledger.append(*batch)
    assert ledger.verify() == ledger.head().seq
    tables = ledger.order_rows(DAY), ledger.fill_rows(DAY)
    ledger.rebuild()
    assert (ledger.order_rows(DAY), ledger.fill_rows(DAY)) == tables
    ledger.close()

"""The chain: each entry proves itself and the one before, whatever a forger recomputes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.clocks import ManualClock
from tests.support.days import DAY, whole_day
from trader.adapters.ledger.chain import GENESIS, Record, check, entry_of, line_of, record_of
from trader.domain.canonical import dumps
from trader.domain.errors import InvariantViolated
from trader.domain.journal import AccountOpened
from trader.domain.portfolio import Book


def journal() -> list[Record]:
    records: list[Record] = []
    for event in whole_day():
        records.append(record_of(records[-1].head if records else GENESIS, ManualClock().now(), event))
    return records


def check_all(records: Sequence[Record]) -> None:
    check(GENESIS, records[0])
    for previous, record in pairwise(records):
        check(previous.head, record)


def sealed(record: Record, body: str) -> Record:
    """The row with another body and the hash that fits it, computed as the documentation says."""
    names = ("at", "kind", "session_date")
    head = {name: json.dumps(getattr(record, name)) for name in names} | {"seq": str(record.seq), "body": body}
    text = "{" + ",".join(f'"{name}":{head[name]}' for name in sorted(head)) + "}"
    return replace(record, body=body, hash=hashlib.sha256((record.prev_hash + text).encode()).hexdigest())


def test_the_hash_is_the_documented_one() -> None:
    for record in journal():
        assert sealed(record, record.body) == record
        assert json.loads(line_of(record))["body"] == json.loads(record.body)
    check_all(journal())


def test_an_entry_forged_with_its_fitting_hash_is_betrayed_by_the_next() -> None:
    records = journal()
    records[8] = sealed(records[8], records[8].body.replace("251.40", "251.41"))
    with pytest.raises(InvariantViolated, match=r"^ledger entry 10: it is not chained to the entry before"):
        check_all(records)


@pytest.mark.parametrize("disguise", ["{body} ", '{{"a":1,"a":{body}}}', "{{'a':1}}", '{{"b":1,"a":2}}', '{{"a":1.5}}'])
def test_a_body_in_another_form_is_refused_even_with_its_hash(disguise: str) -> None:
    record = journal()[0]
    with pytest.raises(InvariantViolated, match=r"^ledger entry 1: its body is not canonical JSON"):
        check(GENESIS, sealed(record, disguise.format(body=record.body)))


def test_a_field_added_with_a_default_leaves_older_entries_valid() -> None:
    """An entry written before AccountOpened had a source lacks the field, and stays as it is."""
    opened = AccountOpened(DAY, "PA1", Book(Decimal(1), ()))
    record = record_of(GENESIS, ManualClock().now(), opened)
    body = json.loads(record.body)
    del body["source"]
    older = sealed(record, dumps(body))
    check(GENESIS, older)
    assert entry_of(older).event == opened

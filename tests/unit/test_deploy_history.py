"""Which release is active, and where a rollback goes, by the deploy ledger alone."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.deployment.history import LEGACY, History, Record, active, by_last_use, goes_back, path_taken


def activated(after: str, kind: str = "deploy") -> Record:
    return Record("2026-03-16T20:00:00+00:00", "activated", "ann", kind=kind, after=after)


def test_going_back_twice_goes_back_twice_and_forward_works() -> None:
    records = [activated("a"), activated("b"), activated("c")]
    assert path_taken(records) == ("a", "b", "c")
    assert goes_back(records, "b")
    records.append(activated("b", "rollback"))
    assert path_taken(records) == ("a", "b")
    assert goes_back(records, "a")
    records.append(activated("a", "retreat"))
    assert path_taken(records) == ("a",)
    assert not goes_back(records, "c")
    records.append(activated("c", "rollback"))
    assert path_taken(records) == ("a", "c")


def test_a_migration_leaves_the_legacy_set_up_to_go_back_to() -> None:
    records = [activated("a", "migrate"), activated("b")]
    assert path_taken(records) == (LEGACY, "a", "b")
    records.append(activated(LEGACY, "rollback"))
    assert path_taken(records) == (LEGACY,)
    assert path_taken([*records, activated("a", "migrate")]) == (LEGACY, "a")


def test_what_failed_or_was_restored_moves_nothing() -> None:
    undone = Record("2026-03-16T20:00:00+00:00", "undone", "ann", kind="deploy", after="b")
    assert active([activated("a"), undone, activated("a", "restore")]) == "a"
    assert active([activated("a"), Record("t", "uninstalled", "ann")]) == ""


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["deploy", "rollback"]))))
def test_the_path_ends_at_what_was_activated_last_and_names_nothing_twice_in_a_row(
    steps: list[tuple[str, str]],
) -> None:
    records = [activated(name, kind) for name, kind in steps]
    taken = path_taken(records)
    assert taken[-1:] == tuple(name for name, _ in steps)[-1:]
    assert all(one != other for one, other in pairwise(taken))
    assert set(by_last_use(records)) == {name for name, _ in steps}


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    history = History(tmp_path / "ledger.jsonl")
    assert history.records() == []
    history.append(activated("a"))
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"at": "2026-')
    history.append(activated("b"))
    assert [record.after for record in history.records()] == ["a", "b"]


@pytest.mark.parametrize("line", ["", "[]", "null", '{"action": "activated"}', "\x00"])
def test_a_line_that_is_no_record_is_left_out(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(f"{line}\n")
    History(path).append(activated("a"))
    assert active(History(path).records()) == "a"

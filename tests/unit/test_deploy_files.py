"""Files of the host's tool: whole after a crash, and never led elsewhere by a link that another user has laid."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from trader.deployment import copies, durable, places, sandbox
from trader.deployment.errors import DeploymentError, StepFailed
from trader.deployment.journal import Activation, Journal
from trader.deployment.manager import Manager
from trader.deployment.places import Places


@pytest.fixture
def here(tmp_path: Path) -> Places:
    made = places.user(tmp_path, tmp_path / "run")
    for directory in (made.state, made.deploy):
        directory.mkdir(parents=True)
    return made


def ledger(path: Path, *words: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS said (word TEXT)")
        connection.executemany("INSERT INTO said VALUES (?)", [(word,) for word in words])
    connection.close()


def said(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [word for (word,) in connection.execute("SELECT word FROM said")]
    connection.close()
    return found


def test_a_placed_file_follows_no_link_and_has_its_mode_from_the_start(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "STATE"
    victim.write_text("untouched")
    target.symlink_to(victim)
    (tmp_path / ".STATE.new").symlink_to(victim)
    durable.place(target, b"halt", owner=tmp_path)
    assert victim.read_text() == "untouched"
    assert (target.is_symlink(), target.read_bytes(), target.stat().st_mode & 0o777) == (False, b"halt", 0o600)


def test_a_ledger_is_put_back_whole_and_begun_anew_after_a_crash(here: Places) -> None:
    ledger(here.ledger, "before")
    copies.copy_ledger(here, "one")
    ledger(here.ledger, "after")
    assert copies.put_back(here, "one")
    assert said(here.ledger) == ["before"]
    assert not copies.being_put_back(here, "one")
    (here.deploy / "before" / "one" / "PUTTING_BACK").touch()
    assert copies.being_put_back(here, "one")


def test_without_a_copy_nothing_is_put_back(here: Places) -> None:
    assert not copies.put_back(here, "none")


def test_the_copies_of_the_last_activations_are_kept(here: Places) -> None:
    ledger(here.ledger, "x")
    names = [f"a{number}" for number in range(5)]
    for name in names:
        copies.copy_ledger(here, name)
    copies.forget_old(here, names)
    assert sorted(path.name for path in (here.deploy / "before").iterdir()) == names[-3:]


def test_a_link_is_replaced_in_one_step_and_a_tree_removed_under_another_name(tmp_path: Path) -> None:
    durable.link(tmp_path / "current", "releases/a")
    durable.link(tmp_path / "current", "releases/b")
    assert (tmp_path / "current").readlink() == Path("releases/b")
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / ".gone-b").mkdir()
    durable.remove_tree(tmp_path / "a")
    durable.remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_a_journal_is_read_as_it_was_written_and_nonsense_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "activation.json")
    flying = Activation(id="x", kind="deploy", before="a", after="b", by="ann").at("link")
    journal.write(flying)
    assert journal.read() == flying
    assert replace(flying).back_at("link").phase == "undoing"
    (tmp_path / "activation.json").write_text(json.dumps({"id": 1}))
    with pytest.raises(DeploymentError):
        journal.read()
    journal.clear()
    assert journal.read() is None


def test_a_manager_that_does_not_answer_is_no_host_at_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepFailed, match="does not tell"):
        Manager("system").states(["paper-trading-session.service"])


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("plain", '"plain"'),
        ("50 % of $HOME", '"50 %% of $$HOME"'),
        ('say "x"\\', '"say \\"x\\"\\\\"'),
        ("a\nb", '"a b"'),
    ],
)
def test_an_argument_is_one_word_of_a_unit(argument: str, word: str) -> None:
    assert sandbox._quoted(argument) == word

"""A backup swapped in for a host's state and back, killed anywhere."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import backups
from tests.support.backups import HOST, RELEASE, contents
from tests.support.clocks import ManualClock
from tests.support.days import intended, key
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.migration import migrate
from trader.adapters.state_file import StateFile
from trader.deployment.backup import swap as swaps
from trader.deployment.backup.files import BackupManifest, digests, write_manifest
from trader.deployment.backup.ledger_copy import copy_ledger, examine
from trader.deployment.backup.swap import swap, unswap
from trader.deployment.errors import Broken, Refused
from trader.deployment.places import Places
from trader.domain.journal import TradingState

ROOT = Path(__file__).parents[2]
LATER_PLAN = "plans/20260317.main.xgb.json"
SAME_PLAN = "plans/20260316.main.xgb.json"


def stage(found: Places, staged: Path) -> None:
    """A proved backup of the host, as `prepare` leaves it."""
    staged.mkdir()
    (staged / "state").mkdir()
    copy_ledger(found.ledger, staged / "state" / "ledger.db")
    for name in ("plans", "models", "reports"):
        shutil.copytree(found.state / name, staged / "state" / name)
    facts = examine(staged / "state" / "ledger.db")
    manifest = BackupManifest(
        at=backups.NOW.isoformat(),
        host="h",
        account=HOST.account,
        role=HOST.role,
        release=RELEASE,
        version="",
        ledger="whole",
        schema=facts.schema,
        rows=facts.rows,
        head=facts.head,
        files=digests(staged),
    )
    write_manifest(staged, manifest)


@pytest.fixture
def host(tmp_path: Path) -> Places:
    """A host that went on after its backup in `staged`: entries, a plan, reports; its ledger's log is not played in."""
    found = backups.install(tmp_path / "host")
    stage(found, tmp_path / "host" / "staged")
    ledger = open_ledger(found.ledger, ManualClock())
    ledger.append(intended(key("PEP")))
    (found.state / LATER_PLAN).write_text("{}\n")
    (found.state / SAME_PLAN).write_text("another\n")
    (found.state / "models" / "c3d4").mkdir()
    (found.state / "models" / "c3d4" / "model.ubj").write_bytes(b"more trees")
    (found.state / "models" / "promotions.jsonl").write_bytes(b"a1b2\nc3d4\n")
    log = found.ledger.with_name("ledger.db-wal").read_bytes()
    ledger.close()
    found.ledger.with_name("ledger.db-wal").write_bytes(log)
    return found


@pytest.fixture
def staged(host: Places) -> Path:
    return host.etc.parent / "staged"


@pytest.fixture
def kept(host: Places) -> Path:
    return host.deploy / "before" / "a1" / "state"


def test_the_ledger_is_the_backups_and_trading_is_halted(host: Places, staged: Path, kept: Path) -> None:
    swap(staged, host.state, kept, "restored from 1a2b of 2026-03-17")
    assert StateFile(host.state / "STATE").read() == (TradingState.HALT, "restored from 1a2b of 2026-03-17")
    assert host.ledger.read_bytes() == (staged / "state" / "ledger.db").read_bytes()
    assert not host.ledger.with_name("ledger.db-wal").exists()
    ledger = open_ledger(host.ledger, ManualClock())
    assert ledger.verify() == backups.ENTRIES
    ledger.close()


def test_what_is_newer_than_the_backup_stays_beside_it(host: Places, staged: Path, kept: Path) -> None:
    swap(staged, host.state, kept, "restored")
    assert (host.state / LATER_PLAN).read_text() == "{}\n"
    assert (host.state / SAME_PLAN).read_bytes() == (staged / "state" / SAME_PLAN).read_bytes()
    assert (host.state / "models" / "c3d4" / "model.ubj").exists()
    assert (host.state / "models" / "promotions.jsonl").read_bytes() == b"a1b2\n"
    assert (host.state / "bars" / "2026.parquet").exists()
    assert (host.state / "orders.main.lock").exists()
    assert (kept / SAME_PLAN).read_text() == "another\n"


def test_undone_everything_is_as_it_was(host: Places, staged: Path, kept: Path) -> None:
    before = contents(host.state)
    swap(staged, host.state, kept, "restored")
    ledger = open_ledger(host.ledger, ManualClock())
    ledger.append(intended(key("KO", sequence=7)))
    unswap(host.state, kept)
    ledger.close()
    assert contents(host.state) == before
    assert not kept.exists()
    unswap(host.state, kept)
    assert contents(host.state) == before
    swap(staged, host.state, kept, "restored")
    assert host.ledger.read_bytes() == (staged / "state" / "ledger.db").read_bytes()


def test_done_again_it_changes_nothing(host: Places, staged: Path, kept: Path) -> None:
    swap(staged, host.state, kept, "restored")
    StateFile(host.state / "STATE").write(TradingState.ACTIVE, "resumed by a person")
    after = contents(host.etc.parent)
    swap(staged, host.state, kept, "restored")
    assert contents(host.etc.parent) == after


def test_a_halt_that_somebody_else_set_since_is_not_taken_back(host: Places, staged: Path, kept: Path) -> None:
    swap(staged, host.state, kept, "restored")
    StateFile(host.state / "STATE").write(TradingState.HALT, "emergency")
    unswap(host.state, kept)
    assert StateFile(host.state / "STATE").read() == (TradingState.HALT, "emergency")


def test_a_host_without_any_state_is_left_without_any_when_undone(host: Places, staged: Path, kept: Path) -> None:
    shutil.rmtree(host.state)
    host.state.mkdir()
    swap(staged, host.state, kept, "restored")
    assert {path.name for path in host.state.iterdir()} == {"STATE", "ledger.db", "plans", "models", "reports"}
    unswap(host.state, kept)
    assert list(host.state.iterdir()) == []


def test_a_backup_that_was_damaged_since_is_refused_before_anything_changes(
    host: Places, staged: Path, kept: Path
) -> None:
    (staged / "state" / SAME_PLAN).write_text("another\n")
    before = contents(host.state)
    with pytest.raises(Refused, match=r"20260316.* is not as it was backed up. Nothing was changed"):
        swap(staged, host.state, kept, "restored")
    assert contents(host.state) == before
    assert not kept.exists()


def test_while_it_is_being_undone_it_is_not_done(host: Places, staged: Path, kept: Path) -> None:
    swap(staged, host.state, kept, "restored")
    phase = json.loads((kept / "PHASE").read_text())
    (kept / "PHASE").write_text(json.dumps({**phase, "name": "returning"}))
    with pytest.raises(Refused, match="this restore is being undone"):
        swap(staged, host.state, kept, "restored")
    (kept / "PHASE").write_text("{")
    with pytest.raises(Broken, match="does not say how far a restore has come"):
        unswap(host.state, kept)


def test_links_in_the_state_are_not_written_through(host: Places, staged: Path, kept: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (host.state / SAME_PLAN).unlink()
    (host.state / SAME_PLAN).symlink_to(outside)
    shutil.rmtree(host.state / "reports")
    (host.state / "reports").symlink_to(tmp_path)
    swap(staged, host.state, kept, "restored")
    assert outside.read_text() == "mine"
    assert not (tmp_path / "20260316.html").exists()
    assert (host.state / "reports" / "20260316.html").exists()
    unswap(host.state, kept)
    assert (host.state / "reports").is_symlink()
    assert (host.state / SAME_PLAN).is_symlink()


def test_nobody_else_gets_into_the_state_meanwhile(
    host: Places, staged: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.state.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(host.state, 12345, 12346)
    before = host.state.stat()
    seen = set()

    def look(*_: object, **__: object) -> None:
        found = host.state.stat()
        seen.add((found.st_uid, stat.S_IMODE(found.st_mode)))
        raise OSError("looked")

    with monkeypatch.context() as patched:
        patched.setattr(swaps, "gather_tree", look)
        with pytest.raises(OSError, match="looked"):
            swap(staged, host.state, kept, "restored")
    assert seen == {(os.geteuid(), 0o700)}
    swap(staged, host.state, kept, "restored")
    assert (host.state.stat().st_uid, host.state.stat().st_mode) == (before.st_uid, before.st_mode)
    unswap(host.state, kept)
    assert (host.state.stat().st_uid, host.state.stat().st_mode) == (before.st_uid, before.st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_everything_belongs_to_whom_the_state_belongs(host: Places, staged: Path, kept: Path) -> None:
    for path in (host.state, *host.state.rglob("*")):
        os.chown(path, 12345, 12346)
    swap(staged, host.state, kept, "restored")
    assert {(path.stat().st_uid, path.stat().st_gid) for path in host.state.rglob("*")} == {(12345, 12346)}
    unswap(host.state, kept)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in host.state.rglob("*")} == {(12345, 12346)}


def test_a_ledger_of_the_first_schema_is_taken_up_after_its_restore(host: Places, kept: Path, tmp_path: Path) -> None:
    shutil.rmtree(host.state)
    found = backups.install(tmp_path / "old")
    found.ledger.unlink()
    migrate(found.ledger, "0001")
    with closing(sqlite3.connect(host.etc.parent / "staged" / "state" / "ledger.db")) as source:
        rows = source.execute("SELECT * FROM journal").fetchall()
    with closing(sqlite3.connect(found.ledger)) as target, target:
        target.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    stage(found, tmp_path / "staged")
    host.state.mkdir()
    swap(tmp_path / "staged", host.state, kept, "restored")
    assert examine(host.ledger).schema == "0001"
    migrate(host.ledger)
    ledger = open_ledger(host.ledger, ManualClock(datetime(2026, 3, 17, tzinfo=UTC)))
    ledger.rebuild()
    assert ledger.verify() == len(rows)
    ledger.close()


@pytest.fixture(params=["the same file system", "another"])
def directories(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Where the host is, and where its former files go: moved there by name, or by a copy. In memory, for speed."""
    if os.geteuid() != 0:
        if request.param == "another":
            pytest.skip("only root makes a file system")
        yield tmp_path / "run", tmp_path / "kept" / "a1"
        return
    with backups.small_disk(tmp_path / "disk", "50m") as disk, backups.small_disk(tmp_path / "second", "50m") as second:
        yield disk / "run", (second if request.param == "another" else disk) / "kept" / "a1"


def test_killed_anywhere_it_goes_on_or_back_to_the_last_byte(host: Places, directories: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "tests.support.killed_swaps", *map(str, (host.etc.parent, *directories))]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert len(found) == 5
    assert {name: each["wrong"] for name, each in found.items() if each["wrong"]} == {}
    assert all(each["points"] > 50 for each in found.values()), found

"""The copy of a ledger and its proof, without the program that wrote it, and beside processes that use it."""

import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.support.appending import BATCH, append
from tests.support.backups import ENTRIES, small_disk, tamper
from tests.support.clocks import ManualClock
from tests.support.days import whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.revisions import REVISIONS
from trader.deployment.backup.ledger_copy import GENESIS, Damaged, copy_ledger, examine
from trader.deployment.errors import DeploymentError, Refused


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "ledger.db"
    opened = open_ledger(path, ManualClock())
    opened.append(*whole_day())
    opened.close()
    return path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def test_a_copy_says_what_the_ledger_says(ledger: Path, copy: Path) -> None:
    copy_ledger(ledger, copy)
    opened = open_ledger(ledger, ManualClock())
    head = opened.head()
    opened.close()
    facts = examine(copy)
    assert (facts.schema, facts.rows, facts.head, facts.problem) == (REVISIONS[-1], head.seq, head.hash, "")
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_new_ledger_has_the_chains_beginning(tmp_path: Path, copy: Path) -> None:
    open_ledger(tmp_path / "new.db", ManualClock()).close()
    copy_ledger(tmp_path / "new.db", copy)
    assert examine(copy).head == GENESIS


def test_copies_made_while_another_process_writes_are_whole_batches_of_what_it_wrote(ledger: Path, copy: Path) -> None:
    acknowledged, there = multiprocessing.Pipe(duplex=False)
    writer = multiprocessing.get_context("spawn").Process(target=append, args=(ledger, there, 0, 60))
    writer.start()
    there.close()
    seen, known = [], ENTRIES
    try:
        while writer.is_alive():
            copy_ledger(ledger, copy)
            facts = examine(copy)
            assert facts.problem == ""
            assert (facts.rows - ENTRIES) % BATCH == 0
            assert facts.rows >= known, "an acknowledged entry is not in the copy"
            seen.append(facts.rows)
            known = max(known, _newest(acknowledged))
            copy.unlink()
    finally:
        writer.join(60)
    assert writer.exitcode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 2


def _newest(acknowledged: Connection) -> int:
    """The number of the newest entry that was told; 0 when none was since."""
    newest = 0
    with suppress(EOFError):
        while acknowledged.poll():
            _, newest, _ = acknowledged.recv()
    return newest


def test_a_log_that_a_power_loss_left_is_read(ledger: Path, copy: Path) -> None:
    statements = "c.execute('PRAGMA journal_mode=WAL'); c.execute('CREATE TABLE late (x)'); os._exit(0)"
    code = f"import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); {statements}"
    subprocess.run([sys.executable, "-c", code, str(ledger)], check=True)
    ledger.with_name("ledger.db-shm").unlink()
    assert ledger.with_name("ledger.db-wal").stat().st_size > 0
    before = ledger.read_bytes()
    copy_ledger(ledger, copy)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM late").fetchone() == (0,)
    assert ledger.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads another user's ledger")
def test_what_root_leaves_beside_the_ledger_is_its_owners(ledger: Path, copy: Path) -> None:
    for path in (ledger.parent, *ledger.parent.iterdir()):
        os.chown(path, 12345, 12345)
    copy_ledger(ledger, copy)
    assert {path.stat().st_uid for path in ledger.parent.iterdir()} == {12345}


def test_a_ledger_kept_from_readers_is_refused_in_time(ledger: Path, copy: Path) -> None:
    with closing(sqlite3.connect(ledger, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refused, match=r"kept readers out for too long\. Find that process"):
            copy_ledger(ledger, copy, patience_s=0.2)


def test_a_ledger_that_is_a_link_is_refused(ledger: Path, copy: Path) -> None:
    real = ledger.rename(ledger.with_name("real.db"))
    ledger.symlink_to(real)
    with pytest.raises(Refused, match="is a link"):
        copy_ledger(ledger, copy)


def test_a_directory_in_the_ledgers_place_is_refused(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(DeploymentError, match="cannot be copied"):
        copy_ledger(tmp_path, copy)


@pytest.mark.parametrize(
    ("script", "said", "rows"),
    [
        ("UPDATE journal SET body = replace(body, '250.16', '250.17') WHERE seq = 13", "entry 13 .* was changed", 12),
        ("UPDATE journal SET body = '{' WHERE seq = 13", "entry 13 .* is no JSON", 12),
        ("UPDATE journal SET body = replace(body, ',', ', ') WHERE seq = 9", "", ENTRIES),
        ("UPDATE journal SET kind = 'session_ended' WHERE seq = 7", "entry 7 .* was changed", 6),
        ("UPDATE journal SET at = '2026-03-16T13:30:01+00:00' WHERE seq = 7", "entry 7 .* was changed", 6),
        ("UPDATE journal SET session_date = '2026-03-15' WHERE seq = 7", "entry 7 .* was changed", 6),
        ("DELETE FROM fills WHERE seq = 18; DELETE FROM journal WHERE seq = 18", "entry 18 .* is missing", 17),
        ("UPDATE journal SET prev_hash = hash WHERE seq = 4", "entry 4 .* is not chained", 3),
        ("UPDATE journal SET hash = prev_hash WHERE seq = 3", "entry 3 .* was changed", 2),
        ("DROP TABLE alembic_version", "no such table: alembic_version", 0),
        ("DROP TABLE journal", "no such table: journal", 0),
    ],
)
def test_the_first_entry_that_is_not_as_written_is_named(
    ledger: Path, copy: Path, script: str, said: str, rows: int
) -> None:
    tamper(ledger, script)
    copy_ledger(ledger, copy)
    facts = examine(copy)
    assert facts.rows == rows
    assert re.search(said, facts.problem) if said else facts.problem == ""


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _scramble(content: bytes) -> bytes:
    return content[:8192] + b"\x5a" * 4096 + content[12288:]


def _other(_content: bytes) -> bytes:
    return b"account,cash\n" * 1000


@pytest.mark.parametrize("damage", [_cut, _scramble, _other])
def test_a_damaged_file_never_gives_a_whole_copy(ledger: Path, copy: Path, damage: Callable[[bytes], bytes]) -> None:
    ledger.write_bytes(damage(ledger.read_bytes()))
    try:
        copy_ledger(ledger, copy)
    except Damaged:
        return
    assert examine(copy).problem


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root makes a file system")
    with small_disk(tmp_path / "disk", "64k") as disk:
        yield disk


def test_no_room_for_the_copy_is_told(ledger: Path, disk: Path) -> None:
    with pytest.raises(Refused, match=r"no room for a copy of the ledger\. Make room"):
        copy_ledger(ledger, disk / "copy.db")

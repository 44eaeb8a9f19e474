"""What verification finds, and what the ledger says when its file or disk fails it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.clocks import ManualClock
from tests.support.days import DAY, intended, key, whole_day
from trader.adapters.ledger import database, open_ledger
from trader.adapters.ledger.database import open_database
from trader.adapters.ledger.store import SqlLedger
from trader.domain.errors import ChecksFailed, ConfigurationError, InvariantViolated

ENTRIES = len(whole_day())
UNGUARD = "".join(f"DROP TRIGGER IF EXISTS journal_{act};" for act in ("update", "delete", "insert"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[SqlLedger]:
    ledger = open_ledger(path, ManualClock())
    ledger.append(*whole_day())
    yield ledger
    ledger.close()


def tamper(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(UNGUARD + script)


TAMPERINGS = {
    "a body": ("UPDATE journal SET body = replace(body, '250.16', '250.17') WHERE seq = 13", 13),
    "a date": ("UPDATE journal SET session_date = '2026-03-15' WHERE seq = 7", 7),
    "an instant": ("UPDATE journal SET at = '2026-03-16T13:30:01+00:00' WHERE seq = 7", 7),
    "a kind": ("UPDATE journal SET kind = 'session_ended' WHERE seq = 7", 7),
    "a reference": ("UPDATE journal SET ref = '' WHERE seq = 7", 7),
    "blanks": ("UPDATE journal SET body = replace(body, ',', ', ') WHERE seq = 9", 9),
    "a removed entry": ("DELETE FROM fills WHERE seq = 18; DELETE FROM journal WHERE seq = 18", 18),
    "a cut end": (f"DELETE FROM journal WHERE seq = {ENTRIES}", ENTRIES),
    "a forged hash": ("UPDATE journal SET hash = prev_hash WHERE seq = 3", 3),
    "a broken link": ("UPDATE journal SET prev_hash = hash WHERE seq = 4", 4),
    "an order row": ("UPDATE orders SET filled_quantity = '19' WHERE symbol = 'AAPL'", 16),
    "a lost order row": ("DELETE FROM orders WHERE symbol = 'KO'", 10),
    "an invented order row": (
        "INSERT INTO orders SELECT 'x', session_date, symbol, side, quantity, limit_price, arrival_price, status,"
        " filled_quantity, broker_order_id, 22 FROM orders LIMIT 1",
        22,
    ),
    "a fill row": ("UPDATE fills SET price = '1' WHERE seq = 14", 14),
    "a lost fill row": ("DELETE FROM fills WHERE seq = 18", 18),
    "an invented fill row": (
        "INSERT INTO fills SELECT 'x', session_date, client_order_id, broker_order_id, symbol, side, quantity, price,"
        " at, 22 FROM fills LIMIT 1",
        22,
    ),
}


@pytest.mark.parametrize(("script", "seq"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_verification_names_the_first_entry_that_is_not_as_written(
    ledger: SqlLedger, path: Path, script: str, seq: int
) -> None:
    assert ledger.verify() == ENTRIES
    tamper(path, script)
    with pytest.raises(InvariantViolated, match=rf"^ledger entry {seq}: "):
        ledger.verify()


def test_a_rewritten_past_with_fitting_hashes_is_found_by_its_checkpoint(ledger: SqlLedger, path: Path) -> None:
    other = open_ledger(path.with_name("other.db"), ManualClock())
    other.append(*whole_day(DAY)[:-2])
    other.append(*whole_day(DAY)[-1:], *whole_day(DAY)[-2:-1])
    columns = "seq, at, session_date, kind, ref, body, prev_hash, hash"
    tamper(
        path,
        f"ATTACH '{path.with_name('other.db')}' AS other; DELETE FROM journal;"
        f"INSERT INTO journal SELECT {columns} FROM other.journal;",
    )
    with pytest.raises(InvariantViolated, match=rf"^ledger entry {ENTRIES}: .* checkpoint"):
        ledger.verify(whole=False)


def test_the_short_verification_begins_at_the_last_checkpoint(ledger: SqlLedger, path: Path) -> None:
    assert ledger.verify(whole=False) == 0
    appended = ledger.append(*whole_day(DAY + timedelta(days=1))[:-1])
    assert ledger.verify(whole=False) == len(appended)
    tamper(path, f"UPDATE orders SET status = 'filled' WHERE updated_seq > {ENTRIES} AND symbol = 'PEP'")
    with pytest.raises(InvariantViolated, match="the table orders does not follow"):
        ledger.verify(whole=False)
    ledger.rebuild()
    ledger.verify()
    tamper(path, "UPDATE journal SET body = replace(body, '250.16', '250.17') WHERE seq = 13")
    ledger.verify(whole=False)
    with pytest.raises(InvariantViolated, match="entry 13: it was changed"):
        ledger.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET ref = '' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 1",
        "INSERT INTO journal SELECT seq + 100, at, session_date, kind, ref, body, prev_hash, hash FROM journal",
    ],
)
def test_the_file_itself_refuses_to_forget(ledger: SqlLedger, path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert ledger.verify() == ENTRIES


def test_a_kind_of_a_newer_release_is_named(ledger: SqlLedger, path: Path) -> None:
    tamper(path, "UPDATE journal SET kind = 'dividend_paid' WHERE seq = 20")
    with pytest.raises(ConfigurationError, match=r"ledger entry 20: its kind 'dividend_paid' .* newer"):
        list(ledger.entries())


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)


def overwrite(path: Path) -> None:
    path.write_bytes(b"account,cash\n" * 1000)


@pytest.mark.parametrize("damage", [spoil, overwrite])
def test_a_damaged_file_is_refused_with_what_to_do(path: Path, damage: Callable[[Path], None]) -> None:
    ledger = open_ledger(path, ManualClock())
    ledger.append(*whole_day())
    ledger.close()
    damage(path)
    with pytest.raises(InvariantViolated, match="today's plan file is enough"):
        open_ledger(path, ManualClock()).verify()


def test_a_writer_that_holds_the_file_too_long_is_reported(
    ledger: SqlLedger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    impatient = open_ledger(path, ManualClock())
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert impatient.verify() == ENTRIES
        with pytest.raises(ChecksFailed, match="another process has been writing"):
            impatient.append(intended(key("NEW", sequence=9)))
    assert len(impatient.append(intended(key("NEW", sequence=9)))) == 1


def run(path: Path, *statements: str) -> None:
    found = open_database(path)
    try:
        with found.writing() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        found.close()


def test_a_full_disk_is_reported_and_leaves_the_ledger_whole(ledger: SqlLedger, path: Path) -> None:
    large = "CREATE TABLE large AS SELECT zeroblob(1000000) AS content"
    with pytest.raises(ConfigurationError, match=r"SQLITE_FULL.*make room"):
        run(path, "PRAGMA max_page_count = 1", large)
    assert ledger.verify() == ENTRIES


def test_a_ledger_that_may_not_be_written_is_reported(ledger: SqlLedger, path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SQLITE_READONLY.*write access"):
        run(path, "PRAGMA query_only = ON", "DELETE FROM fills")
    with pytest.raises(ConfigurationError, match="SQLITE_CANTOPEN"):
        run(path.parent / "none", "SELECT 1")
    assert ledger.verify() == ENTRIES


def test_the_log_of_a_lost_ledger_is_not_played_into_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.with_name("ledger.db-wal").write_bytes(b"left behind")
    with pytest.raises(ConfigurationError, match="not here any more"):
        open_ledger(path, ManualClock())
    assert not path.exists()

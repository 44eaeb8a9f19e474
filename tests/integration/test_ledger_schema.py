"""Making, migrating and refusing ledgers."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.support.clocks import ManualClock
from tests.support.commands import trader
from tests.support.days import whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.database import open_database
from trader.adapters.ledger.migration import migrate
from trader.adapters.ledger.outbox import Outbox
from trader.adapters.ledger.reading import LedgerReading, schema_of
from trader.adapters.ledger.revisions import LOSSLESS_DOWN, REVISIONS, SCHEMA_MIN
from trader.adapters.ledger.tables import metadata
from trader.domain.alerts import Alert
from trader.domain.errors import ChecksFailed, ConfigurationError, InvariantViolated


def schema(path: Path) -> Mapping[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())


def stamp(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_up_down_and_up_again_gives_the_same_schema(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert migrate(path) == REVISIONS[-1]
    made = schema(path)
    assert migrate(path, "base") == "base"
    assert set(schema(path)) == {"alembic_version", "outbox"}
    assert migrate(path) == REVISIONS[-1]
    assert migrate(path) == REVISIONS[-1]
    assert schema(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.db"]


def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    open_ledger(tmp_path / "ledger.db", ManualClock()).close()
    database = open_database(tmp_path / "ledger.db")
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "trader.adapters.ledger:migrations")
    config.set_main_option("path_separator", "os")
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_a_step_down_that_would_lose_entries_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db", ManualClock())
    ledger.append(*whole_day())
    with pytest.raises(ChecksFailed, match=f"would lose {len(whole_day())} entries"):
        migrate(tmp_path / "ledger.db", "base")
    assert ledger.verify() == len(whole_day())
    assert ledger.schema_version() == REVISIONS[-1]


def test_a_step_down_flagged_as_lossless_keeps_everything_and_is_taken_over_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(path, ManualClock())
    ledger.append(*whole_day())
    alert = Alert(ManualClock().now(), "paper-trading-session", "error", "it failed")
    box = Outbox(path)
    assert box.put(alert) == 1
    head = ledger.head()
    assert frozenset({"0002"}) == LOSSLESS_DOWN
    assert migrate(path, "0001") == "0001"
    assert schema_of(path) == "0001"
    assert ledger.verify() == len(whole_day())
    assert migrate(path) == "0002"
    assert (ledger.head(), [kept.alert for kept in box.undelivered()]) == (head, [alert])
    assert box.put(alert) == 2


def test_an_older_schema_within_the_release_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    migrate(path, SCHEMA_MIN)
    assert SCHEMA_MIN == "0001"
    ledger = open_ledger(path, ManualClock())
    ledger.append(*whole_day())
    assert len(list(LedgerReading(path).entries())) == ledger.verify() == len(whole_day())
    with pytest.raises(ConfigurationError, match=r"schema 0001 has no outbox.*trader ledger migrate"):
        Outbox(path).put(Alert(ManualClock().now(), "paper-trading-session", "error", "it failed"))


def test_a_schema_is_told_without_opening_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert schema_of(path) is None
    assert not path.exists()
    sqlite3.connect(path).close()
    assert schema_of(path) is None
    migrate(path, "0001")
    assert schema_of(path) == "0001"
    path.write_bytes(b"\x5a" * 20_000)
    with pytest.raises(InvariantViolated, match="damaged or no database"):
        schema_of(path)


@pytest.mark.parametrize("found", ["0001", "0002", None])
def test_the_schema_command_prints_what_is_there_and_what_may_be(tmp_path: Path, found: str | None) -> None:
    if found is not None:
        migrate(tmp_path / "ledger.db", found)
    told = trader("--state", str(tmp_path), "ledger", "schema", "--json")
    assert told.code == 0
    assert json.loads(told.said) == {"schema": found, "schema_min": "0001", "schema_max": "0002"}


def test_older_and_newer_schemas_are_refused_with_both_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    migrate(path)
    migrate(path, "base")
    with pytest.raises(ConfigurationError, match=r"is empty, this release needs 0001 to 0002.*trader ledger migrate"):
        open_ledger(path, ManualClock())
    migrate(path)
    stamp(path, "0099")
    for attempt in (lambda: open_ledger(path, ManualClock()), lambda: migrate(path), lambda: migrate(path, "base")):
        with pytest.raises(ConfigurationError, match=r"schema 0099 is newer than this release's 0002"):
            attempt()


def test_a_missing_ledger_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no ledger"):
        open_ledger(tmp_path / "new" / "ledger.db", ManualClock(), create=False)
    assert list(tmp_path.iterdir()) == []
    open_ledger(f"sqlite:///{tmp_path}/new/ledger.db", ManualClock()).close()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["ledger.db"]


def test_other_databases_and_revisions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="postgresql is not a database"):
        open_ledger("postgresql:///trader", ManualClock())
    with pytest.raises(ConfigurationError, match=r"no revision 0007.*base, 0001, 0002"):
        migrate(tmp_path / "ledger.db", "0007")


def test_opening_an_existing_ledger_needs_no_alembic(tmp_path: Path) -> None:
    open_ledger(tmp_path / "ledger.db", ManualClock()).close()
    foreign = "{'alembic', 'mako', 'sqlalchemy.orm', 'numpy', 'pandas'} & set(sys.modules)"
    code = (
        "import sys; from pathlib import Path; from tests.support.clocks import ManualClock;"
        "from trader.adapters.ledger import open_ledger; open_ledger(Path(sys.argv[1]), ManualClock()).head();"
        f"sys.exit(repr({foreign}) if {foreign} else 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "ledger.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

"""Making, migrating and refusing ledgers."""

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
from tests.support.days import whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.database import open_database
from trader.adapters.ledger.migration import migrate
from trader.adapters.ledger.revisions import REVISIONS
from trader.adapters.ledger.tables import metadata
from trader.domain.errors import ChecksFailed, ConfigurationError


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
    assert set(schema(path)) == {"alembic_version"}
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


def test_older_and_newer_schemas_are_refused_with_both_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    migrate(path)
    migrate(path, "base")
    with pytest.raises(ConfigurationError, match=r"is empty, this release needs 0001.*trader ledger migrate"):
        open_ledger(path, ManualClock())
    migrate(path)
    stamp(path, "0099")
    for attempt in (lambda: open_ledger(path, ManualClock()), lambda: migrate(path), lambda: migrate(path, "base")):
        with pytest.raises(ConfigurationError, match=r"schema 0099 is newer than this release's 0001"):
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
    with pytest.raises(ConfigurationError, match=r"no revision 0007.*base, 0001"):
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

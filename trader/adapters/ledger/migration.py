"""Making and migrating a ledger; the only module that needs Alembic, which takes long to import."""

from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

from trader.adapters import durable
from trader.adapters.ledger.database import open_database, path_of
from trader.adapters.ledger.revisions import LOSSLESS_DOWN, REVISIONS
from trader.adapters.ledger.schema import require_known, schema_version
from trader.adapters.ledger.tables import journal
from trader.domain.errors import ChecksFailed, ConfigurationError

_STEPS = ("base", *REVISIONS)


def migrate(location: Path | str, target: str = "head") -> str:
    """Bring the ledger up or down to a revision, `head` or `base`, in one transaction; the revision it has then.

    A missing ledger is made. Raises ConfigurationError for an unknown revision and ChecksFailed for a step down that
    would lose entries.
    """
    path = path_of(location)
    if not path.exists():
        create_ledger(path)
    wanted = REVISIONS[-1] if target == "head" else target
    if wanted not in _STEPS:
        raise ConfigurationError("ledger migrate", f"there is no revision {target}", f"Choose of {', '.join(_STEPS)}.")
    _run(path, wanted)
    return wanted


def create_ledger(path: Path) -> None:
    """Make a ledger that is there whole or not at all, and leave one alone that another process made meanwhile.

    Raises ConfigurationError when the log of another ledger lies there: SQLite would play it into the new one.
    """
    orphan = path.with_name(f"{path.name}-wal")
    if orphan.exists() and not path.exists():
        raise ConfigurationError(
            str(orphan),
            "it belongs to a ledger that is not here any more",
            f"Bring {path.name} back, or move {path.name}-wal and {path.name}-shm away with it.",
        )
    with durable.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
            draft = Path(directory) / path.name
            _run(draft, REVISIONS[-1], create=True)
            durable.link(draft, path)


def _run(path: Path, wanted: str, create: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", "trader.adapters.ledger:migrations")
    config.set_main_option("path_separator", "os")
    database = open_database(path, create)
    try:
        with database.writing() as connection:
            found = schema_version(connection)
            require_known(path, found)
            config.attributes["connection"] = connection
            undone = _STEPS[_STEPS.index(wanted) + 1 : _STEPS.index(found or "base") + 1]
            _require_lossless(connection, undone)
            (command.downgrade if undone else command.upgrade)(config, wanted)
    finally:
        database.close()


def _require_lossless(connection: Connection, undone: tuple[str, ...]) -> None:
    """Raise ChecksFailed when undoing these revisions could lose entries."""
    losing = [revision for revision in undone if revision not in LOSSLESS_DOWN]
    entries = connection.execute(select(func.count()).select_from(journal)).scalar_one() if losing else 0
    if entries:
        raise ChecksFailed(
            f"the step down from {losing[0]} would lose {entries} entries",
            "Nothing was changed; move the file away instead.",
        )

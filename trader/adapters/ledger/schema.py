"""Which schema a ledger has, without Alembic."""

from pathlib import Path

from sqlalchemy import Connection, text

from trader.adapters.ledger.revisions import REVISIONS, SCHEMA_MIN, USABLE
from trader.domain.errors import ConfigurationError


def schema_version(connection: Connection) -> str | None:
    """The revision the file was migrated to; None when it never was."""
    known = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    if connection.execute(known).first() is None:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def require_current(path: Path, found: str | None) -> None:
    """Raise ConfigurationError unless the schema is one this release reads and writes."""
    require_known(path, found)
    if found not in USABLE:
        raise ConfigurationError(
            str(path),
            f"its schema is {found or 'empty'}, this release needs {SCHEMA_MIN} to {REVISIONS[-1]}",
            "Take a backup, then run `trader ledger migrate`.",
        )


def require_known(path: Path, found: str | None) -> None:
    """Raise ConfigurationError for a schema of a newer release."""
    if found is not None and found not in REVISIONS:
        raise ConfigurationError(
            str(path),
            f"its schema {found} is newer than this release's {REVISIONS[-1]}",
            "Use the newer release, or migrate the ledger down with it before going back.",
        )

"""The outbox: alerts that are kept until somebody was told of them. It stands beside the journal, not in its chain."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select

from trader.adapters.ledger.database import Database, open_database
from trader.adapters.ledger.schema import require_current, schema_version
from trader.adapters.ledger.tables import outbox
from trader.domain.alerts import Alert
from trader.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Kept:
    """An alert in the outbox."""

    id: int
    alert: Alert


class Outbox:
    """The alerts in the ledger at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, alert: Alert) -> int:
        """Keep an alert, durably; its number. Raises the ledger's errors, ConfigurationError when there is none."""
        row = {"at": alert.at.astimezone(UTC).isoformat(), "unit": alert.unit}
        row |= {"severity": alert.severity, "text": alert.text}
        database = self._database()
        try:
            with database.writing() as connection:
                self._require(connection)
                return int(connection.execute(insert(outbox).returning(outbox.c.id), row).scalar_one())
        finally:
            database.close()

    def undelivered(self) -> tuple[Kept, ...]:
        """The alerts nobody was told of, oldest first."""
        database = self._database()
        try:
            with database.reading() as connection:
                self._require(connection)
                rows = connection.execute(select(outbox).where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.id))
                return tuple(_kept(*row) for row in rows)
        finally:
            database.close()

    def _database(self) -> Database:
        if not self._path.exists():
            raise ConfigurationError(str(self._path), "there is no ledger", "The first session makes it.")
        return open_database(self._path)

    def _require(self, connection: Connection) -> None:
        found = schema_version(connection)
        require_current(self._path, found)
        if found == "0001":
            remedy = "Take a backup, then run `trader ledger migrate`."
            raise ConfigurationError(str(self._path), "its schema 0001 has no outbox", remedy)


def _kept(number: int, at: str, unit: str, severity: str, text: str, _delivered_at: str | None) -> Kept:
    return Kept(number, Alert(datetime.fromisoformat(at), unit, severity, text))

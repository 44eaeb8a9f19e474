"""The SQLite file: durable transactions, and the border no foreign exception crosses."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from trader.domain.errors import ChecksFailed, ConfigurationError, InvariantViolated, TraderError

BUSY_TIMEOUT_S = 15.0
RESTORE = (
    "Trade nothing on it: move it away and restore a backup, then run `trader ledger verify`. "
    "Without a backup today's plan file is enough to go on."
)


def path_of(location: Path | str) -> Path:
    """The file of a path or of an sqlite URL. Raises ConfigurationError for another database."""
    if isinstance(location, Path):
        return location
    scheme, separator, path = location.partition(":///")
    if separator and scheme != "sqlite":
        raise ConfigurationError("ledger", f"{scheme} is not a database this release knows", "Use sqlite:///PATH.")
    return Path(path if separator else location)


@dataclass(frozen=True, slots=True)
class Database:
    """An existing SQLite file."""

    path: Path
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the file."""
        with translated(self.path), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A durable transaction. It holds the write lock from its beginning: what it reads stays true until it ends."""
        engine = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        with translated(self.path), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def open_database(path: Path, create: bool = False, patience_s: float = BUSY_TIMEOUT_S) -> Database:
    """The file, in WAL mode, made only when `create` says so; another writer is waited for `patience_s`."""
    uri = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: transactions begin as we say below, not as the driver guesses.
        connection = sqlite3.connect(uri, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return Database(path, engine)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the database's errors into ours, with what to do next."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _domain_error(path, error) from error


def _domain_error(path: Path, error: Exception) -> TraderError:
    origin = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(origin, "sqlite_errorname", "")
    match name.split("_")[1:2]:
        case ["BUSY"]:
            return ChecksFailed(
                f"{path}: another process has been writing for too long",
                f"Nothing was written by this call: find that process (`fuser {path}`), then run the command again.",
            )
        case ["FULL"] | ["IOERR"]:
            return ConfigurationError(
                str(path),
                f"the disk does not take what is written ({name})",
                "Nothing was written by this call: make room or mend the disk, then run the command again.",
            )
        case ["READONLY"] | ["CANTOPEN"] | ["PERM"]:
            return ConfigurationError(
                str(path),
                f"cannot be opened for writing ({name})",
                "Give this user write access to the file and its directory, then run the command again.",
            )
        case ["NOTADB"] | ["CORRUPT"]:
            return InvariantViolated(f"{path} is damaged or no database ({name})", RESTORE)
        case _:
            return InvariantViolated(f"{path}: {origin}", "Run `trader ledger verify`.")

"""The exchange's memory on disk: one SQLite transaction per accepted change, finished before the answer goes out."""

import fcntl
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from trader.simulated_exchange.account import Position
from trader.simulated_exchange.activities import Activity, activity_from, activity_record
from trader.simulated_exchange.config import ExchangeStartError
from trader.simulated_exchange.fills import Fill, fill_from, fill_record
from trader.simulated_exchange.orders import Order, from_record, to_record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fills (place INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS activities (place INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS positions (symbol TEXT PRIMARY KEY, qty TEXT NOT NULL, avg_entry_price TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS closes (day TEXT PRIMARY KEY, equity TEXT NOT NULL);
"""
_FORGET = (
    "DELETE FROM orders",
    "DELETE FROM fills",
    "DELETE FROM activities",
    "DELETE FROM positions",
    "DELETE FROM closes",
)


@dataclass(slots=True)
class Change:
    """What one request or one move of the clock changed; `positions` maps a symbol to None when it is flat.

    `afresh`: all orders, fills, activities, positions and closes go first.
    """

    facts: dict[str, str] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    positions: dict[str, Position | None] = field(default_factory=dict)
    closes: dict[str, Decimal] = field(default_factory=dict)
    afresh: bool = False


class Store:
    """The database in a directory that one exchange at a time may hold."""

    def __init__(self, folder: Path) -> None:
        """Open or create; ExchangeStartError while another exchange has the directory."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise ExchangeStartError(
                f"--state {folder}: another exchange is running on it; stop that one first"
            ) from error
        self._db = sqlite3.connect(folder / "exchange.db", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def close(self) -> None:
        """Let the directory go."""
        self._db.close()
        self._lock.close()

    def save(self, change: Change) -> None:
        """Write the change, all of it or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            for statement in _FORGET if change.afresh else ():
                self._db.execute(statement)
            write = self._db.executemany
            write("INSERT OR REPLACE INTO facts VALUES (?, ?)", change.facts.items())
            orders = ((number, json.dumps(to_record(order))) for number, order in change.orders.items())
            write("INSERT OR REPLACE INTO orders VALUES (?, ?)", orders)
            write("INSERT INTO fills (record) VALUES (?)", ((json.dumps(fill_record(fill)),) for fill in change.fills))
            told = ((json.dumps(activity_record(activity)),) for activity in change.activities)
            write("INSERT INTO activities (record) VALUES (?)", told)
            equities = ((day, str(equity)) for day, equity in change.closes.items())
            write("INSERT OR REPLACE INTO closes VALUES (?, ?)", equities)
            held = [position for position in change.positions.values() if position]
            rows = ((each.symbol, str(each.qty), str(each.avg_entry_price)) for each in held)
            write("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", rows)
            flat = [(symbol,) for symbol, position in change.positions.items() if position is None]
            write("DELETE FROM positions WHERE symbol = ?", flat)

    def facts(self) -> Mapping[str, str]:
        """Named values: the clock, cash, the market's fingerprint, account configurations."""
        return dict(self._db.execute("SELECT name, value FROM facts"))

    def orders(self) -> list[Order]:
        """Every order, in the order of arrival."""
        return [
            from_record(json.loads(row)) for (row,) in self._db.execute("SELECT record FROM orders ORDER BY number")
        ]

    def fills(self) -> list[Fill]:
        """Every fill, in the order in which they happened."""
        return [fill_from(json.loads(row)) for (row,) in self._db.execute("SELECT record FROM fills ORDER BY place")]

    def activities(self) -> list[Activity]:
        """What happened without a trade, in that order."""
        rows = self._db.execute("SELECT record FROM activities ORDER BY place")
        return [activity_from(json.loads(row)) for (row,) in rows]

    def positions(self) -> dict[str, Position]:
        """What is held, by symbol."""
        rows = self._db.execute("SELECT symbol, qty, avg_entry_price FROM positions ORDER BY symbol")
        return {symbol: Position(symbol, Decimal(qty), Decimal(price)) for symbol, qty, price in rows}

    def closes(self) -> dict[str, Decimal]:
        """Equity at each session's close, by ISO date."""
        return {day: Decimal(equity) for day, equity in self._db.execute("SELECT day, equity FROM closes ORDER BY day")}

"""The ledger: an append-only, hash-chained journal in SQLite, and what is read from it."""

from trader.adapters.ledger.store import open_ledger

__all__ = ["open_ledger"]

"""The ledger: an append-only, hash-chained journal in SQLite, and what is read from it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trader.adapters.ledger.store import open_ledger

__all__ = ["open_ledger"]


def __getattr__(name: str) -> object:
    """`open_ledger`, whose module is imported at the first use: `reading` does without it."""
    if name != "open_ledger":
        raise AttributeError(name)
    from trader.adapters.ledger import store

    return store.open_ledger

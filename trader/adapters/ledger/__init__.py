"""The ledger: an append-only, hash-chained journal in SQLite, and what is read from it."""

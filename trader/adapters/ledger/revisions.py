"""The ledger's schemas."""

REVISIONS = ("0001", "0002")
"""Every schema this release can migrate to, oldest first."""

SCHEMA_MIN = "0001"
"""The oldest schema this release reads and writes; 0002 adds the outbox, which nothing but alerts needs."""

USABLE = REVISIONS[REVISIONS.index(SCHEMA_MIN) :]
"""The schemas this release reads and writes."""

LOSSLESS_DOWN = frozenset({"0002"})
"""The revisions whose step down keeps everything: it may be made of a ledger that has entries."""

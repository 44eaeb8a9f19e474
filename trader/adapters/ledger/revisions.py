"""The ledger's schemas."""

REVISIONS = ("0001",)
"""Every schema this release can migrate to, oldest first; it reads and writes the last."""

"""Backups by restic, the drill that proves them, and a restore that may be undone."""

"""Which schema the trading ledger has, and how a release is given one it can work with."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from trader.deployment.desk import Desk
from trader.deployment.errors import Refused, StepFailed
from trader.deployment.journal import Activation
from trader.deployment.releases import Release

_GO_ON = (
    "Go on with the newer release, or restore a backup from before it (the restore playbook); "
    "orders and fills since then would have to be taken from the broker."
)


def found_schema(ledger: Path) -> str:
    """The revision of the ledger; empty when there is none. Raises StepFailed when it cannot be read."""
    if not ledger.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(ledger))}?mode=ro", uri=True, timeout=15)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    except sqlite3.Error as error:
        remedy = "Restore a backup by the restore playbook; docs/ledger.md says what else helps."
        raise StepFailed(f"{ledger} cannot be read ({error})", remedy) from None
    return str(revision)


DAMAGED = "damaged"


def told_schema(ledger: Path) -> str:
    """The revision of the ledger, for the record; DAMAGED when it cannot be read."""
    try:
        return found_schema(ledger)
    except StepFailed:
        return DAMAGED


def migrator(desk: Desk, release: Release, before: str, schema: str) -> Release | None:
    """The release whose program takes the ledger to where `release` can work with it; None when it is there already.

    Raises Refused when the schema is newer and no release that knows it is kept here.
    """
    wanted = release.manifest
    if not schema or schema <= wanted.schema_max:
        return release if schema and schema < wanted.schema_max else None
    kept = [each for each in desk.releases if each.finished and each.manifest.schema_max >= schema]
    kept.sort(key=lambda each: each.id != before)
    if not kept:
        problem = f"the ledger's schema is {schema}, release {release.id} knows {wanted.schema_max} at most"
        raise Refused(f"{problem}, and no release that could take it back is kept here", _GO_ON)
    return kept[0]


def fit(desk: Desk, activation: Activation, release: Release, other: str) -> None:
    """Take the ledger to a schema the release works with; within its range a rollback changes nothing."""
    schema = found_schema(desk.places.ledger)
    program = migrator(desk, release, other, schema)
    stays = activation.kind in ("rollback", "retreat") and release.manifest.schema_min <= schema <= _most(release)
    if program is None or stays:
        return
    ended = desk.sandbox.run(program, "ledger", "migrate", "--to", _most(release))
    if ended.code:
        raise StepFailed(
            f"the ledger could not be taken from schema {schema} to {_most(release)}: {ended.said}", _GO_ON
        )


def _most(release: Release) -> str:
    return release.manifest.schema_max

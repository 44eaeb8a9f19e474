"""What stands on this host, for playbooks and people."""

from pathlib import Path
from typing import Any

from trader.deployment import schema
from trader.deployment.desk import Desk
from trader.deployment.errors import BadInput, DeploymentError
from trader.deployment.history import active, path_taken
from trader.deployment.orders import armed_rightly, former, objection, settled
from trader.deployment.releases import Release


def facts(desk: Desk) -> dict[str, Any]:
    """Everything a playbook decides by; nothing is changed."""
    records = desk.history.records()
    flying = desk.journal.read()
    name = active(records)
    return {
        "scope": desk.host.scope,
        "role": desk.host.role,
        "account": desk.host.account,
        "active": name,
        "former": _or_empty(desk),
        "path": list(path_taken(records)),
        "releases": [_release(release) for release in desk.releases],
        "wheelhouses": _ready(desk.places.opt / "wheelhouse"),
        "settled": bool(name) and settled(desk, name),
        "armed": bool(name) and armed_rightly(desk),
        "guard": objection(desk),
        "in_flight": {"after": flying.after, "step": flying.step, "phase": flying.phase} if flying else {},
        "schema": _schema(desk),
        "last": [vars_of(record) for record in records[-5:]],
    }


def vars_of(record: object) -> dict[str, Any]:
    """The fields of a ledger line that say something."""
    names = record.__dataclass_fields__ if hasattr(record, "__dataclass_fields__") else {}
    return {name: value for name in names if (value := getattr(record, name))}


def _or_empty(desk: Desk) -> str:
    try:
        return former(desk)
    except DeploymentError:
        return ""


def _release(release: Release) -> dict[str, Any]:
    found = {"id": release.id, "finished": release.finished, "void": release.void or ""}
    try:
        manifest = release.manifest
    except BadInput:
        return {**found, "schema_min": "", "schema_max": "", "version": ""}
    return {
        **found,
        "schema_min": manifest.schema_min,
        "schema_max": manifest.schema_max,
        "version": manifest.version,
    }


def _schema(desk: Desk) -> str:
    try:
        return schema.found_schema(desk.places.ledger)
    except DeploymentError as error:
        return str(error)


def _ready(directory: Path) -> list[str]:
    found = directory.iterdir() if directory.is_dir() else ()
    return sorted(path.name for path in found if (path / "READY").exists())

"""A restored state as an activation puts it in place, and what is left of it afterwards."""

from pathlib import Path

from trader.deployment import durable, restore, restore_swap
from trader.deployment.desk import Desk
from trader.deployment.errors import Refused
from trader.deployment.history import LEGACY, NOTHING, active
from trader.deployment.journal import Activation

_KEPT = 2


def prepare_restore(desk: Desk, wish: restore.Wish) -> str:
    """Have a backup proved and ready to be swapped in; the release that will go on with it. Raises Refused."""
    name = active(desk.history.records())
    if name in (NOTHING, LEGACY):
        raise Refused("no release is active that could go on with a restored ledger", "Run the install playbook first.")
    schema_max = desk.releases.require(name).manifest.schema_max
    restore.prepare(desk.places, desk.host, wish, schema_max, {})
    return name


def put_restored_in(desk: Desk, activation: Activation) -> None:
    """Swap the prepared state in, halted; the former one is kept."""
    reason = f"restored from a backup: {activation.reason or activation.options}"
    staged = Path(restore.prepared(desk.places).path)
    restore_swap.swap(staged, desk.places.state, _kept(desk, activation), reason)


def put_restored_back(desk: Desk, activation: Activation) -> None:
    """Swap the former state back."""
    restore_swap.unswap(desk.places.state, _kept(desk, activation))


def end_restore(desk: Desk) -> None:
    """Remove what was prepared, and all but the newest of the states that restores have replaced."""
    restore.discard(desk.places)
    ids = [record.activation for record in desk.history.records() if record.kind == "restore"]
    for name in ids[:-_KEPT]:
        durable.remove_tree(_replaced(desk) / name)


def _kept(desk: Desk, activation: Activation) -> Path:
    return _replaced(desk) / activation.id


def _replaced(desk: Desk) -> Path:
    return desk.places.deploy / "replaced"

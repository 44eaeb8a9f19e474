"""A restored state as an activation puts it in place."""

from pathlib import Path

from trader.deployment.backup import restore, swap
from trader.deployment.desk import Desk
from trader.deployment.errors import Refused
from trader.deployment.history import LEGACY, NOTHING, active
from trader.deployment.journal import Activation


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
    swap.swap(staged, desk.places.state, _kept(desk, activation), reason)


def put_restored_back(desk: Desk, activation: Activation) -> None:
    """Swap the former state back."""
    swap.unswap(desk.places.state, _kept(desk, activation))


def _kept(desk: Desk, activation: Activation) -> Path:
    """Beside the copies of the ledger that other activations keep, and for as long."""
    return desk.places.deploy / "before" / activation.id / "state"

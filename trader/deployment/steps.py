"""The steps of an activation, each with its way back. Every one may be done again after a power loss in its middle."""

from collections.abc import Callable
from dataclasses import dataclass

from trader.deployment import copies, durable, schema, verification
from trader.deployment.backup.switch import put_restored_back, put_restored_in
from trader.deployment.desk import Desk
from trader.deployment.errors import DeploymentError, StepFailed
from trader.deployment.history import LEGACY, NOTHING
from trader.deployment.journal import Activation, Kind
from trader.deployment.legacy.switch import drop_legacy, restore_legacy, take_over_legacy
from trader.deployment.unit_files import armed_on, self_starting, services

Act = Callable[[Desk, Activation], None]
Noted = Callable[[Desk, Activation], str | None]


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, which may leave something for a person to do, and what undoes it."""

    name: str
    do: Noted
    undo: Act


def _nothing(_desk: Desk, _activation: Activation) -> None:
    """Leaves no trace that would have to be undone."""


def _disarm(desk: Desk, _activation: Activation) -> None:
    installed = desk.units.installed()
    desk.manager.disable(self_starting(installed))
    desk.manager.stop(services(installed))
    desk.manager.stop_instances("paper-trading-*@*.service")


def _unarm(desk: Desk, activation: Activation) -> None:
    drop_legacy(desk, activation)
    _disarm(desk, activation)


def _stop(desk: Desk, activation: Activation) -> None:
    if activation.kind == "migrate" and activation.before == LEGACY:
        take_over_legacy(desk, activation)  # archived as it is armed, before anything is disarmed
    _disarm(desk, activation)


def _start_former(desk: Desk, activation: Activation) -> None:
    _arm_release(desk, activation, activation.before)


def _copy(desk: Desk, activation: Activation) -> None:
    copies.copy_ledger(desk.places, activation.id)


def _migrate(desk: Desk, activation: Activation) -> None:
    if activation.after != LEGACY:
        schema.fit(desk, activation, desk.releases.require(activation.after), activation.before)


def _migrate_back(desk: Desk, activation: Activation) -> None:
    """By a step down where that loses nothing, else by the copy: nothing has traded since it was made."""
    if activation.kind == "restore":
        return  # the ledger goes as it came
    nobodys = activation.before in (LEGACY, NOTHING)  # a ledger that a first release began stays for the next try
    found = schema.told_schema(desk.places.ledger)
    half = copies.being_put_back(desk.places, activation.id) or found in ("", schema.DAMAGED)
    if not nobodys and activation.schema and half and copies.put_back(desk.places, activation.id):
        return
    if nobodys or found == activation.schema:
        return
    try:
        schema.fit(desk, activation, desk.releases.require(activation.before), activation.after)
    except DeploymentError:
        if not copies.put_back(desk.places, activation.id):
            raise


def _link(desk: Desk, activation: Activation) -> None:
    _link_release(desk, activation.after)


def _link_former(desk: Desk, activation: Activation) -> None:
    _link_release(desk, activation.before)


def _link_release(desk: Desk, name: str) -> None:
    ours = name not in (LEGACY, NOTHING)
    desk.units.install(desk.releases.require(name).units() if ours else {})
    desk.manager.reload()
    if ours:
        durable.link(desk.places.current, f"releases/{name}")
    else:
        durable.remove(desk.places.current)


def _verify(desk: Desk, activation: Activation) -> str:
    if activation.after == LEGACY:
        return ""
    release = desk.releases.require(activation.after)
    if activation.kind == "restore":
        return "; ".join(verification.settle(desk, release))
    return "; ".join(verification.verify(desk, release, activation.before))


def _arm(desk: Desk, activation: Activation) -> None:
    _arm_release(desk, activation, activation.after)


def _arm_release(desk: Desk, activation: Activation, name: str) -> None:
    if name == LEGACY:
        restore_legacy(desk, activation)
    elif name != NOTHING:
        wanted = armed_on(desk.host, desk.units.installed())
        desk.manager.disable(set(self_starting(desk.units.installed())) - set(wanted))
        desk.manager.enable(wanted)
        idle = [unit.name for unit in desk.manager.states(wanted) if not unit.running]
        if idle:
            raise StepFailed(f"{', '.join(idle)} did not start", "Look at `systemctl status` of it.")


_STOP = Step("stop", _stop, _start_former)
_COPY = Step("backup", _copy, _nothing)
_SWAP = Step("swap", put_restored_in, put_restored_back)
_MIGRATE = Step("migrate", _migrate, _migrate_back)
_LINK = Step("link", _link, _link_former)
_VERIFY = Step("verify", _verify, _nothing)
_ARM = Step("arm", _arm, _unarm)


def steps_of(kind: Kind) -> tuple[Step, ...]:
    """The steps in order. Verified before armed: no timer fires for a release that nobody has looked at.

    A restore keeps the whole former state, be it damaged; the others copy the ledger.
    """
    return (_STOP, _SWAP if kind == "restore" else _COPY, _MIGRATE, _LINK, _VERIFY, _ARM)

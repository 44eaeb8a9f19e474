"""What an operator may ask for: to activate a release, to go back, to go on after a crash."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trader.deployment import clock, guard, schema
from trader.deployment.activation import carry_out
from trader.deployment.backup.restore import Wish, discard
from trader.deployment.backup.switch import prepare_restore
from trader.deployment.desk import Desk
from trader.deployment.errors import Broken, Refused
from trader.deployment.history import LEGACY, Record, active, path_taken
from trader.deployment.journal import Activation, Kind
from trader.deployment.legacy.switch import require_legacy, unmigrated
from trader.deployment.locking import held, taken
from trader.deployment.unit_files import armed_on, self_starting, services

ACTIVATOR = "paper-trading-activate.service"
_LONGEST_S = 1200
_RESUME = "Trading is halted: `trader breaks` lists where ledger and broker differ, then type `trader resume`."
_FORCE = "wait, or force it with a reason, which is recorded (trader_force and trader_reason)"


@dataclass(frozen=True, slots=True)
class Order:
    """To activate `release` (empty, with kind rollback: the one before). `options` is what only one kind needs."""

    release: str
    kind: Kind
    force: bool = False
    reason: str = ""
    options: str = ""


def activate(desk: Desk, order: Order) -> dict[str, Any]:
    """Have the host activate a release, and wait for its end. Raises Refused before anything has changed.

    What an earlier activation left in flight is brought to its end first.
    """
    with held(desk.places.deploy / "lock", desk.by):
        return _activate(desk, order)


def _activate(desk: Desk, order: Order) -> dict[str, Any]:
    if order.force and not order.reason:
        raise Refused("forced without a reason", "Say why: trader_reason.")
    if desk.journal.read():
        _finish(desk)
    before = active(desk.history.records())
    after = order.release or former(desk)
    if after != LEGACY:
        _require_fit(desk, order, after, before)
    if order.kind != "restore" and settled(desk, after):
        return _answer(after, "activated", changed=False)
    _require_legacy_in_order(desk, order, before, after)
    _refuse_now(desk, order.force)
    desk.journal.write(_activation(desk, order, before, after))
    record = _finish(desk)
    changed = record.action == "activated"
    return _answer(active(desk.history.records()), record.action, changed, **_told(record))


@contextmanager
def idle(desk: Desk) -> Iterator[None]:
    """Nobody else is at work on this host during the block, and nothing is in flight. Raises Refused."""
    with held(desk.places.deploy / "lock", desk.by):
        if flying := desk.journal.read():
            remedy = "Run the playbook that began it again: it is brought to its end first."
            raise Refused(f"a change to {flying.after} is in flight", remedy)
        yield


def _answer(name: str, result: str, changed: bool, undone_because: str = "", to_do: str = "") -> dict[str, Any]:
    """What `activate` answers; `to_do` is what the release needs of a person before it can trade."""
    return {
        "changed": changed,
        "active": name,
        "result": result,
        "undone_because": undone_because,
        "to_do": to_do,
    }


def _told(record: Record) -> dict[str, str]:
    return {"undone_because" if record.action == "undone" else "to_do": record.detail}


def restore(desk: Desk, wish: Wish, force: bool, reason: str) -> dict[str, Any]:
    """Have the host go on with a backup, halted, and wait for its end. Raises Refused before anything has changed."""
    with held(desk.places.deploy / "lock", desk.by):
        if desk.journal.read():  # which may still need what an earlier restore has prepared
            _finish(desk)
        name = prepare_restore(desk, wish)
        answer = _activate(desk, Order(name, "restore", force, reason, options=wish.snapshot))
        discard(desk.places)
    if answer["changed"]:
        answer["to_do"] = " ".join(filter(None, (answer["to_do"], _RESUME)))
    return answer


def go_on(desk: Desk) -> dict[str, Any]:
    """Finish or undo what is in flight: what the activate unit runs, at boot as well.

    What was only asked for is dropped when it may not be done now.
    """
    with held(desk.places.deploy / "activator.lock", "the activate unit", wait=True):
        activation = desk.journal.read()
        if activation is None:
            return {"result": "nothing in flight"}
        if activation.phase == "requested" and not activation.forced and (why := objection(desk)):
            desk.history.append(_record(activation, f"{why}, and nothing had been changed"))
            desk.journal.clear()
            return {"result": "dropped", "undone_because": why}
        record = carry_out(desk, activation)
    return {"result": record.action, **_told(record)}


def former(desk: Desk) -> str:
    """Where a rollback without a name goes: the nearest release on the way here that is whole and not void."""
    taken = path_taken(desk.history.records())[:-1]
    for name in reversed(taken):
        if name == LEGACY or (desk.releases[name].finished and desk.releases[name].void is None):
            return name
    raise Refused("there is no release before this one on this host", "Name one: -e trader_release=ID.")


def settled(desk: Desk, name: str) -> bool:
    """Whether this host is as activating the release would leave it."""
    if active(desk.history.records()) != name or name == LEGACY:
        return active(desk.history.records()) == name
    current = desk.places.current
    linked = current.is_symlink() and current.readlink().name == name
    return linked and desk.units.installed() == desk.releases[name].units() and armed_rightly(desk)


def armed_rightly(desk: Desk) -> bool:
    """Whether those timers run that should on this host, and no other."""
    installed = self_starting(desk.units.installed())
    wanted = set(armed_on(desk.host, installed))
    states = desk.manager.states(installed)
    return all((unit.running, unit.enabled == "enabled") == (unit.name in wanted,) * 2 for unit in states)


def objection(desk: Desk) -> str:
    """Why nothing may be changed now; empty when it may. Who holds the right to send is at work, in a unit or not."""
    if any(taken(path) for path in sorted(desk.places.state.glob("orders.*.lock"))):
        return "a process on this host holds the right to send orders"
    installed = desk.units.installed()
    return guard.objection(
        desk.host, clock.now(), desk.manager.states([*self_starting(installed), *services(installed)])
    )


def _require_fit(desk: Desk, order: Order, name: str, before: str) -> None:
    """Raises Refused when the release may not be activated, or the ledger cannot be taken to its schema."""
    release = desk.releases.require(name)
    if release.void is not None and not order.reason and name != before:
        raise Refused(f"release {name} is void: {release.void}", "To go forward to it again, say why: trader_reason.")
    if changed := release.changed_files():
        raise Refused(f"release {name} was changed on this host: {', '.join(changed)}", "Stage it again.")
    if order.kind != "restore":  # which replaces the ledger, be it damaged
        schema.migrator(desk, release, before, schema.found_schema(desk.places.ledger))


def _require_legacy_in_order(desk: Desk, order: Order, before: str, after: str) -> None:
    """Raises Refused unless a hand-made set-up that is armed is what this takes over, and can be taken over now."""
    if order.kind == "migrate" and before in ("", LEGACY):
        require_legacy(desk, order.options, at_work=order.force)
    elif after != LEGACY and (armed := unmigrated(desk)):
        problem = f"a hand-made set-up is on this host ({armed}), and both would trade"
        raise Refused(problem, "Take it over by migrate.yml before a first install, or disable its timers by hand.")


def _refuse_now(desk: Desk, force: bool) -> None:
    if not force and (why := objection(desk)):
        raise Refused(f"nothing is changed now: {why}", f"Then {_FORCE}.".replace("Then wait", "Wait"))


def _activation(desk: Desk, order: Order, before: str, after: str) -> Activation:
    return Activation(
        id=secrets.token_hex(6),
        kind=order.kind,
        before=LEGACY if order.kind == "migrate" and not before else before,
        after=after,
        by=desk.by,
        reason=order.reason,
        forced=order.force,
        schema=schema.told_schema(desk.places.ledger),
        options=order.options,
    )


def _finish(desk: Desk) -> Record:
    """Start the unit that carries it out, and wait until the journal is gone; it goes on whatever becomes of us."""
    flying = desk.journal.read()
    assert flying is not None
    started = desk.manager.start(ACTIVATOR, _LONGEST_S)
    _wait_while(lambda: desk.journal.read() is not None and desk.manager.states([ACTIVATOR])[0].running)
    if desk.journal.read() is not None:
        problem = f"the activation of {flying.after} is neither finished nor undone: {started.said}"
        raise Broken(problem, f"Read `journalctl -u {ACTIVATOR}`, mend it, then run the playbook again.")
    records = desk.history.records()
    return next(record for record in reversed(records) if record.activation == flying.id)


def _wait_while(unfinished: Callable[[], bool]) -> None:
    until_s = clock.ticking_s() + _LONGEST_S
    while unfinished() and clock.ticking_s() < until_s:
        clock.pause(0.2)


def _record(activation: Activation, why: str) -> Record:
    return Record(
        at=clock.stamp(),
        action="undone",
        by=activation.by,
        kind=activation.kind,
        before=activation.before,
        after=activation.after,
        activation=activation.id,
        detail=why,
    )

"""An activation from its journal to its end: every step done, or every one undone. A restart goes on where it stood."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from trader.deployment import clock, copies, schema
from trader.deployment.desk import Desk
from trader.deployment.errors import Broken, DeploymentError
from trader.deployment.history import LEGACY, NOTHING, Record, goes_back
from trader.deployment.journal import Activation
from trader.deployment.steps import Step, steps_of


def carry_out(desk: Desk, activation: Activation) -> Record:
    """Finish the activation, or undo it; its line in the deploy ledger. Raises Broken when neither can be done."""
    if activation.phase != "undoing":
        try:
            for step in _from(activation):
                _note(desk, activation := activation.at(step.name))
                activation = replace(activation, notes=step.do(desk, activation) or activation.notes)
        except (DeploymentError, OSError) as error:
            problem, remedy = _words(error)
            activation = replace(activation, cause=problem, remedy=remedy).back_at(activation.step)
            _note(desk, activation)
    if activation.phase != "undoing":
        return _conclude(desk, activation, "activated")
    return _undo(desk, activation)


def _undo(desk: Desk, activation: Activation) -> Record:
    for step in reversed(list(_up_to(activation))):
        _note(desk, activation := activation.back_at(step.name))
        try:
            step.undo(desk, activation)
        except (DeploymentError, OSError) as error:
            said, remedy = _words(error)
            problem = f"{activation.cause}; and undoing the step {step.name} failed as well: {said}"
            raise Broken(problem, f"{remedy} Nothing is armed; `{desk.places.tool} continue` tries again.") from error
    return _conclude(desk, activation, "undone")


def _words(error: DeploymentError | OSError) -> tuple[str, str]:
    """What went wrong, and what to do: a full disk in the middle of a step is undone as well."""
    if isinstance(error, DeploymentError):
        return error.problem, error.remedy
    return str(error), "Make room, or mend the disk or the rights, then run the playbook again."


def _note(desk: Desk, activation: Activation) -> None:
    """Nothing of the step before is lost once this step is in the journal."""
    os.sync()
    desk.journal.write(activation)


def _from(activation: Activation) -> Iterator[Step]:
    reached = not activation.step
    for step in steps_of(activation.kind):
        reached = reached or step.name == activation.step
        if reached:
            yield step


def _up_to(activation: Activation) -> Iterator[Step]:
    for step in steps_of(activation.kind):
        yield step
        if step.name == activation.step:
            return


def _conclude(desk: Desk, activation: Activation, action: str) -> Record:
    """Write the ledger's line once, void what was rolled back from, and end the journal."""
    records = desk.history.records()
    known = next((each for each in records if each.activation == activation.id), None)
    record = known or Record(
        at=clock.stamp(),
        action=action,
        by=activation.by,
        kind=activation.kind,
        before=activation.before,
        after=activation.after,
        reason=activation.reason,
        forced=activation.forced,
        schema_before=activation.schema,
        schema_after=schema.told_schema(desk.places.ledger),
        activation=activation.id,
        detail=f"{activation.cause}. {activation.remedy}" if action == "undone" else activation.notes,
    )
    if record.action == "undone" and activation.kind == "rollback" and activation.before not in (LEGACY, NOTHING):
        desk.releases[activation.before].unset_void()  # a crash may have come between that mark and the end
    if record.action == "activated":
        _mark(desk, activation, back=activation.kind == "rollback" and goes_back(records, activation.after))
    if known is None:
        desk.history.append(record)
    with suppress(OSError):  # what is left of old copies hinders nobody
        copies.forget_old(desk.places, [each.activation for each in [*records, record] if each.activation])
    desk.journal.clear()
    return record


def _mark(desk: Desk, activation: Activation, back: bool) -> None:
    """Before the ledger's line: with it the path is another, and nothing would say any more that this went back."""
    if activation.after != LEGACY:
        desk.releases[activation.after].unset_void()
    if back and activation.before != LEGACY and desk.releases[activation.before].finished:
        desk.releases[activation.before].set_void(
            f"rolled back at {clock.stamp()}: {activation.reason or 'no reason given'}"
        )

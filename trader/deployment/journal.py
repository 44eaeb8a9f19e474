"""The journal of the activation in flight: enough to finish or undo it after a power loss."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from trader.deployment import durable
from trader.deployment.errors import Broken

Kind = Literal["deploy", "rollback", "retreat", "migrate", "restore"]
"""A retreat goes back as a rollback does, but the release it leaves is not to blame: another host could not take it."""
Phase = Literal["requested", "doing", "undoing"]


@dataclass(frozen=True, slots=True)
class Activation:
    """From one release to another. `step` is the one being done (or undone): it is repeated after a crash.

    `cause` says why it is undone; `schema` is the ledger's before it; `notes` what a person has to do all the same;
    `options` is what only one kind needs.
    """

    id: str
    kind: Kind
    before: str
    after: str
    by: str
    reason: str = ""
    forced: bool = False
    phase: Phase = "requested"
    step: str = ""
    cause: str = ""
    remedy: str = ""
    schema: str = ""
    notes: str = ""
    options: str = ""

    def at(self, step: str) -> "Activation":
        """The same, doing this step."""
        return replace(self, phase="doing", step=step)

    def back_at(self, step: str) -> "Activation":
        """The same, undoing this step."""
        return replace(self, phase="undoing", step=step)


class Journal:
    """The file that holds the activation in flight; absent when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Activation | None:
        """The activation in flight. Raises Broken when the file says nothing clear."""
        try:
            return Activation(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            problem = f"{self._path} is no journal of an activation ({error})"
            raise Broken(problem, "Move it away, then run the install playbook.") from None

    def write(self, activation: Activation) -> None:
        """Put down where it stands, fsynced."""
        durable.write_json(self._path, asdict(activation))

    def clear(self) -> None:
        """It is over."""
        durable.remove(self._path)

"""The deploy ledger: what was done to this host, line by line; which release is active follows from it alone."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trader.deployment import durable

LEGACY = "legacy"
"""The hand-made set-up that was there before us, as the release that a rollback can go back to."""
NOTHING = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One line. `action`: staged, activated, undone, pruned, stopped, backed_up, drilled, restored or uninstalled.

    `before` and `after` name releases; `activation` is the one that this is the end of.
    """

    at: str
    action: str
    by: str
    kind: str = ""
    before: str = NOTHING
    after: str = NOTHING
    reason: str = ""
    forced: bool = False
    schema_before: str = ""
    schema_after: str = ""
    activation: str = ""
    detail: str = ""


class History:
    """The deploy ledger in a file; a line that a crash cut short is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def records(self) -> list[Record]:
        """Every line, oldest first."""
        try:
            lines = self._path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        return [Record(**values) for line in lines if (values := _parsed(line)) is not None]

    def append(self, record: Record) -> None:
        """Write one line, fsynced."""
        durable.append(self._path, json.dumps(asdict(record), sort_keys=True, ensure_ascii=False))


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    known = Record.__dataclass_fields__
    if not isinstance(values, dict) or not {"at", "action", "by"} <= values.keys():
        return None
    return {key: value for key, value in values.items() if key in known}


def path_taken(records: Iterable[Record]) -> tuple[str, ...]:
    """The releases that led to the active one, oldest first, that one last; going back shortens it."""
    taken: list[str] = []
    for record in records:
        if record.action == "uninstalled":
            taken.clear()
        if record.action != "activated" or record.kind == "restore":
            continue
        if record.kind in ("rollback", "retreat") and record.after in taken:
            del taken[taken.index(record.after) + 1 :]
        elif not taken or taken[-1] != record.after:
            if record.kind == "migrate" and not taken:
                taken.append(LEGACY)
            taken.append(record.after)
    return tuple(taken)


def active(records: Iterable[Record]) -> str:
    """The active release; empty before the first."""
    taken = path_taken(records)
    return taken[-1] if taken else NOTHING


def goes_back(records: Iterable[Record], name: str) -> bool:
    """Whether activating this release is a step back on the path, which voids the one that is left."""
    return name in path_taken(records)[:-1]


def by_last_use(records: Iterable[Record]) -> tuple[str, ...]:
    """Every release that was staged or activated, the one used last at the end."""
    used: dict[str, None] = {}
    for record in records:
        if record.action in ("staged", "activated"):
            used.pop(record.after, None)
            used[record.after] = None
    return tuple(used)

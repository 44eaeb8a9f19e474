"""Old releases, removed by what the deploy ledger and their markers say; never by the age of a file."""

import os
from pathlib import Path

from trader.deployment import clock, durable
from trader.deployment.desk import Desk
from trader.deployment.errors import BadInput
from trader.deployment.history import Record, active, by_last_use, path_taken
from trader.deployment.locking import held


def prune(desk: Desk) -> list[str]:
    """Remove what is not needed; the releases removed.

    Kept are the active one, the one before it, what is in flight, what a process still runs, and the last used ones.
    """
    with held(desk.places.deploy / "lock", desk.by):
        doomed = _removable(desk)
        for name in doomed:
            desk.releases.remove(name)
            desk.history.append(Record(clock.stamp(), "pruned", desk.by, before=name))
        durable.remove_leftovers(desk.places.releases)
        _prune_wheelhouses(desk)
    return doomed


def _removable(desk: Desk) -> list[str]:
    records = desk.history.records()
    flying = desk.journal.read()
    taken = path_taken(records)
    used = [name for name in by_last_use(records) if desk.releases[name].finished]
    keep = {active(records), *taken[-2:], *used[max(0, len(used) - desk.host.keep_releases) :]}
    keep |= {flying.before, flying.after} if flying else set()
    keep |= _run_now(desk.places.releases)
    return [release.id for release in desk.releases if release.id not in keep]


def _run_now(releases: Path) -> set[str]:
    """The releases that a live process was started from: its later imports come from there."""
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        inside = (Path(word) for word in words if word.startswith(f"{releases}{os.sep}"))
        found |= {path.relative_to(releases).parts[0] for path in inside if path != releases}
    return found


def _prune_wheelhouses(desk: Desk) -> None:
    directory = desk.places.opt / "wheelhouse"
    used = set()
    for release in desk.releases:
        try:
            used.add(release.manifest.wheelhouse)
        except BadInput:
            continue
    unused = [path for path in directory.iterdir() if path.name not in used] if directory.is_dir() else []
    for path in unused:
        durable.remove_tree(path)
    if unused:  # with them the installer's copies go; what releases share of those stays with them
        durable.remove_tree(desk.places.opt / "cache")

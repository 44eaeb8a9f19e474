"""A backup: everything this host would need to go on elsewhere, but never a key."""

import json
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trader.deployment import clock
from trader.deployment.backup import files
from trader.deployment.backup.files import LEDGER, BackupManifest
from trader.deployment.backup.ledger_copy import Damaged, LedgerFacts, copy_ledger, examine
from trader.deployment.backup.restic import NoRepository, Repository, Saved
from trader.deployment.backup.vault import alone, open_repository, stamp
from trader.deployment.errors import DeploymentError, Refused
from trader.deployment.history import History, Record
from trader.deployment.host import Host
from trader.deployment.places import Places

TREES = ("plans", "models", "reports")
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What was backed up. `ledger`: whole, damaged or empty; `created`: the repository was begun by this backup."""

    snapshot: str
    at: str
    repository: str
    created: bool
    account: str
    release: str
    ledger: str
    schema: str
    rows: int
    head: str
    size: int
    added: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 when the backup is whole and the repository well."""
        return 1 if self.problems else 0


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up: a host with its active release, empty when it has none."""

    places: Places
    host: Host
    release: str


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    facts: LedgerFacts
    problems: tuple[str, ...] = ()


def backup(source: Source, by: str, environ: Mapping[str, str], now: datetime, maintain: bool = True) -> BackupResult:
    """Make a backup; `maintain`: forget old ones and check the repository, too.

    A ledger that is not whole is saved aside, under the tag damaged, and never takes the place of a whole one.
    Raises Refused or BadInput when no backup was made.
    """
    places, began = source.places, clock.ticking_s()
    repository = open_repository(places, source.host, environ)
    with alone(places, "a backup"), files.emptied(places.deploy / "backup") as scratch:
        _require_room(places)
        found = _take_ledger(source, repository, scratch)
        manifest = _take_rest(source, scratch, found, now)
        saved, created = _save(repository, scratch, manifest, now)
        problems = found.problems + (_maintain(source, repository, found.kind) if maintain else ())
    result = BackupResult(
        snapshot=saved.id,
        at=manifest.at,
        repository=repository.keys.masked(repository.place),
        created=created,
        account=manifest.account,
        release=manifest.release,
        ledger=manifest.ledger,
        schema=manifest.schema,
        rows=manifest.rows,
        head=manifest.head,
        size=saved.size,
        added=saved.added,
        seconds=round(clock.ticking_s() - began, 2),
        problems=problems,
    )
    _record(places, by, result)
    return result


def _require_room(places: Places) -> None:
    """Room for the copy and for as much in the repository: a disk that a backup fills is one the ledger cannot use."""
    logs = (places.ledger, places.ledger.with_name(f"{places.ledger.name}-wal"))
    needed = 2 * sum(path.stat().st_size for path in logs if path.exists()) + _SPARE_BYTES
    free = shutil.disk_usage(places.deploy).free
    if free < needed:
        problem = f"{places.deploy}: a backup needs {needed >> 20} MB of room, {free >> 20} MB are left"
        raise Refused(problem, "Make room, then run this again.")


def _take_ledger(source: Source, repository: Repository, scratch: Path) -> _Found:
    ledger, copy = source.places.ledger, scratch / LEDGER
    copy.parent.mkdir(mode=0o700)
    if not ledger.exists():
        return _missing(source, repository, scratch)
    try:
        copy_ledger(ledger, copy)
    except Damaged as error:
        copy.unlink(missing_ok=True)
        _take_aside(ledger, scratch)
        return _Found("damaged", LedgerFacts(), (f"{error.problem}. Restore a backup from before.",))
    facts = examine(copy)
    if facts.problem:
        (scratch / "damaged").mkdir(mode=0o700)
        copy.rename(scratch / "damaged" / copy.name)
        return _Found("damaged", facts, (f"{ledger}: {facts.problem}. Restore a backup from before.",))
    return _Found("whole", facts)


def _missing(source: Source, repository: Repository, scratch: Path) -> _Found:
    """No ledger is nothing unusual before the first session, and a loss after it."""
    name = socket.gethostname()
    with suppress(NoRepository):
        known = repository.snapshots("whole", f"account={source.host.account}")
        if any(snapshot.host == name for snapshot in known):
            _take_aside(source.places.ledger, scratch)
            lost = f"{source.places.ledger} is missing, and was backed up before. Restore a backup."
            return _Found("damaged", LedgerFacts(), (lost,))
    return _Found("empty", LedgerFacts())


def _take_aside(ledger: Path, scratch: Path) -> None:
    """The bytes as they are, for whoever looks into it; a restore never takes them."""
    for name in (ledger.name, f"{ledger.name}-wal"):
        files.gather_file(ledger.with_name(name), scratch / "damaged" / name)


def _take_rest(source: Source, scratch: Path, found: _Found, now: datetime) -> BackupManifest:
    places, release = source.places, source.places.release(source.release)
    for name in (*TREES, *(("bars",) if source.host.backup.bars else ())):
        files.gather_tree(places.state / name, scratch / "state" / name)
    files.gather_file(places.state / "STATE", scratch / "state" / "STATE")
    files.gather_file(places.host_file, scratch / "host.json")
    files.gather_file(places.history, scratch / "deploy" / "ledger.jsonl")
    if source.release:
        for name in ("config", "systemd"):
            files.gather_tree(release / name, scratch / "release" / name)
        for name in ("manifest.json", "requirements.txt"):
            files.gather_file(release / name, scratch / "release" / name)
    manifest = BackupManifest(
        at=stamp(now),
        host=socket.gethostname(),
        account=source.host.account,
        role=source.host.role,
        release=source.release,
        version=_version(scratch / "release" / "manifest.json"),
        ledger=found.kind,
        schema=found.facts.schema,
        rows=found.facts.rows,
        head=found.facts.head,
        files=files.digests(scratch),
    )
    files.write_manifest(scratch, manifest)
    return manifest


def _version(path: Path) -> str:
    """The version of the program in a release's manifest; empty when that says nothing clear."""
    try:
        return str(json.loads(path.read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _save(repository: Repository, scratch: Path, manifest: BackupManifest, now: datetime) -> tuple[Saved, bool]:
    """Make the snapshot, in a new repository when there is none; whether that was so."""
    named = {name: getattr(manifest, name) for name in ("account", "role", "release", "schema")}
    tags = [manifest.ledger, *(f"{name}={value}" for name, value in named.items() if value)]
    try:
        return repository.save(scratch, tags, now), False
    except NoRepository:
        repository.make()
        return repository.save(scratch, tags, now), True


def _maintain(source: Source, repository: Repository, kind: str) -> tuple[str, ...]:
    """What went wrong after the backup was made; the backup is there all the same."""
    try:
        if kind == "whole":
            repository.retain(source.host.backup, source.host.account)
        else:
            repository.retain_aside(source.host.backup, source.host.account)
        repository.check()
    except DeploymentError as error:
        return (f"{error.problem}. {error.remedy}",)
    return ()


def _record(places: Places, by: str, result: BackupResult) -> None:
    detail = f"snapshot {result.snapshot}, ledger {result.ledger}, {result.rows} entries"
    record = Record(
        at=result.at,
        action="backed_up",
        by=by,
        after=result.release,
        schema_after=result.schema,
        reason="; ".join(result.problems),
        detail=detail,
    )
    History(places.history).append(record)

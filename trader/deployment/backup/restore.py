"""A restore, as far as it changes nothing: fetch a backup, prove it, and see that it fits this host."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from trader.deployment import durable
from trader.deployment.backup import files
from trader.deployment.backup.drill import fetch, newest_restorable, prove
from trader.deployment.backup.files import BackupManifest
from trader.deployment.backup.pack import unpack
from trader.deployment.backup.restic import Repository
from trader.deployment.backup.restic_keys import read_keys
from trader.deployment.backup.vault import alone, open_repository, repository_at
from trader.deployment.errors import Refused
from trader.deployment.host import Host
from trader.deployment.places import Places

_READY = "READY"
_UNCHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class RestoreReady:
    """A proved backup in `path`, from which it is swapped in; `release` is the one that was active when it was made."""

    path: str
    snapshot: str
    at: str
    host: str
    account: str
    release: str
    version: str
    schema: str
    rows: int
    head: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Which backup: a snapshot's id or `latest`, of this host's repository, of another, or of a copy in one file."""

    snapshot: str = "latest"
    repository: str = ""
    file: Path | None = None


def prepare(places: Places, host: Host, wish: Wish, schema_max: str, environ: Mapping[str, str]) -> RestoreReady:
    """Put the backup in place for the swap, proved; `schema_max` is the newest schema the active release knows.

    Raises Refused or BadInput before anything has changed, when it is damaged, of another account, or of a newer
    schema than that.
    """
    with alone(places, "a restore"), files.room(places.deploy):
        staging = places.deploy / "restore"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        try:
            ready = _prepare(places, host, wish, schema_max, environ)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        shutil.rmtree(staging / "repository", ignore_errors=True)
        files.settle(Path(ready.path))
        durable.write_json(staging / _READY, asdict(ready))
        return ready


def prepared(places: Places) -> RestoreReady:
    """What `prepare` has put in place. Raises Refused when there is nothing."""
    file = places.deploy / "restore" / _READY
    try:
        return RestoreReady(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        raise Refused("no backup is prepared to be restored", "Run the restore playbook.") from None


def discard(places: Places) -> None:
    """Remove what `prepare` has put in place."""
    durable.remove_tree(places.deploy / "restore")


def _prepare(places: Places, host: Host, wish: Wish, schema_max: str, environ: Mapping[str, str]) -> RestoreReady:
    staging = places.deploy / "restore"
    repository = _repository(places, host, wish, environ)
    snapshot = wish.snapshot
    if snapshot == "latest":
        known = repository.snapshots(f"account={host.account}")
        snapshot = newest_restorable([each for each in known if each.tag("role") != "standby"]).id
    elif not (snapshot.isalnum() and snapshot.isascii()):
        raise Refused(f"{snapshot!r} is no snapshot", "Give its id, or latest.")
    staged = staging / "staged"
    staged.mkdir(mode=0o700)
    manifest = fetch(repository, snapshot, staged)
    _require_fitting(host, manifest, schema_max)
    facts, problems = prove(staged, manifest)
    if problems:
        raise Refused(f"snapshot {snapshot} is damaged: {'; '.join(problems)}", f"{_UNCHANGED} Restore an older one.")
    return RestoreReady(
        path=str(staged),
        snapshot=snapshot,
        at=manifest.at,
        host=manifest.host,
        account=manifest.account,
        release=manifest.release,
        version=manifest.version,
        schema=facts.schema,
        rows=facts.rows,
        head=facts.head,
    )


def _repository(places: Places, host: Host, wish: Wish, environ: Mapping[str, str]) -> Repository:
    if wish.file is not None:
        unpacked = places.deploy / "restore" / "repository"
        unpacked.mkdir(mode=0o700)
        unpack(wish.file, unpacked)
        return repository_at(str(unpacked), read_keys(places.credentials, environ), places, shared=False)
    if wish.repository:
        return repository_at(wish.repository, read_keys(places.credentials, environ), places)
    return open_repository(places, host, environ)


def _require_fitting(host: Host, manifest: BackupManifest, schema_max: str) -> None:
    if manifest.account != host.account:
        problem = f"the backup is of account {manifest.account!r}, this host trades {host.account!r}"
        raise Refused(problem, f"{_UNCHANGED} Restore it on a host of that account.")
    if manifest.ledger != "whole":
        problem = f"the backup's ledger is {manifest.ledger}"
        raise Refused(problem, f"{_UNCHANGED} Take an older one; `restic snapshots --tag whole` lists them.")
    if manifest.schema > schema_max:
        problem = f"the backup's ledger has schema {manifest.schema}, the active release knows {schema_max or 'none'}"
        made = f"{manifest.release} (version {manifest.version or 'unknown'})"
        raise Refused(problem, f"{_UNCHANGED} Install the release that made it, {made}, or a newer one, first.")

"""New credentials: proved before the old ones go."""

import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from trader.deployment import clock, durable
from trader.deployment.backup.restic import NoRepository
from trader.deployment.backup.restic_keys import read_keys
from trader.deployment.backup.vault import repository_at
from trader.deployment.broker import PAPER, Broker
from trader.deployment.credential_files import alpaca_keys, read_credentials
from trader.deployment.desk import Desk
from trader.deployment.errors import DeploymentError, Refused
from trader.deployment.history import LEGACY, NOTHING, Record, active
from trader.deployment.locking import held
from trader.deployment.releases import Release
from trader.deployment.verification import STANDING, failed_checks

_KEPT = "The old ones are still in use; correct the new ones in the inventory, then run the playbook again."


def rotate(desk: Desk, incoming: Path, names: Iterable[str]) -> list[str]:
    """Have these of the files in `incoming` take the place of those on the host; the names of those that differed.

    Raises Refused when the new ones do not work; the old ones are then as they were. `incoming` is gone in any case,
    and so is what a run that was killed left in it.
    """
    with held(desk.places.deploy / "lock", desk.by):
        try:
            files = [incoming / f"{name}.env" for name in sorted(names)]
            new = [path for path in files if _differs(desk, path)]
            for path in new:
                read_credentials(path)
            _prove(desk, incoming, {path.stem for path in new})
            for path in new:
                durable.write(desk.places.credentials / path.name, path.read_bytes(), 0o600)
        finally:
            durable.remove_tree(incoming)
        rotated = [path.stem for path in new]
        if rotated:
            desk.history.append(Record(clock.stamp(), "rotated", desk.by, detail=", ".join(rotated)))
    return rotated


def _differs(desk: Desk, path: Path) -> bool:
    present = desk.places.credentials / path.name
    alone = present.exists() and stat.S_IMODE(present.stat().st_mode) == 0o600
    return not alone or present.read_bytes() != path.read_bytes()


def _prove(desk: Desk, incoming: Path, names: set[str]) -> None:
    try:
        if "restic" in names:
            _open_backups(desk, incoming)
        if "alpaca" in names:
            _open_account(desk, incoming / "alpaca.env")
        release = active(desk.history.records())
        if names - {"restic"} and release not in (NOTHING, LEGACY):
            _preflight(desk, incoming, desk.releases.require(release))
    except DeploymentError as error:
        raise Refused(f"the new credentials {', '.join(sorted(names))} do not work: {error.problem}", _KEPT) from error


def _preflight(desk: Desk, incoming: Path, release: Release) -> None:
    """Raises Refused when the next session would fail on the new ones, and not on the old ones as well."""
    failed = failed_checks(replace(desk, sandbox=replace(desk.sandbox, credentials=incoming)), release)
    if failed.keys() - STANDING and (theirs := failed.keys() - STANDING - failed_checks(desk, release).keys()):
        raise Refused("; ".join(f"{name}: {failed[name]}" for name in sorted(theirs)), _KEPT)


def _open_backups(desk: Desk, incoming: Path) -> None:
    keys = read_keys(incoming, {})
    place = keys.repository or desk.host.backup.repository or str(desk.places.backups / "repository")
    with suppress(NoRepository):
        repository_at(place, keys, desk.places).snapshots()


def _open_account(desk: Desk, path: Path) -> None:
    """The broker takes the new keys, and they are of the account whose ledger this is, as far as the old ones tell."""
    url = desk.broker_url.rstrip("/") or PAPER
    number = Broker(url, *alpaca_keys(path)).account()
    known = ""
    with suppress(DeploymentError):
        known = Broker(url, *alpaca_keys(desk.places.credentials / path.name)).account()
    if known not in ("", number):
        raise Refused(f"they open account {number}, the old ones {known}", _KEPT)

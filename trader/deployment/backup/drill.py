"""The restore drill: proves that the newest backup can be restored, and that it is new."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from trader.deployment import clock
from trader.deployment.backup import files
from trader.deployment.backup.files import LEDGER, BackupManifest
from trader.deployment.backup.ledger_copy import GENESIS, LedgerFacts, examine
from trader.deployment.backup.restic import Repository, Snapshot
from trader.deployment.backup.vault import alone, open_repository, stamp
from trader.deployment.errors import DeploymentError, Refused
from trader.deployment.history import History, Record
from trader.deployment.host import Host
from trader.deployment.places import Places

LIMIT_H = 26.0
_AHEAD = timedelta(minutes=5)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What the drill found. `age_h`: the backup's, without Saturdays and Sundays."""

    snapshot: str
    at: str
    age_h: float
    limit_h: float
    release: str
    ledger: str
    schema: str
    rows: int
    head: str
    files: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 when the newest backup can be restored."""
        return 1 if self.problems else 0


def drill(
    places: Places,
    host: Host,
    by: str,
    environ: Mapping[str, str],
    now: datetime,
    limit_h: float = LIMIT_H,
    hostname: str = "",
) -> DrillResult:
    """Restore the newest backup of this host to a scratch directory, prove it whole, and write down how it went.

    Raises DeploymentError when there is none, or when it cannot be restored.
    """
    try:
        result = _drilled(places, host, environ, now, limit_h, hostname or socket.gethostname())
    except DeploymentError as error:
        failed = Record(at=stamp(now), action="drilled", by=by, reason=error.problem, detail="nothing was restored")
        History(places.history).append(failed)
        raise
    record = Record(
        at=stamp(now),
        action="drilled",
        by=by,
        after=result.release,
        schema_after=result.schema,
        reason="; ".join(result.problems),
        detail=f"snapshot {result.snapshot} of {result.at}, {result.files} files, {result.rows} entries",
    )
    History(places.history).append(record)
    return result


def _drilled(
    places: Places, host: Host, environ: Mapping[str, str], now: datetime, limit_h: float, hostname: str
) -> DrillResult:
    began = clock.ticking_s()
    repository = open_repository(places, host, environ)
    with alone(places, "a restore drill"), files.emptied(places.deploy / "drill") as scratch:
        mine = [each for each in repository.snapshots(f"account={host.account}") if each.host == hostname]
        newest = newest_restorable(mine)
        manifest = fetch(repository, newest.id, scratch)
        facts, problems = prove(scratch, manifest)
    age = weekday_age(datetime.fromisoformat(manifest.at), now, ZoneInfo(host.timezone))
    return DrillResult(
        snapshot=newest.id,
        at=manifest.at,
        age_h=round(age / timedelta(hours=1), 2),
        limit_h=limit_h,
        release=manifest.release,
        ledger=manifest.ledger,
        schema=facts.schema,
        rows=facts.rows,
        head=facts.head,
        files=len(manifest.files),
        seconds=round(clock.ticking_s() - began, 2),
        problems=(*problems, *_too_old(age, limit_h), *_only_damaged_since(mine, newest)),
    )


def newest_restorable(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The newest that is of no damaged ledger. Raises Refused when there is none."""
    usable = [each for each in snapshots if "damaged" not in each.tags]
    if not usable:
        what = "no backup of this account" if not snapshots else "no backup but of damaged ledgers"
        raise Refused(f"there is {what} in the repository", "Make a backup, or name another repository.")
    return usable[-1]


def fetch(repository: Repository, snapshot: str, directory: Path) -> BackupManifest:
    """Restore the snapshot into the directory; its manifest. Raises DeploymentError for a damaged one."""
    with files.room(directory):
        repository.restore(snapshot, directory)
    return files.read_manifest(directory)


def prove(directory: Path, manifest: BackupManifest) -> tuple[LedgerFacts, tuple[str, ...]]:
    """What the restored ledger holds, and everything about the backup that is not as its manifest says."""
    found = files.digests(directory)
    names = sorted(found.keys() | manifest.files.keys())
    wrong = [name for name in names if found.get(name) != manifest.files.get(name)]
    problems = [f"{name} is not as it was backed up" for name in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        problems.append(f"so are {len(wrong) - _SHOWN} other files")
    facts = examine(directory / LEDGER) if manifest.ledger == "whole" else LedgerFacts()
    if facts.problem:
        problems.append(f"the ledger cannot be used: {facts.problem}")
    if facts.rows < manifest.rows:
        problems.append(f"the ledger has {facts.rows} entries, {manifest.rows} were backed up")
    if (facts.schema, facts.head) != (manifest.schema, manifest.head or GENESIS):
        problems.append("the ledger's schema or newest entry is another than was backed up")
    return facts, tuple(problems)


def weekday_age(at: datetime, now: datetime, zone: ZoneInfo) -> timedelta:
    """The time between the two without Saturdays and Sundays, when no backup is due; below zero when `at` is ahead."""
    if now < at:
        return now - at
    begin, end = (instant.astimezone(zone).replace(tzinfo=None) for instant in (at, now))
    age, day = timedelta(), begin.date()
    while day <= end.date():
        midnight = datetime.combine(day, time())
        if day.weekday() < 5:
            age += min(end, midnight + timedelta(days=1)) - max(begin, midnight)
        day += timedelta(days=1)
    return age


def _too_old(age: timedelta, limit_h: float) -> tuple[str, ...]:
    if age < -_AHEAD:
        return ("the newest backup is from the future: set this host's clock",)
    if age > timedelta(hours=limit_h):
        hours = age / timedelta(hours=1)
        return (f"the newest whole backup is {hours:.1f} h old, {limit_h:.0f} h at most is well: look at the backups",)
    return ()


def _only_damaged_since(snapshots: Sequence[Snapshot], newest: Snapshot) -> tuple[str, ...]:
    later = [each for each in snapshots if each.at > newest.at]
    return (f"{len(later)} backups since found the ledger damaged: restore one from before",) if later else ()

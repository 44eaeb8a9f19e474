"""A host as it is installed, in a directory, with a ledger that the program wrote, and its backups."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from subprocess import run

from tests.support.clocks import ManualClock
from tests.support.days import DAY, plan, whole_day
from trader.adapters import durable
from trader.adapters.ledger import open_ledger
from trader.adapters.plan_files import PlanFiles
from trader.adapters.state_file import StateFile
from trader.deployment.backup.making import BackupResult, Source, backup
from trader.deployment.history import History, Record
from trader.deployment.host import Host
from trader.deployment.places import Places
from trader.domain.journal import TradingState

NOW = datetime(2026, 3, 17, 21, 30, tzinfo=UTC)
"""A Tuesday."""
PASSWORD = "correct-horse+battery/staple="
BROKER_SECRET = "planted-broker-secret"
HOST = Host(scope="system", account="main")
RELEASE = "0123456789ab"
ENTRIES = len(whole_day())


def require_restic() -> None:
    """Fail clearly where restic is missing."""
    assert shutil.which("restic"), "restic is missing (apt-get install restic)"


def places(root: Path) -> Places:
    """An installation below `root`."""
    return Places(**{name: root / name for name in Places.__dataclass_fields__})


def install(root: Path) -> Places:
    """A host that has traded a day."""
    found = places(root)
    for directory in (found.etc, found.credentials, found.state, found.deploy, found.backups):
        directory.mkdir(parents=True, mode=0o700)
    found.host_file.write_text(json.dumps({"scope": "system", "account": "main"}))
    write_credentials(found, "alpaca", f"ALPACA_SECRET_KEY={BROKER_SECRET}")
    write_credentials(found, "restic", f"RESTIC_PASSWORD={PASSWORD}")
    History(found.history).append(Record("2026-03-16T09:00:00+00:00", "activated", "ann", after=RELEASE))
    _release(found.release(RELEASE))
    ledger = open_ledger(found.ledger, ManualClock())
    ledger.append(*whole_day())
    ledger.close()
    PlanFiles(found.state / "plans", "main", "xgb").write(plan(DAY))
    durable.replace(found.state / "models" / "a1b2" / "model.ubj", b"trees")
    durable.replace(found.state / "models" / "promotions.jsonl", b"a1b2\n")
    durable.replace(found.state / "reports" / "20260316.html", b"<p>a day</p>")
    durable.replace(found.state / "bars" / "2026.parquet", b"bars")
    durable.replace(found.state / "orders.main.lock", b"nobody")
    StateFile(found.state / "STATE").write(TradingState.ACTIVE, "")
    return found


def _release(path: Path) -> None:
    durable.replace(path / "manifest.json", json.dumps({"id": path.name, "version": "0.1.0"}).encode())
    durable.replace(path / "config" / "execution.yaml", b"execution: {}\n")
    durable.replace(path / "config" / "alpaca_credentials.yaml", f"secret_key: {BROKER_SECRET}\n".encode())
    durable.replace(path / "systemd" / "paper-trading-session.service", b"[Service]\n")
    durable.replace(path / "venv" / "bin" / "trader", b"#!\n")


def write_credentials(found: Places, name: str, *lines: str) -> None:
    """Write a file of credentials."""
    path = found.credentials / f"{name}.env"
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(0o600)


def back_up(
    found: Places, now: datetime = NOW, maintain: bool = False, environ: Mapping[str, str] | None = None, **host: object
) -> BackupResult:
    """Back the host up, of which `host` is another than usual."""
    source = Source(found, replace(HOST, **host), RELEASE)
    return backup(source, "ann", environ or {}, now, maintain)


def restic(found: Places, *arguments: str, repository: Path | None = None) -> str:
    """What restic itself says about the host's repository."""
    environ = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    place = repository or found.backups / "repository"
    command = ["restic", "--no-cache", "--repo", str(place), *arguments]
    return run(command, env=environ, check=True, capture_output=True, text=True).stdout


def tags(found: Places) -> list[set[str]]:
    """The tags of each snapshot, oldest first."""
    return [set(each["tags"]) for each in json.loads(restic(found, "snapshots", "--json"))]


def copied(found: Places, root: Path) -> Places:
    """The same host in another directory."""
    shutil.copytree(found.etc.parent, root)
    return places(root)


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below the directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def tamper(ledger: Path, script: str) -> None:
    """Change a ledger as its own triggers would not allow."""
    unguard = "".join(f"DROP TRIGGER IF EXISTS journal_{act};" for act in ("update", "delete", "insert"))
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript(unguard + script)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of this size; needs root."""
    directory.mkdir(exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        run(["umount", str(directory)], check=True)

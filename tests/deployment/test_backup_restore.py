"""Drills, copies of the repository in one file, and restores up to the swap: what is proved, and what is refused."""

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support import backups
from tests.support.backups import ENTRIES, HOST, NOW, PASSWORD, RELEASE, back_up, contents, copied, tamper
from trader.adapters.ledger.revisions import REVISIONS
from trader.deployment.backup.drill import DrillResult, drill, weekday_age
from trader.deployment.backup.pack import PackResult, pack
from trader.deployment.backup.restore import RestoreReady, Wish, discard, prepare, prepared
from trader.deployment.errors import BadInput, DeploymentError, Refused
from trader.deployment.history import History
from trader.deployment.host import Host
from trader.deployment.places import Places

NEWEST = REVISIONS[-1]
SOON = NOW + timedelta(hours=1)
CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A host with one backup; not to be changed."""
    backups.require_restic()
    found = backups.install(tmp_path_factory.mktemp("backed_up") / "host")
    assert back_up(found).exit_code == 0
    return found


@pytest.fixture(scope="module")
def packed(backed_up: Places, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of its repository in one file; not to be changed."""
    return Path(shutil.copy(packing(backed_up).path, tmp_path_factory.mktemp("packed") / "backups.tar"))


@pytest.fixture
def host(backed_up: Places, tmp_path: Path) -> Places:
    return copied(backed_up, tmp_path / "host")


@pytest.fixture
def other(tmp_path: Path) -> Places:
    """A new host that has the password, and no ledger."""
    found = backups.places(tmp_path / "other")
    for directory in (found.credentials, found.state, found.deploy):
        directory.mkdir(parents=True, mode=0o700)
    backups.write_credentials(found, "restic", f"RESTIC_PASSWORD={PASSWORD}")
    return found


def drilling(found: Places, now: datetime = SOON, name: str = "", limit_h: float = 26) -> DrillResult:
    return drill(found, HOST, "ann", {}, now, limit_h, name)


def packing(found: Places) -> PackResult:
    return pack(found, HOST, {})


def preparing(found: Places, wish: Wish | None = None, schema_max: str = NEWEST, host: Host = HOST) -> RestoreReady:
    return prepare(found, host, wish or Wish(), schema_max, {})


def test_a_drill_restores_the_newest_backup_and_is_written_down(host: Places) -> None:
    result = drilling(host)
    assert (result.exit_code, result.problems) == (0, ())
    assert (result.rows, result.schema, result.release, result.age_h) == (ENTRIES, NEWEST, RELEASE, 1.0)
    assert result.files == 11
    last = History(host.history).records()[-1]
    assert (last.action, last.by, last.reason) == ("drilled", "ann", "")
    assert result.snapshot in last.detail
    assert not (host.deploy / "drill").exists()


def test_a_drill_tells_an_old_backup_and_one_from_the_future(host: Places) -> None:
    old = drilling(host, NOW + timedelta(hours=26, minutes=6))
    assert old.exit_code == 1
    assert "26.1 h old, 26 h at most is well" in old.problems[0]
    assert "26.1 h old" in History(host.history).records()[-1].reason
    assert drilling(host, NOW + timedelta(hours=26, minutes=6), limit_h=27).exit_code == 0
    assert "from the future" in drilling(host, NOW - timedelta(hours=1)).problems[0]


def test_without_a_backup_of_this_host_a_drill_says_so(host: Places) -> None:
    with pytest.raises(Refused, match="there is no backup of this account in the repository"):
        drilling(host, name="another")
    shutil.rmtree(host.backups / "repository")
    with pytest.raises(Refused, match="there is no repository at"):
        drilling(host)


def test_a_drill_proves_the_last_whole_backup_and_tells_that_later_ones_are_not(host: Places) -> None:
    tamper(host.ledger, "UPDATE journal SET at = '2026-03-16T13:30:01+00:00' WHERE seq = 7")
    back_up(host, SOON)
    result = drilling(host, SOON)
    assert (result.rows, result.ledger) == (ENTRIES, "whole")
    assert result.problems == ("1 backups since found the ledger damaged: restore one from before",)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, Path.unlink])
@pytest.mark.parametrize("what", ["data", "snapshots", "index"])
def test_a_damaged_repository_fails_the_drill_and_the_restore(
    host: Places, what: str, damage: Callable[[Path], None]
) -> None:
    found = [path for path in (host.backups / "repository" / what).rglob("*") if path.is_file()]
    damage(max(found, key=lambda path: path.stat().st_size))
    with pytest.raises(DeploymentError):
        drilling(host)
    assert History(host.history).records()[-1].reason
    if (what, damage) == ("data", Path.unlink):
        return  # restic asks most of a minute for a pack that is gone: once is enough
    before = contents(host.state)
    with pytest.raises(DeploymentError):
        preparing(host)
    assert contents(host.state) == before
    assert not (host.deploy / "restore").exists()


def test_a_damaged_backup_is_not_passed_over_for_an_older_one(host: Places) -> None:
    (older,) = (host.backups / "repository" / "snapshots").iterdir()
    back_up(host, SOON)
    flip(next(path for path in older.parent.iterdir() if path != older))
    for work in (drilling, preparing):
        with pytest.raises(DeploymentError, match=r"could not load snapshot .* name a backup to restore by its id"):
            work(host)
    assert preparing(host, Wish(older.name[:8])).at == "2026-03-17T21:30:00+00:00"


def _chicago(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


@pytest.mark.parametrize(
    ("at", "now", "hours"),
    [
        ("2026-03-17T16:00", "2026-03-18T16:30", 24.5),
        ("2026-03-20T16:00", "2026-03-23T16:30", 24.5),  # from Friday to Monday
        ("2026-03-21T10:00", "2026-03-22T10:00", 0.0),  # Saturday to Sunday
        ("2026-03-21T10:00", "2026-03-23T02:00", 2.0),
        ("2026-03-20T16:00", "2026-03-20T16:00", 0.0),
        ("2026-03-09T16:00", "2026-03-23T16:00", 240.0),
    ],
)
def test_weekends_do_not_make_a_backup_older(at: str, now: str, hours: float) -> None:
    assert weekday_age(_chicago(at).astimezone(UTC), _chicago(now).astimezone(UTC), CHICAGO) == timedelta(hours=hours)


def test_a_copy_in_one_file_is_made_anew_only_when_there_is_a_new_backup(host: Places) -> None:
    first = packing(host)
    written = Path(first.path).stat().st_mtime_ns
    again = packing(host)
    assert (first.changed, again.changed) == (True, False)
    assert (again.path, again.sha256, again.snapshots) == (first.path, first.sha256, 1)
    assert Path(first.path).stat().st_mtime_ns == written
    assert Path(first.path).parent.stat().st_mode & 0o077 == 0
    back_up(host, SOON)
    third = packing(host)
    assert (third.changed, third.snapshots) == (True, 2)
    assert [path.name for path in Path(third.path).parent.glob("*.tar")] == [Path(third.path).name]
    assert PASSWORD.encode() not in Path(third.path).read_bytes()


def test_without_a_repository_on_this_host_there_is_nothing_to_copy(other: Places) -> None:
    with pytest.raises(Refused, match=r"there is no repository at .*Make a backup first"):
        packing(other)
    with pytest.raises(Refused, match="the repository is not on this host"):
        pack(other, replace(HOST, backup=replace(HOST.backup, repository="s3:https://s3.example/b")), {})


def test_a_new_host_takes_a_copy_over(other: Places, packed: Path) -> None:
    ready = preparing(other, Wish(file=packed))
    assert (ready.rows, ready.schema, ready.account, ready.release) == (ENTRIES, NEWEST, "main", RELEASE)
    assert prepared(other) == ready
    assert contents(other.state) == {}
    assert (Path(ready.path) / "state" / "plans" / "20260316.main.xgb.json").exists()
    assert not (other.deploy / "restore" / "repository").exists()
    discard(other)
    with pytest.raises(Refused, match="no backup is prepared"):
        prepared(other)


def _halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _without_end(content: bytes) -> bytes:
    return content[:-10240]


def _scrambled(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(each ^ 0x5A for each in content[middle : middle + 64]) + content[middle + 64 :]


def _foreign(_content: bytes) -> bytes:
    return b"PK\x03\x04" * 5120


def _nothing(_content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [_halved, _without_end, _scrambled, _foreign, _nothing])
def test_a_damaged_copy_is_refused_before_anything_changes(
    host: Places, packed: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(damage(packed.read_bytes()))
    before = contents(host.state)
    with pytest.raises(DeploymentError) as caught:
        preparing(host, Wish(file=broken))
    assert caught.value.remedy
    assert contents(host.state) == before
    assert not (host.deploy / "restore").exists()


def test_a_copy_that_broke_off_between_two_snapshots_is_refused(host: Places, tmp_path: Path) -> None:
    back_up(host, SOON)
    content = Path(packing(host).path).read_bytes()
    broken = tmp_path / "broken.tar"
    broken.write_bytes(content[: content.rindex(b"snapshots/") // 512 * 512])
    with tarfile.open(broken) as tar:
        assert sum(member.name.startswith("snapshots/") for member in tar) == 1
    with pytest.raises(Refused, match="is damaged or cut short"):
        preparing(host, Wish(file=broken))


def test_a_copy_that_reaches_out_of_its_directory_is_refused(other: Places, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    for name, kind in (("../outside", tarfile.REGTYPE), ("/etc/outside", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)):
        with tarfile.open(bad, "w") as tar:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc"
            tar.addfile(member)
        with pytest.raises(Refused, match="does not belong into a copy"):
            preparing(other, Wish(file=bad))
    assert not (other.deploy / "outside").exists()


def test_with_another_password_nothing_is_read(other: Places, packed: Path) -> None:
    backups.write_credentials(other, "restic", "RESTIC_PASSWORD=another-one")
    with pytest.raises(BadInput, match="does not open"):
        preparing(other, Wish(file=packed))


def test_a_backup_of_another_account_is_refused(host: Places) -> None:
    snapshot = json.loads(backups.restic(host, "snapshots", "--json"))[0]["short_id"]
    second = replace(HOST, account="second")
    with pytest.raises(Refused, match="the backup is of account 'main', this host trades 'second'"):
        preparing(host, Wish(snapshot), host=second)
    with pytest.raises(Refused, match="no backup of this account"):
        preparing(host, host=second)


def test_a_ledger_newer_than_the_active_release_names_the_release_to_install(host: Places) -> None:
    with pytest.raises(
        Refused, match=rf"has schema {NEWEST}, .* knows 0000\. .*that made it, {RELEASE} \(version 0\.1\.0\)"
    ):
        preparing(host, schema_max="0000")


def test_the_newest_backup_is_that_of_a_host_that_trades(host: Places) -> None:
    back_up(host, SOON, role="standby")
    ready = preparing(host)
    assert ready.at == "2026-03-17T21:30:00+00:00"
    last = json.loads(backups.restic(host, "snapshots", "--json"))[-1]["short_id"]
    assert preparing(host, Wish(last)).at == "2026-03-17T22:30:00+00:00"


@pytest.mark.parametrize("name", ["feedbeef", "--help", "latest:/x", ""])
def test_a_snapshot_that_is_not_there_is_told(host: Places, name: str) -> None:
    with pytest.raises(DeploymentError, match=name or "no snapshot"):
        preparing(host, Wish(name))


def test_a_backup_of_a_damaged_ledger_is_not_restored_even_by_its_name(host: Places) -> None:
    host.ledger.write_bytes(b"")
    damaged = back_up(host, SOON).snapshot
    with pytest.raises(Refused, match="the backup's ledger is damaged"):
        preparing(host, Wish(damaged))
    assert preparing(host).rows == ENTRIES


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a file system")
def test_a_restore_without_room_changes_nothing(other: Places, packed: Path) -> None:
    with backups.small_disk(other.deploy, "100k"):
        with pytest.raises(DeploymentError, match="Make room"):
            preparing(other, Wish(file=packed))
        assert [path.name for path in other.deploy.iterdir()] == ["backup.lock"]

"""Backups by the real restic of a ledger that the program wrote: what is in them, what is kept, what is refused."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import backups
from tests.support.backups import BROKER_SECRET, ENTRIES, NOW, PASSWORD, RELEASE, back_up, copied, restic, tags, tamper
from trader.deployment.backup import vault
from trader.deployment.backup.drill import fetch
from trader.deployment.backup.vault import alone
from trader.deployment.errors import BadInput, Refused
from trader.deployment.history import History
from trader.deployment.host import BackupPolicy
from trader.deployment.places import Places

ROOT = Path(__file__).parents[2]
IN_A_CHILD = "from tests.support.backups import *; back_up(places(Path(sys.argv[1])))"


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A host with one backup; not to be changed."""
    backups.require_restic()
    found = backups.install(tmp_path_factory.mktemp("backed_up") / "host")
    result = back_up(found, maintain=True)
    assert (result.exit_code, result.created) == (0, True)
    return found


@pytest.fixture
def host(backed_up: Places, tmp_path: Path) -> Places:
    return copied(backed_up, tmp_path / "host")


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has what each restic is given written down, then it runs; the file."""
    real = subprocess.run(["which", "restic"], capture_output=True, text=True, check=True).stdout.strip()
    seen = tmp_path / "seen"
    _program(
        tmp_path / "bin" / "restic",
        f'tr "\\0" "\\n" < /proc/$$/environ >> {seen}\necho "$@" >> {seen}\nexec {real} "$@"',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return seen


def _program(path: Path, script: str) -> None:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def writer(host: Places) -> Iterator[Callable[[], int]]:
    """A process that appends to the ledger; ended by the call, which answers how many entries it wrote."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(APPENDING), str(host.ledger)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "writing\n"

    def end() -> int:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        return int(out)

    yield end
    process.kill()
    process.wait()


APPENDING = """
    import signal, sys
    from pathlib import Path
    from tests.support.clocks import ManualClock
    from tests.support.days import filled, intended, key
    from trader.adapters.ledger import open_ledger
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    ledger, written = open_ledger(Path(sys.argv[1]), ManualClock()), 0
    while not stopped:
        each = key("KO", sequence=written)
        written += len(ledger.append(intended(each), filled(each, f"more-{written}")))
        if written == 2:
            print("writing", flush=True)
    ledger.verify()
    ledger.close()
    print(written)
"""


def test_a_backup_holds_what_the_host_needs_elsewhere_and_no_key(backed_up: Places, tmp_path: Path) -> None:
    restic(backed_up, "restore", "latest", "--target", str(tmp_path))
    found = backups.contents(tmp_path)
    assert set(found) == {
        "manifest.json",
        "host.json",
        "deploy/ledger.jsonl",
        "release/manifest.json",
        "release/config/execution.yaml",
        "release/systemd/paper-trading-session.service",
        "state/ledger.db",
        "state/STATE",
        "state/models/a1b2/model.ubj",
        "state/models/promotions.jsonl",
        "state/plans/20260316.main.xgb.json",
        "state/reports/20260316.html",
    }
    assert found["state/STATE"] == (backed_up.state / "STATE").read_bytes()
    assert not any(BROKER_SECRET.encode() in content or PASSWORD.encode() in content for content in found.values())
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.db")) as ledger:
        assert ledger.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert ledger.execute("SELECT COUNT(*) FROM journal").fetchone() == (ENTRIES,)


def test_the_result_is_what_the_backup_says_of_itself(host: Places, tmp_path: Path) -> None:
    result = back_up(host, NOW + timedelta(hours=1))
    assert (result.ledger, result.rows, result.account, result.release) == ("whole", ENTRIES, "main", RELEASE)
    with closing(sqlite3.connect(host.ledger)) as ledger:
        head = ledger.execute("SELECT hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        (schema,) = ledger.execute("SELECT version_num FROM alembic_version").fetchone()
    assert (result.head,) == head
    assert tags(host)[-1] == {"whole", "account=main", "role=primary", f"release={RELEASE}", f"schema={schema}"}
    manifest = fetch(_repository(host), result.snapshot, tmp_path / "restored")
    assert manifest.version == "0.1.0"
    assert manifest.at == "2026-03-17T22:30:00+00:00"
    assert all(value is not None for value in asdict(result).values())


def _repository(host: Places) -> vault.Repository:
    return vault.open_repository(host, backups.HOST, {})


def test_bars_are_taken_where_the_host_wants_them(host: Places) -> None:
    result = back_up(host, NOW + timedelta(hours=1), backup=BackupPolicy(bars=True))
    assert "/state/bars/2026.parquet" in restic(host, "ls", result.snapshot)


def test_a_backup_is_written_down_and_leaves_nothing_behind(backed_up: Places) -> None:
    last = History(backed_up.history).records()[-1]
    assert (last.action, last.by, last.after) == ("backed_up", "ann", RELEASE)
    assert {path.name for path in backed_up.deploy.iterdir()} == {"ledger.jsonl", "backup.lock"}
    assert (backed_up.backups / "repository").stat().st_mode & 0o077 == 0


def test_what_one_appends_meanwhile_stalls_nobody_and_is_there_or_not_as_a_whole(
    host: Places, writer: Callable[[], int]
) -> None:
    first = back_up(host, NOW + timedelta(hours=1))
    second = back_up(host, NOW + timedelta(hours=2))
    written = writer()
    assert (first.problems, second.problems) == ((), ())
    assert ENTRIES < first.rows < second.rows <= ENTRIES + written
    assert (first.rows - ENTRIES) % 2 == (second.rows - ENTRIES) % 2 == 0
    assert back_up(host, NOW + timedelta(hours=3)).rows == ENTRIES + written


def test_old_backups_go_and_those_of_the_last_days_stay(host: Places) -> None:
    policy = BackupPolicy(keep_daily=2, keep_weekly=0, keep_monthly=0)
    for hours in (24, 240, 241):
        result = back_up(host, NOW + timedelta(hours=hours), hours == 241, backup=policy)
    assert result.problems == ()
    days = [
        line.split()[1:3]
        for line in restic(host, "snapshots", "--compact").splitlines()
        if " main" in line or ":" in line
    ]
    assert [" ".join(each) for each in days] == ["2026-03-18 21:30:00", "2026-03-27 21:30:00", "2026-03-27 22:30:00"]


def test_without_a_number_of_backups_to_keep_none_is_forgotten(host: Places) -> None:
    """For a repository on a machine that lets nothing be deleted, and forgets by itself."""
    none = BackupPolicy(keep_daily=0, keep_weekly=0, keep_monthly=0)
    assert back_up(host, NOW + timedelta(days=90), maintain=True, backup=none).problems == ()
    assert len(tags(host)) == 2


def spoil(ledger: Path) -> None:
    content = bytearray(ledger.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    ledger.write_bytes(content)


def overwrite(ledger: Path) -> None:
    ledger.write_bytes(b"account,cash\n" * 1000)


def empty(ledger: Path) -> None:
    ledger.write_bytes(b"")


def rewrite(ledger: Path) -> None:
    tamper(ledger, "UPDATE journal SET body = replace(body, '250.16', '250.17') WHERE seq = 13")


def lose(ledger: Path) -> None:
    ledger.unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (spoil, "its file is damaged"),
        (overwrite, "damaged or no database"),
        (empty, "no whole database"),
        (rewrite, "entry 13 of its journal was changed"),
        (lose, "is missing, and was backed up before"),
    ],
)
def test_a_damaged_ledger_is_saved_aside_and_never_as_a_good_one(
    host: Places, damage: Callable[[Path], None], said: str
) -> None:
    damage(host.ledger)
    result = back_up(host, NOW + timedelta(days=30), maintain=True)
    assert (result.exit_code, result.ledger, result.rows) == (1, "damaged", 0 if damage is not rewrite else 12)
    assert said in result.problems[0]
    assert ["whole" in each for each in tags(host)] == [True, False]
    assert "damaged" in tags(host)[1]
    files = restic(host, "ls", result.snapshot).splitlines()
    assert "/state/ledger.db" not in files
    assert ("/damaged/ledger.db" in files) == (damage is not lose)
    assert "/state/plans/20260316.main.xgb.json" in files


def test_backups_of_a_damaged_ledger_take_the_place_of_one_another_alone(
    host: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trader.deployment.backup.restic._KEPT_ASIDE", 1)
    overwrite(host.ledger)
    back_up(host, NOW + timedelta(days=30))
    last = back_up(host, NOW + timedelta(days=31), maintain=True)
    assert [each & {"whole", "damaged"} for each in tags(host)] == [{"whole"}, {"damaged"}]
    assert last.snapshot in restic(host, "snapshots")


def test_before_the_first_session_there_is_no_ledger_and_that_is_well(host: Places, tmp_path: Path) -> None:
    host.ledger.unlink()
    (host.backups / "repository").rename(tmp_path / "elsewhere")
    result = back_up(host)
    assert (result.exit_code, result.ledger, result.schema, result.rows) == (0, "empty", "", 0)
    assert "empty" in tags(host)[0]


def test_links_in_the_state_lead_nowhere(host: Places, tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_text(BROKER_SECRET)
    (host.state / "plans" / "20260317.main.xgb.json").symlink_to(secret)
    (host.state / "reports" / "all").symlink_to(tmp_path)
    os.mkfifo(host.state / "reports" / "pipe")
    result = back_up(host, NOW + timedelta(hours=1))
    files = restic(host, "ls", result.snapshot)
    assert "20260317" not in files
    assert "shadow" not in files
    assert "pipe" not in files


def test_no_secret_is_in_the_environment_or_arguments_of_restic(host: Places, spy: Path) -> None:
    repository = host.backups / "at-secret-place"
    (host.backups / "repository").rename(repository)
    backups.write_credentials(
        host,
        "restic",
        f"RESTIC_PASSWORD={PASSWORD}",
        f"RESTIC_REPOSITORY={repository}",
        "AWS_ACCESS_KEY_ID=AKID",
        "AWS_SECRET_ACCESS_KEY=s3-secret",
    )
    result = back_up(host, NOW + timedelta(hours=1), maintain=True)
    assert result.problems == ()
    seen = spy.read_text()
    assert seen.count("RESTIC_PASSWORD_FILE=/proc/self/fd/") == 3
    assert not any(secret in seen for secret in (PASSWORD, "at-secret-place", "AKID", "s3-secret"))


def test_without_restic_the_package_is_named(host: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="apt-get install restic"):
        back_up(host)


def test_a_wrong_password_is_told_and_not_shown(host: Places) -> None:
    backups.write_credentials(host, "restic", "RESTIC_PASSWORD=another-one")
    with pytest.raises(BadInput, match=r"restic.env does not open .*repository") as caught:
        back_up(host)
    assert "another-one" not in str(caught.value)


def test_a_repository_that_lost_its_configuration_is_not_begun_anew(host: Places) -> None:
    (host.backups / "repository" / "config").unlink()
    with pytest.raises(Refused, match="it is not empty: its file config is missing"):
        back_up(host)
    assert not (host.backups / "repository" / "config").exists()


def test_a_damaged_repository_is_reported_by_the_next_backup(host: Places) -> None:
    (pack, *_) = sorted((host.backups / "repository" / "data").rglob("*"), key=lambda path: -path.stat().st_size)
    pack.unlink()
    result = back_up(host, NOW + timedelta(hours=1), maintain=True)
    assert result.exit_code == 1
    assert "`restic " in result.problems[0]


def test_another_restic_at_work_is_named_and_the_lock_of_a_dead_one_is_not_in_the_way(host: Places) -> None:
    environ = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(host.backups / "repository")}
    command = ["restic", "--no-cache", "backup", "--stdin"]
    other = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        while not any((host.backups / "repository" / "locks").iterdir()):
            assert other.poll() is None
        result = back_up(host, NOW + timedelta(hours=1), maintain=True)
        assert result.snapshot in restic(host, "snapshots", "--no-lock")
        assert "another restic is at work" in result.problems[0]
    finally:
        other.kill()
        other.communicate()
    assert any((host.backups / "repository" / "locks").iterdir())
    assert back_up(host, NOW + timedelta(hours=2), maintain=True).problems == ()


def test_two_backups_of_one_host_wait_for_one_another(host: Places) -> None:
    with (
        alone(host, "a restore"),
        pytest.raises(Refused, match=rf"a restore \(pid {os.getpid()}\)"),
        alone(host, "x", 0.3),
    ):
        pass


def test_killed_in_its_middle_a_backup_leaves_nothing_that_hinders_the_next(host: Places, tmp_path: Path) -> None:
    _program(tmp_path / "bin" / "restic", "kill -9 $PPID")
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    code = f"import sys; {IN_A_CHILD}"
    killed = subprocess.run([sys.executable, "-c", code, str(host.etc.parent)], cwd=ROOT, env=environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    scratch = host.deploy / "backup"
    assert scratch.stat().st_mode & 0o777 == 0o700
    assert (scratch / "state" / "ledger.db").exists()
    assert back_up(host, NOW + timedelta(hours=1)).problems == ()
    assert not scratch.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a file system")
class TestFullDisks:
    def test_a_full_repository_is_told_and_with_room_again_all_is_well(self, host: Places) -> None:
        (host.state / "models" / "large").write_bytes(os.urandom(3 << 20))
        (host.backups / "repository").rename(host.backups / "former")
        with backups.small_disk(host.backups / "small", "2m") as disk:
            policy = BackupPolicy(repository=str(disk / "repository"))
            with pytest.raises(Refused, match=r"no space left .*Make room"):
                back_up(host, backup=policy)
            subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
            assert back_up(host, maintain=True, backup=policy).problems == ()

    def test_a_disk_that_the_backup_would_fill_is_not_filled(self, host: Places, tmp_path: Path) -> None:
        (host.deploy).rename(tmp_path / "former")
        with backups.small_disk(host.deploy, "20m"):
            with pytest.raises(Refused, match="needs 64 MB of room, 19 MB are left"):
                back_up(host)
            assert [path.name for path in host.deploy.iterdir()] == ["backup.lock"]

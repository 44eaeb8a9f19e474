"""A hand-made set-up is archived whole, taken away, and put back byte for byte, wherever that is interrupted."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.killing import killed_everywhere
from tests.support.legacy import ENVIRONMENT, KEY_ID, KINDS, SECRET, UNITS, Rig, listing, rigged
from trader.deployment.errors import Broken, Refused, StepFailed
from trader.deployment.legacy.archive import load
from trader.deployment.legacy.takeover import Legacy

SMALL = replace(KINDS["by hand"], jobs=("session",), enabled=("session",))
AT = "2026-11-23T12:00:00+00:00"


@pytest.fixture
def rig() -> Iterator[Rig]:
    """The one with the most to lose."""
    with rigged(KINDS["by hand"]) as made:
        yield made.archived()


@pytest.fixture
def small() -> Iterator[Rig]:
    """One with a thing of each sort."""
    with rigged(SMALL) as made:
        yield made.archived()


@pytest.mark.parametrize("name", KINDS)
def test_away_and_back_leaves_everything_as_it_was(name: str) -> None:
    with rigged(KINDS[name]) as made:
        before = listing(made.home)
        made.archived()
        assert listing(made.home) == before
        taken = made.legacy.disarm(made.archive)
        away = listing(made.home)
        assert not any(path.startswith(UNITS) and "paper-trading" in path for path in away)
        assert made.legacy.scan().armed == ()
        assert {path for path in before if not path.startswith(UNITS)} <= away.keys()
        written = made.legacy.restore(made.archive)
        assert listing(made.home) == before
        assert sorted(written) == sorted(taken)
        assert made.legacy.restore(made.archive) == []
        assert listing(made.home) == before


def test_units_that_are_not_of_the_set_up_stay(rig: Rig) -> None:
    rig.legacy.disarm(rig.archive)
    assert (rig.home / UNITS / "something-else.service").exists()


def test_the_archive_is_for_its_owner_alone_and_any_tar_reads_it(rig: Rig) -> None:
    assert stat.S_IMODE(rig.archive.stat().st_mode) == 0o700
    for file in rig.archive.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(rig.archive / "files.tar") as tar:
        name = str(rig.home / ENVIRONMENT).lstrip("/")
        member = tar.getmember(name)
        content = tar.extractfile(name)
        assert content is not None
        assert content.read() == (rig.home / ENVIRONMENT).read_bytes()
        assert (member.uid, member.mode) == ((rig.home / ENVIRONMENT).stat().st_uid, 0o644)


def test_an_archive_that_is_there_is_never_made_again(rig: Rig) -> None:
    rig.legacy.disarm(rig.archive)
    before = {path: path.read_bytes() for path in rig.archive.iterdir()}
    (rig.home / UNITS / "paper-trading-session.timer").write_text("[Timer]\nOnCalendar=10:00\n")
    rig.archived()
    assert {path: path.read_bytes() for path in rig.archive.iterdir()} == before


def test_a_damaged_archive_restores_nothing(rig: Rig) -> None:
    rig.legacy.disarm(rig.archive)
    tar = rig.archive / "files.tar"
    damaged = tar.read_bytes().replace(b"OnCalendar", b"OnCalendxx")
    tar.write_bytes(damaged)
    before = listing(rig.home)
    with pytest.raises(Broken):
        rig.legacy.restore(rig.archive)
    assert listing(rig.home) == before
    tar.write_bytes(damaged[:5000])
    with pytest.raises(Broken):
        rig.legacy.restore(rig.archive)
    (rig.archive / "index.json").write_text("{")
    with pytest.raises(Broken):
        load(rig.archive)


def test_what_was_changed_since_it_was_archived_is_not_taken_away(rig: Rig) -> None:
    timer = rig.home / UNITS / "paper-trading-session.timer"
    timer.write_text("[Timer]\nOnCalendar=10:00\n")
    before = listing(rig.home)
    with pytest.raises(Refused) as refused:
        rig.legacy.disarm(rig.archive)
    assert str(timer) in refused.value.problem
    assert listing(rig.home) == before


def test_an_archive_of_another_user_is_refused(rig: Rig) -> None:
    index = rig.archive / "index.json"
    index.write_text(index.read_text().replace(f'"user": "{rig.legacy.account.name}"', '"user": "somebody"'))
    with pytest.raises(Refused):
        rig.legacy.disarm(rig.archive)


def test_a_file_that_was_changed_meanwhile_is_put_aside(rig: Rig) -> None:
    before = listing(rig.home)
    rig.legacy.disarm(rig.archive)
    file = rig.home / ENVIRONMENT
    file.write_text("NEWER=1\n")
    rig.legacy.restore(rig.archive)
    after = listing(rig.home)
    assert {**after, ".config": before[".config"]} == before
    assert (rig.archive / "replaced" / str(file).lstrip("/")).read_text() == "NEWER=1\n"


def test_a_log_that_grew_meanwhile_is_left_alone_and_one_that_is_gone_comes_back(rig: Rig) -> None:
    rig.legacy.disarm(rig.archive)
    log, report = rig.built.working / "logs/trading.log", rig.built.working / "reports/2025-09-10.html"
    log.write_text("EXECUTION done\nand more\n")
    report.unlink()
    rig.legacy.restore(rig.archive)
    assert log.read_text() == "EXECUTION done\nand more\n"
    assert report.read_text() == "<html>a day</html>\n"


def test_a_working_directory_that_is_gone_comes_back_with_its_configuration(rig: Rig) -> None:
    before = listing(rig.home)
    rig.legacy.disarm(rig.archive)
    shutil.rmtree(rig.built.working / "config")
    rig.legacy.restore(rig.archive)
    after = listing(rig.home)
    for name in ("trader/config", "trader/config/execution.yaml"):
        assert after[name] == before[name]


def test_a_directory_in_the_way_is_named_and_nothing_is_lost(rig: Rig) -> None:
    rig.legacy.disarm(rig.archive)
    obstacle = rig.home / UNITS / "paper-trading-session.timer"
    obstacle.mkdir()
    with pytest.raises(Refused) as refused:
        rig.legacy.restore(rig.archive)
    assert str(obstacle) in refused.value.problem
    obstacle.rmdir()
    rig.legacy.restore(rig.archive)
    assert rig.legacy.scan().armed != ()


def test_files_outside_the_home_are_archived_and_never_written(rig: Rig) -> None:
    outside = rig.place / "outside.env"
    outside.write_text(f"ALPACA_API_KEY={KEY_ID}\nALPACA_SECRET_KEY={SECRET}\n")
    outside.chmod(0o644)
    service = rig.home / UNITS / "paper-trading-session.service"
    service.write_text(service.read_text().replace("[Service]", f"[Service]\nEnvironmentFile={outside}"))
    second = rig.archive.with_name("two")
    archive = rig.legacy.archive(rig.legacy.scan(), second, AT)
    assert str(outside) in [entry.path for entry in archive.entries]
    rig.legacy.disarm(second)
    outside.unlink()
    rig.legacy.restore(second)
    assert not outside.exists()


def test_root_follows_no_link_of_the_user_out_of_the_home(rig: Rig) -> None:
    if not rig.legacy.account.foreign:
        pytest.skip("needs root")
    rig.legacy.disarm(rig.archive)
    prize = rig.place / "roots"
    prize.mkdir()
    units = rig.home / UNITS
    shutil.rmtree(units)
    units.symlink_to(prize)
    with pytest.raises(StepFailed):
        rig.legacy.restore(rig.archive)
    assert list(prize.iterdir()) == []


def test_what_another_user_owns_comes_back_as_theirs(rig: Rig) -> None:
    if not rig.legacy.account.foreign:
        pytest.skip("needs root")
    timer, link = (rig.home / UNITS / name for name in ("paper-trading-eod.timer", "timers.target.wants"))
    os.chown(timer, 0, 0)
    timer.chmod(0o640 | 0o004)
    os.chown(link / "paper-trading-eod.timer", 0, 0, follow_symlinks=False)
    before = listing(rig.home)
    second = rig.archive.with_name("two")
    rig.legacy.archive(rig.legacy.scan(), second, AT)
    rig.legacy.disarm(second)
    rig.legacy.restore(second)
    assert listing(rig.home) == before


@pytest.mark.parametrize("name", KINDS)
def test_the_keys_come_out_of_the_archive_for_us(name: str) -> None:
    with rigged(KINDS[name]) as made:
        made.archived().legacy.disarm(made.archive)
        credentials = made.place / "credentials"
        assert made.legacy.carry_credentials(made.archive, credentials)
        file = credentials / "alpaca.env"
        assert file.read_text() == f"ALPACA_API_KEY={KEY_ID}\nALPACA_SECRET_KEY={SECRET}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not made.legacy.carry_credentials(made.archive, credentials)


def test_other_keys_than_ours_are_refused_and_not_shown(rig: Rig) -> None:
    file = rig.place / "alpaca.env"
    file.write_text("ALPACA_API_KEY=PKX\nALPACA_SECRET_KEY=another\n")
    with pytest.raises(Refused) as refused:
        rig.legacy.carry_credentials(rig.archive, rig.place)
    with pytest.raises(Refused, match="differ"):
        rig.legacy.require(rig.legacy.scan(), rig.place)
    assert not any(secret in str(refused.value) for secret in (KEY_ID, SECRET, "another"))
    assert "another" in file.read_text()


def repeated(rig: Rig, act: str) -> None:
    """One of the operations."""
    getattr(rig.legacy, act)(rig.archive)


def test_killed_at_any_change_an_archive_is_whole_or_not_there() -> None:
    with rigged(SMALL) as made:
        before, places = listing(made.home), 0
        for place in killed_everywhere(made.archived):
            assert listing(made.home) == before
            made.archived()
            load(made.archive).verify()
            shutil.rmtree(made.archive)
            places = place + 1
        assert places > 5


def test_killed_at_any_change_disarming_is_done_by_doing_it_again(small: Rig) -> None:
    rig, before, places = small, listing(small.home), 0
    for place in killed_everywhere(lambda: repeated(rig, "disarm")):
        rig.legacy.disarm(rig.archive)
        assert not any(path.startswith(UNITS) and "paper-trading" in path for path in listing(rig.home))
        rig.legacy.restore(rig.archive)
        assert listing(rig.home) == before
        places = place + 1
    assert places > 10


def test_killed_at_any_change_restoring_is_done_by_doing_it_again(small: Rig) -> None:
    rig, before, places = small, listing(small.home), 0
    rig.legacy.disarm(rig.archive)
    for place in killed_everywhere(lambda: repeated(rig, "restore")):
        rig.legacy.restore(rig.archive)
        assert listing(rig.home) == before
        rig.legacy.disarm(rig.archive)
        places = place + 1
    assert places > 30


def test_killed_at_any_change_restoring_can_be_taken_back(small: Rig) -> None:
    rig = small
    rig.legacy.disarm(rig.archive)
    away = listing(rig.home)
    for _ in killed_everywhere(lambda: repeated(rig, "restore")):
        rig.legacy.disarm(rig.archive)
        left = [path for path in listing(rig.home) if path not in away]
        assert left == [], left
    rig.legacy.disarm(rig.archive)


def test_a_set_up_is_found_for_whoever_runs_this() -> None:
    from trader.deployment.legacy.takeover import legacy_of

    assert isinstance(legacy_of(), Legacy)
    assert legacy_of().account.home == Path.home()

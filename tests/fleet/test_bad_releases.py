"""Releases that do not work, and schemas that go up and down: what trades afterwards, and with which ledger."""

import zlib
from pathlib import Path

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host
from tests.fleet.rollout import Rollout
from tests.fleet.stand import Stand, tool, until
from tests.fleet.variants import (
    NEW_TABLE,
    Edit,
    Variants,
    that_does_not_start,
    that_fails_its_preflight,
    with_a_schema,
)


@pytest.fixture(scope="module")
def variants(stand: Stand, rollout: Rollout) -> Variants:
    assert rollout.second
    return Variants(stand, stand.folder / "build" / "requests" / "origin.json")


@pytest.fixture
def host(stand: Stand, clones: Clones, request: pytest.FixtureRequest) -> Host:
    stand.fresh_exchange("main")
    (made,) = clones(f"bad-{zlib.crc32(request.node.name.encode()):x}")
    return made


def trades(host: Host, release: str) -> None:
    """Whether the host is whole, armed and on this release."""
    facts = tool(host, "facts")
    assert (facts["active"], facts["settled"], facts["armed"], facts["in_flight"]) == (release, True, True, {})


@pytest.mark.parametrize(
    ("name", "edit", "told"),
    [("dead", that_does_not_start, "ModuleNotFoundError"), ("lame", that_fails_its_preflight, "cannot judge")],
)
def test_a_release_that_does_not_work_is_undone_and_says_why(
    variants: Variants, host: Host, rollout: Rollout, name: str, edit: Edit, told: str
) -> None:
    release = variants.staged(host, variants.made(name, edit))
    answer = tool(host, "activate", "--release", release, check=False)
    assert answer["result"] == "undone"
    assert told in answer["undone_because"]
    trades(host, rollout.second)


def test_a_migration_that_fails_leaves_schema_and_release_as_they_were(
    variants: Variants, host: Host, rollout: Rollout
) -> None:
    broken = with_a_schema('op.execute("CREATE TABLE half (id INTEGER)"); op.execute("NO SQL")', "pass", lossless=True)
    release = variants.staged(host, variants.made("unmigratable", broken))
    answer = tool(host, "activate", "--release", release, check=False)
    assert answer["result"] == "undone"
    assert "schema" in answer["undone_because"]
    trades(host, rollout.second)
    assert tool(host, "facts")["schema"] == "0002"
    assert "half" not in host.run("sqlite3", "/var/lib/paper-trading/ledger.db", ".tables").out


def test_a_schema_goes_up_and_by_rollback_down_again_where_nothing_is_lost(
    variants: Variants, host: Host, rollout: Rollout
) -> None:
    newer = variants.staged(host, variants.made("newer", with_a_schema(NEW_TABLE, "pass", lossless=True)))
    assert tool(host, "activate", "--release", newer)["active"] == newer
    assert tool(host, "facts")["schema"] == "0003"
    rows = "SELECT count(*) FROM journal"
    before = host.run("sqlite3", "/var/lib/paper-trading/ledger.db", rows).out
    assert tool(host, "activate", "--kind", "rollback")["active"] == rollout.second
    assert tool(host, "facts")["schema"] == "0002"
    assert int(host.run("sqlite3", "/var/lib/paper-trading/ledger.db", rows).out) >= int(before)
    trades(host, rollout.second)


def test_a_rollback_that_would_lose_data_is_refused_and_says_how_to_go_on(
    variants: Variants, host: Host, rollout: Rollout
) -> None:
    lossy = with_a_schema(NEW_TABLE, 'op.execute("DROP TABLE of_a_test")', lossless=False)
    newer = variants.staged(host, variants.made("lossy", lossy))
    assert tool(host, "activate", "--release", newer)["active"] == newer
    host.shell("trader halt --reason 'so that the journal holds something'")
    answer = tool(host, "activate", "--kind", "rollback", check=False)
    assert answer["result"] == "undone"
    assert "restore a backup" in answer["undone_because"]
    trades(host, newer)


def test_going_back_twice_goes_back_twice_and_a_void_release_needs_a_reason(
    variants: Variants, host: Host, rollout: Rollout
) -> None:
    third = variants.staged(host, variants.made("third", position_sizing={"max_positions": 6}))
    assert tool(host, "activate", "--release", third)["changed"]
    assert not tool(host, "activate", "--release", third)["changed"]
    assert tool(host, "activate", "--kind", "rollback")["active"] == rollout.second
    assert tool(host, "activate", "--kind", "rollback")["active"] == rollout.first
    trades(host, rollout.first)
    void = {each["id"]: bool(each["void"]) for each in tool(host, "facts")["releases"]}
    assert void == {third: True, rollout.second: True, rollout.first: False}
    refused = tool(host, "activate", "--release", third, check=False)
    assert "void" in refused["refused"]
    assert tool(host, "activate", "--release", third, "--reason", "mended")["active"] == third
    assert tool(host, "facts")["former"] == rollout.first
    assert tool(host, "activate", "--release", rollout.first)["active"] == rollout.first
    assert tool(host, "activate", "--kind", "rollback")["active"] == third
    refused = tool(host, "activate", "--kind", "rollback", check=False)
    assert "no release before" in refused["refused"], "the first one was left by a rollback"


def test_a_release_that_was_changed_on_the_host_is_not_activated(host: Host, rollout: Rollout) -> None:
    host.shell(f"echo '# by hand' >> /opt/paper-trading/releases/{rollout.first}/config/execution.yaml")
    refused = tool(host, "activate", "--kind", "rollback", check=False)
    assert "config/execution.yaml" in refused["refused"]
    trades(host, rollout.second)


def test_a_wheel_that_was_changed_is_found_before_anything_of_it_runs(variants: Variants, host: Host) -> None:
    built = variants.made("tampered", position_sizing={"max_positions": 5})
    host.shell("rm -rf /opt/paper-trading/wheelhouse/* /opt/paper-trading/cache")
    host.files.put(Path(built["archive"]), "/tmp/release.tar")
    host.files.put(Path(built["wheelhouse_archive"]), "/tmp/wheelhouse.tar")
    host.shell(
        "python3 - <<'END'\nimport re\npath = '/tmp/wheelhouse.tar'\nwith open(path, 'r+b') as file:\n"
        "    file.seek(3_000_000)\n    file.write(b'tampered')\nEND"
    )
    words = ("--archive", "/tmp/release.tar", "--wheelhouse-archive", "/tmp/wheelhouse.tar")
    refused = tool(host, "stage", *words, check=False)
    assert "is not the wheel" in refused["refused"]
    assert not host.files.exists(f"/opt/paper-trading/releases/{built['id']}/FINISHED")


def test_a_disk_that_is_full_in_the_middle_of_it_leaves_all_as_it_was(host: Host, rollout: Rollout) -> None:
    copies = "/var/lib/paper-trading-deploy/before"
    host.shell(f"mount -t tmpfs -o size=16k tmpfs {copies}")
    answer = tool(host, "activate", "--kind", "rollback", check=False)
    assert answer["result"] == "undone"
    assert "room" in answer["undone_because"]
    trades(host, rollout.second)
    host.shell(f"umount {copies}")
    assert tool(host, "activate", "--kind", "rollback")["active"] == rollout.first


def test_of_two_operators_the_second_is_told_of_the_first(host: Host, rollout: Rollout) -> None:
    lock = "/var/lib/paper-trading-deploy/lock"
    host.shell(f"echo 'ann (pid 7)' > {lock}; systemd-run --quiet flock {lock} sleep 60")
    until(lambda: host.run("flock", "--nonblock", lock, "true", check=False).code != 0)
    refused = tool(host, "activate", "--kind", "rollback", check=False)
    assert "ann (pid 7) is at work" in refused["refused"]
    trades(host, rollout.second)

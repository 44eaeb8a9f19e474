"""What playbooks do with installed hosts beside releases: new keys, backups, and an account that moves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.killing_runs import KILLED, killer
from tests.fleet.lab import Host
from tests.fleet.stand import RESTIC, Stand, tool, trader

KEYS = "/etc/paper-trading/credentials/alpaca.env"


def credentials(key_id: str, secret: str) -> dict[str, object]:
    """Credentials for all hosts of an inventory."""
    return {"alpaca": {"ALPACA_API_KEY": key_id, "ALPACA_SECRET_KEY": secret}, "restic": RESTIC}


def test_new_keys_replace_the_old_ones_once_the_broker_takes_them(stand: Stand, clones: Clones) -> None:
    stand.fresh_exchange("main")
    (host,) = clones("rotated")
    before = host.files.read(KEYS)
    refused = credentials("REVOKED", "planted-refused-secret")
    told = stand.play("install", "-vvv", check=False, trader_credentials_files=refused)
    assert (told.code != 0, "Run rotate_credentials.yml" in told.out) == (True, True)
    told = stand.play("rotate_credentials", "-vvv", "--diff", check=False, trader_credentials_files=refused)
    assert (told.code != 0, "do not work" in told.out) == (True, True)
    assert "planted-refused-secret" not in told.out
    assert host.files.read(KEYS) == before
    good = credentials("GOODKEY", "planted-good-secret")
    stale = "/var/lib/paper-trading-deploy/incoming/credentials/restic.env"
    host.shell(f"install -D -m 600 /dev/null {stale}")  # of a run that was killed
    told = stand.play("rotate_credentials", "-vvv", "--diff", trader_credentials_files=good)
    assert tool(host, "facts")["last"][-1]["detail"] == "alpaca"
    assert "planted-good-secret" not in told.out
    assert host.files.read(KEYS) == "ALPACA_API_KEY=GOODKEY\nALPACA_SECRET_KEY=planted-good-secret\n"
    assert host.shell(f"stat -c '%a %U' {KEYS}; ls /var/lib/paper-trading-deploy/incoming").out.split() == [
        "600",
        "root",
        "release.tar",
    ]
    assert stand.play("rotate_credentials", trader_credentials_files=good).total("changed") == 0


@pytest.fixture
def pair(stand: Stand, clones: Clones) -> Iterator[tuple[Host, Host]]:
    """A host that trades, and a standby of the same account."""
    stand.fresh_exchange("main")
    active, standby = clones("first", "second")
    standby.shell('sed -i \'s/"primary"/"standby"/\' /etc/paper-trading/host.json')
    tool(standby, "disarm")
    tool(standby, "arm")
    roles(stand, primary=["first"], standby=["second"])
    yield active, standby
    roles(stand, primary=["first", "second"], standby=[])


def roles(stand: Stand, **groups: list[str]) -> None:
    """What the operator writes into the inventory."""
    stand.groups.update(groups)


def state(host: Host) -> str:
    """ACTIVE when there is no STATE, else what it says."""
    return str(json.loads(host.files.read("/var/lib/paper-trading/STATE"))["state"])


def test_an_account_moves_with_its_ledger_and_never_has_two_hosts(
    stand: Stand, pair: tuple[Host, Host], tmp_path: Path
) -> None:
    active, standby = pair
    copies = {"trader_backup_copies": str(tmp_path)}
    entries = int(trader(active, "ledger", "verify").out.split()[0])
    assert stand.play("failover", **copies).total("changed") == 0
    roles(stand, primary=["second"], standby=["first"])
    assert "failover.yml" in stand.play("install", check=False).out
    refused = stand.play("failover", check=False, **copies)
    assert (refused.code != 0, refused.total("changed")) == (True, 0)
    assert tool(active, "facts")["role"] == "primary"
    assert "standby" in trader(standby, "run-now", "session", check=False).err
    for near_the_end in ("trader : Ensure the host knows what it is", "Ensure its timers run"):
        dead = killer(KILL_BEFORE=near_the_end)
        assert stand.play("failover", check=False, environ=dead, trader_reason="a drill", **copies).code == KILLED
    stand.play("failover", trader_reason="a drill", **copies)
    facts = {host.name: tool(host, "facts") for host in pair}
    assert {name: (each["role"], each["armed"]) for name, each in facts.items()} == {
        "first": ("standby", True),
        "second": ("primary", True),
    }
    timers = {
        host.name: host.shell("systemctl list-timers --no-legend 'paper-trading-session.timer'").out for host in pair
    }
    assert (timers["first"].strip(), "session" in timers["second"]) == ("", True)
    assert state(active) == state(standby) == "halt"
    assert int(trader(standby, "ledger", "verify").out.split()[0]) >= entries >= 1
    assert stand.play("failover", **copies).total("changed") == 0
    trader(standby, "resume")
    assert "ACTIVE" in trader(standby, "status").out


def test_a_dead_host_is_replaced_only_when_somebody_says_that_it_is_dead(
    stand: Stand, pair: tuple[Host, Host], tmp_path: Path
) -> None:
    active, standby = pair
    copies = {"trader_backup_copies": str(tmp_path), "trader_reason": "burnt"}
    stand.play("backup", **copies)
    active.kill()
    roles(stand, primary=["second"], standby=["first"])
    told = stand.play("failover", check=False, **copies)
    assert (told.code != 0, "first cannot be reached and may still trade main" in told.out) == (True, True)
    assert tool(standby, "facts")["role"] == "standby"
    stand.play("failover", trader_dead=["first"], **copies)
    assert tool(standby, "facts")["role"] == "primary"
    assert state(standby) == "halt"
    assert stand.exchanges["main"].control("/v2/account/configurations")["suspend_trade"] is True

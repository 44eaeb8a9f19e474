"""A host's ledger is lost or damaged, and a backup takes its place: proved before, halted after."""

import json

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host
from tests.fleet.stand import Stand, tool, trader

LEDGER = "/var/lib/paper-trading/ledger.db"


def rows(host: Host) -> int:
    """Entries of the journal."""
    return int(host.run("sqlite3", LEDGER, "SELECT count(*) FROM journal").out)


def test_a_damaged_ledger_is_replaced_by_the_newest_backup_and_trading_waits_for_a_person(
    stand: Stand, clones: Clones
) -> None:
    stand.fresh_exchange("main")
    (host,) = clones("damaged")
    trader(host, "preflight", "--for", "next-session", check=False)
    before = rows(host)
    stand.play("backup")
    host.shell(f"dd if=/dev/urandom of={LEDGER} bs=1k seek=8 count=16 conv=notrunc; rm -f {LEDGER}-wal {LEDGER}-shm")
    back = stand.play("restore", trader_reason="the disk was bad")
    assert back.total("changed") > 0
    assert rows(host) >= before
    assert json.loads(host.files.read("/var/lib/paper-trading/STATE"))["state"] == "halt"
    facts = tool(host, "facts")
    assert facts["settled"]
    assert facts["armed"]
    trader(host, "ledger", "verify")
    trader(host, "resume")
    assert tool(host, "drill")["problems"] == []


def test_a_backup_that_was_cut_short_changes_nothing(stand: Stand, clones: Clones) -> None:
    stand.fresh_exchange("main")
    (host,) = clones("cut-short")
    tool(host, "backup")
    packed = tool(host, "pack")["path"]
    host.shell(f"head -c 20000 {packed} > /run/short.tar")
    before = host.run("sha256sum", LEDGER).out
    refused = tool(host, "restore", "--file", "/run/short.tar", "--reason", "tried", check=False)
    assert refused["refused"]
    assert host.run("sha256sum", LEDGER).out == before
    assert tool(host, "facts")["armed"]

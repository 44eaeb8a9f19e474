"""Install on a virgin host: looked at first, done, done again without a change, and looked at once more."""

import re

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.rollout import Rollout
from tests.fleet.stand import PLANTED, Stand, tool, trader

EXPOSURE = 1.2
CONFINED = ("preflight", "session", "eod", "execution-monitor", "execution-reconcile", "watchdog")


def test_a_virgin_host_can_be_looked_at(rollout: Rollout) -> None:
    looked = rollout.runs["look at a virgin host"]
    assert (looked.code, looked.total("failed"), looked.total("unreachable")) == (0, 0, 0), looked.out[-4000:]


def test_a_second_run_changes_nothing_and_a_look_after_it_shows_no_difference(rollout: Rollout) -> None:
    for name in ("install again", "look again"):
        ran = rollout.runs[name]
        assert (ran.code, ran.total("changed")) == (0, 0), ran.out[-4000:]
    assert "\n+++ " not in rollout.runs["look again"].out


def test_an_upgrade_is_another_release_and_leaves_the_one_before_to_go_back_to(
    rollout: Rollout, clones: Clones
) -> None:
    (host,) = clones("upgraded")
    facts = tool(host, "facts")
    assert (facts["active"], facts["former"]) == (rollout.second, rollout.first)
    assert rollout.first != rollout.second
    assert facts["settled"]
    assert facts["armed"]


def test_no_host_has_sent_a_packet_anywhere_else(stand: Stand, rollout: Rollout) -> None:
    assert rollout.runs["install"].code == 0
    assert stand.lab.stray_packets() == []


def test_the_services_are_confined_as_systemd_judges_them_on_the_host(clones: Clones) -> None:
    (host,) = clones("judged")
    units = [f"paper-trading-{name}.service" for name in CONFINED]
    told = host.run("systemd-analyze", "security", "--no-pager", *units).out
    levels = [float(level) for level in re.findall(r"Overall exposure level for .*: ([\d.]+) ", told)]
    assert len(levels) == len(units)
    assert max(levels) <= EXPOSURE


def test_a_planted_secret_is_nowhere_to_be_seen(rollout: Rollout, clones: Clones) -> None:
    for name in ("look at a virgin host", "install", "upgrade"):
        assert PLANTED not in rollout.runs[name].out
    (host,) = clones("searched")
    trader(host, "preflight", "--for", "next-session", check=False)
    tool(host, "stop", "--reason", "to be searched", check=False)
    places = (
        "/var/log /etc/systemd /run/systemd /opt/paper-trading /var/lib/paper-trading /var/lib/paper-trading-deploy"
    )
    hits = host.shell(
        f"grep -rlF {PLANTED} {places} /var/backups /usr/local /tmp || true; journalctl | grep -cF {PLANTED}",
        check=False,
    )
    assert hits.out.strip() == "0"
    shown = host.run("systemctl", "show", "paper-trading-*", "--all", user="nobody").out
    assert PLANTED not in shown
    host.files.write("/run/needle", PLANTED)  # so that the search is not what it finds
    living = host.shell(
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -caFf /run/needle", check=False
    )
    assert living.out.strip() == "0"
    assert host.shell(f"grep -rlF {PLANTED} /etc/paper-trading").out.split() == [
        "/etc/paper-trading/credentials/alpaca.env",
        "/etc/paper-trading/credentials/restic.env",
    ]


@pytest.mark.parametrize("user", ["nobody", "operator"])
def test_status_needs_no_root_and_shows_the_units(clones: Clones, user: str) -> None:
    (host,) = clones(f"asked-{user}")
    told = trader(host, "status", user=user).out
    assert "session" in told
    assert "preflight" in told

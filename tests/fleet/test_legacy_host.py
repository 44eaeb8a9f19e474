"""A hand-made set-up on a real host, in the manager of a user who lingers: away, and back as it was."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fleet.hand_made import DEPLOY, HOME, USER, Old
from tests.fleet.lab import Host, Lab
from tests.support import killing
from tests.support.legacy import KEY_ID, KINDS, SECRET
from trader.deployment.legacy.text import UnitText, assignments, words

ROOT = Path(__file__).parents[2]
TIMERS = [f"paper-trading-{job}.timer" for job in ("eod", "preflight", "session")]
ALL = replace(KINDS["by hand"], requires=True)
"""Timers that require their services: the kind that trades at once when it is started without care."""
_ENVIRONMENT = """\
A=b
 B = b c
C='c d' # x
D="d\\s\\"\\$e"
E=\\s\\ \\t
F=one\\
two
G='a
b'
H=a'b'c
I='b'"c" d
# a comment that goes on \\
J=1
K=$HOME
export L=1
M=
N-O=1
"""
_UNIT = """\
[Service]
Type=oneshot
EnvironmentFile=%h/probe.env
Environment="P=a b" Q=c 'R=d e' S=f\\sg "T=" U=h"i" 'V=j\\tk' X=l\\" Y=m\\ n Z=lost
ExecStart=/bin/sh -c 'env -0 > %h/probe.out'
"""


@pytest.fixture(scope="module")
def machine(lab: Lab) -> Host:
    host = lab.hosts("legacy")[0]
    packed = Path(tempfile.mkdtemp())
    try:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "trader/deployment", packed / "tool/trader/deployment", ignore=ignored)
        shutil.copy(ROOT / "trader/__init__.py", packed / "tool/trader")
        shutil.copy(killing.__file__, packed / "tool")
        host.files.put(packed / "tool", "/opt/tool")
    finally:
        shutil.rmtree(packed)
    return host


@pytest.fixture
def old(machine: Host) -> Iterator[Old]:
    made = Old(machine)
    made.settle(ALL)
    assert made.armed == TIMERS
    yield made
    assert made.ran == ""


def test_it_is_taken_away_and_put_back_as_it_was_with_its_timers_armed(old: Old) -> None:
    before = old.listing
    found = json.loads(old.does("__import__('json').dumps(legacy.scan().document())"))
    assert (found["armed"], found["active_timers"], found["running"]) == (TIMERS, TIMERS, [])
    assert (found["linger"], found["manager"]) == (True, True)
    old.archived()
    assert (old.listing ^ before, old.armed) == (set(), TIMERS)
    old.does("legacy.disarm(archive)")
    assert old.armed == []
    assert "paper-trading" not in old.systemctl("list-unit-files") + old.systemctl("list-units", "--all")
    old.does("legacy.disarm(archive)")
    old.host.shell(f"touch -d '2026-01-02' {HOME}/.local/share/systemd/timers/stamp-*")
    old.does("legacy.restore(archive)")
    assert (old.listing ^ before, old.armed) == (set(), TIMERS)
    old.does("legacy.restore(archive)")
    assert (old.listing ^ before, old.armed) == (set(), TIMERS)


def test_its_user_can_do_it_alone(old: Old) -> None:
    before, archive = old.listing, f"/tmp/{USER}/one"
    for act in ("archive(legacy.scan(), archive, 'now') and 0", "disarm(archive)", "restore(archive)"):
        old.does(f"legacy.{act}", user=USER, archive=archive)
        assert old.armed == ([] if act.startswith("disarm") else TIMERS)
    assert old.listing ^ before == set()
    old.host.shell(f"rm -r {archive}")


def test_only_those_are_armed_again_that_were(old: Old) -> None:
    old.systemctl("stop", "paper-trading-eod.timer")
    before = old.listing
    old.archived().does("legacy.disarm(archive)")
    old.does("legacy.restore(archive)")
    assert (old.listing ^ before, old.armed) == (set(), TIMERS[1:])


def test_without_care_a_timer_that_is_started_again_would_trade_at_once(machine: Host) -> None:
    made = Old(machine)
    made.settle(replace(ALL, requires=False))
    made.systemctl("stop", *TIMERS)
    machine.shell(f"touch -d '2026-01-02' {HOME}/.local/share/systemd/timers/stamp-*")
    made.systemctl("start", *TIMERS)
    made.systemctl("start", "--wait", "paper-trading-session.service")  # behind what the timers have queued
    assert f"session {KEY_ID}" in made.ran


def test_no_login_arms_it_again_and_a_rollback_without_one_arms_it_at_the_next(old: Old) -> None:
    before = old.listing
    old.archived().does("legacy.disarm(archive)")
    old.host.shell(f"loginctl disable-linger {USER}; loginctl terminate-user {USER}; loginctl enable-linger {USER}")
    old.host.shell("until test -S /run/user/*/systemd/private; do sleep 0.05; done")
    assert old.armed == []
    old.host.shell(f"loginctl disable-linger {USER}; loginctl terminate-user {USER} || true")
    old.host.shell("while pgrep -u trading -x systemd; do sleep 0.05; done")
    old.does("legacy.restore(archive)")
    assert old.listing ^ before == set()
    # these timers require their services, as ever: what counts is that they are armed
    old.host.shell(f"loginctl enable-linger {USER}; until test -S /run/user/*/systemd/private; do sleep 0.05; done")
    old.systemctl("is-system-running", "--wait")
    assert old.armed == TIMERS
    old.host.shell("rm -f /run/user/*/legacy-ran")


def test_a_service_at_work_is_stopped_with_all_that_it_left_behind(old: Old) -> None:
    old.host.files.write(f"{HOME}/trader/ops/run.sh", "sleep 1234 & exec sleep 1234\n", owner=USER)
    drop_in = f"{HOME}/.config/systemd/user/paper-trading-session.service.d/kill.conf"
    old.host.files.write(drop_in, "[Service]\nKillMode=process\n", owner=USER)
    old.systemctl("daemon-reload")
    old.systemctl("start", "--no-block", "paper-trading-session.service")
    old.host.shell("until [ $(pgrep -cfx 'sleep 1234') = 2 ]; do sleep 0.05; done")
    assert "paper-trading-session.service" in old.does("legacy.scan().running")
    old.archived().does("legacy.disarm(archive)")
    assert old.host.run("pgrep", "-fx", "sleep 1234", check=False).out == ""


@pytest.mark.parametrize(("act", "die_at"), [("disarm", 4), ("restore", 25)])
def test_the_power_fails_in_the_middle_and_doing_it_again_finishes_it(old: Old, act: str, die_at: int) -> None:
    before = old.listing
    old.archived()
    if act == "restore":
        old.does("legacy.disarm(archive)")
    old.does(f"legacy.{act}(archive)", die_at)
    old.host.kill()
    old.host.boot()
    old.does("legacy.disarm(archive)")
    assert old.armed == []
    old.host.shell("rm -f /run/user/*/legacy-ran")  # whatever was linked started its service at boot, as it ever did
    old.does("legacy.restore(archive)")
    assert (old.listing ^ before, old.armed) == (set(), TIMERS)


def test_a_migration_that_is_undone_or_rolled_back_puts_its_own_archive_back(old: Old) -> None:
    before = old.listing
    first = old.switched("migrate", "aaa", "take_over_legacy")
    assert (first, old.armed) == ("", [])
    assert old.host.files.exists(f"{DEPLOY}/legacy/aaa/index.json")
    assert SECRET in old.host.files.read("/etc/paper-trading/credentials/alpaca.env")
    old.switched("migrate", "aaa", "take_over_legacy")
    old.switched("migrate", "aaa", "restore_legacy")
    assert (old.listing ^ before, old.armed) == (set(), TIMERS)
    old.host.shell(f"echo >> {HOME}/.config/systemd/user/paper-trading-eod.timer")
    edited = old.listing
    old.switched("migrate", "bbb", "restore_legacy")  # it failed before its archive was whole
    assert old.listing == edited
    old.switched("migrate", "ccc", "take_over_legacy")
    old.migrated("ccc")
    old.host.shell(f'sed -i \'s/"at": "20/"at": "21/\' {DEPLOY}/legacy/aaa/index.json')  # a wall clock says nothing
    old.switched("rollback", "ddd", "restore_legacy")
    assert (old.listing ^ edited, old.armed) == (set(), TIMERS)
    old.switched("rollback", "ddd", "drop_legacy")
    assert old.armed == []


def test_no_secret_is_said_anywhere(old: Old) -> None:
    said = old.does("__import__('json').dumps(legacy.scan().document())")
    said += str(old.archived().does("legacy.carry_credentials(archive, Path('/etc/paper-trading/credentials'))"))
    said += old.does("legacy.disarm(archive)") + old.does("legacy.restore(archive)")
    said += old.host.shell("journalctl --no-pager; journalctl --no-pager --user", check=False).out
    assert SECRET not in said
    assert KEY_ID not in said
    assert SECRET in old.host.files.read("/etc/paper-trading/credentials/alpaca.env")


def test_the_texts_are_read_as_systemd_reads_them(old: Old) -> None:
    old.host.files.write(f"{HOME}/probe.env", _ENVIRONMENT, owner=USER)
    old.host.files.write(f"{HOME}/.config/systemd/user/probe.service", _UNIT, owner=USER)
    old.systemctl("daemon-reload")
    old.systemctl("start", "probe.service")
    pairs = old.host.files.read(f"{HOME}/probe.out").split("\0")
    real = {name: value for name, _, value in (pair.partition("=") for pair in pairs) if len(name) == 1}
    ours = {each.name: each.value for each in assignments(_ENVIRONMENT) if not each.exported}
    said = words(UnitText(_UNIT).last("Service", "Environment"))
    ours |= {name: value for name, _, value in (word.partition("=") for word in said)}
    assert len(real) > 15
    assert ours == {name: value for name, value in real.items() if name != "_"}

"""The lab itself: what the other tests of the fleet stand on."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.fleet.lab import CommandFailed, Host, Lab, LabError, image, registry
from tests.fleet.lab.tools import wait_for

ROOT = Path(__file__).parents[2]
CHICAGO = ZoneInfo("America/Chicago")
FETCH = ("curl", "--silent", "--show-error", "--max-time", "2")


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Host:
    """A host for tests that leave it running."""
    return lab.hosts("desk")[0]


@pytest.fixture(scope="module")
def spare(lab: Lab) -> Host:
    """Another."""
    return lab.hosts("spare")[0]


def ssh(lab: Lab, host: Host, *words: str, user: str = "operator") -> str:
    """What a command says that is run over the network."""
    command = ["ssh", *lab.ssh.options(), f"{user}@{host.address}", "--", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def test_systemd_and_a_users_manager_run_and_ssh_lets_in(lab: Lab, desk: Host) -> None:
    assert desk.run("systemctl", "is-system-running").out == "running\n"
    assert desk.run("systemctl", "--user", "is-system-running", user="trading").out == "running\n"
    assert ssh(lab, desk, "sudo", "-n", "sh", "-c", "'id -un; hostname'") == "root\ndesk"


def test_a_command_that_fails_or_is_late_is_told_with_what_it_said(desk: Host) -> None:
    with pytest.raises(CommandFailed, match="ended with 3: gone wrong"):
        desk.shell("echo gone wrong >&2; exit 3")
    with pytest.raises(CommandFailed, match="sleep 60 did not end in time"):
        desk.run("sleep", "60", timeout_s=0.3)
    wait_for("it is gone", lambda: desk.run("pgrep", "--exact", "sleep", check=False).out == "", 5)


def test_files_go_in_and_come_out_and_a_link_leads_to_a_place_in_the_host(desk: Host, tmp_path: Path) -> None:
    (tmp_path / "tree/below").mkdir(parents=True)
    (tmp_path / "tree/below/file").write_text("as it was")
    desk.files.put(tmp_path / "tree", "/srv/copied", owner="trading")
    desk.run("ln", "-s", "/srv/copied/below", "/srv/link")
    desk.files.write("/srv/link/other", "beside it", mode=0o640)
    assert desk.run("stat", "--format=%U %a", "/srv/copied/below/file", "/srv/link/other").out.split() == [
        *("trading", "644"),
        *("root", "640"),
    ]
    desk.files.get("/srv/copied", tmp_path / "back")
    assert (tmp_path / "back/copied/below/other").read_text() == "beside it"
    assert not Path("/srv/copied").exists()


@dataclass(frozen=True)
class Limit:
    """A unit's limit, a program that crosses it, and what comes of it without and with the limit."""

    settings: tuple[str, ...]
    program: str
    without: str
    within: str


LIMITS = {
    "memory": Limit(("MemoryMax=64M", "MemorySwapMax=0"), "print(len(bytearray(200 << 20)) >> 20)", "200", ""),
    "tasks": Limit(
        ("TasksMax=10",),
        "import os, signal\n"
        "def forked():\n"
        "    try: pid = os.fork()\n"
        "    except BlockingIOError: return False\n"
        "    return pid or signal.pause()\n"
        "print(sum(1 for _ in range(50) if forked()))",
        "50",
        "9",
    ),
    "addresses": Limit(
        ("IPAddressDeny=any",),
        "import socket\n"
        "try: print(socket.create_connection(('127.0.0.1', 22), 0.5).recv(3).decode())\n"
        "except TimeoutError: print('denied')",
        "SSH",
        "denied",
    ),
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_the_limits_of_a_unit_are_enforced(desk: Host, limit: Limit) -> None:
    start = ("systemd-run", "--quiet", "--collect", "--wait", "--pipe")
    settings = [word for setting in limit.settings for word in ("--property", setting)]
    assert desk.run(*start, "python3", "-c", limit.program, check=False).out.strip() == limit.without
    assert desk.run(*start, *settings, "python3", "-c", limit.program, check=False).out.strip() == limit.within


def test_a_power_loss_ends_everything_at_once_and_keeps_the_disk(lab: Lab) -> None:
    (host,) = lab.hosts("unlucky")
    host.files.write("/etc/systemd/system/told.service", "[Service]\nExecStart=sleep 99\nExecStop=touch /told\n")
    host.run("systemctl", "start", "told.service")
    before = host.files.read("/etc/machine-id"), host.files.read("/etc/ssh/ssh_host_ed25519_key.pub")
    host.kill()
    assert not host.running
    with pytest.raises(LabError, match="unlucky is off: boot it first"):
        assert host.leader
    assert host.boot() == "running"
    assert not host.files.exists("/told")
    assert (host.files.read("/etc/machine-id"), host.files.read("/etc/ssh/ssh_host_ed25519_key.pub")) == before
    assert len(host.run("journalctl", "--list-boots", "--quiet").out.splitlines()) == 2
    host.run("systemctl", "start", "told.service")
    host.stop()
    assert host.files.exists("/told")


def test_a_host_that_reboots_itself_comes_back(lab: Lab) -> None:
    (host,) = lab.hosts("restless")
    first = host.leader

    def down() -> bool:
        try:
            return host.leader != first
        except LabError:
            return True

    host.run("systemctl", "reboot", check=False)
    wait_for("the host has gone down", down, 20)
    assert host.wait_until_running() == "running"
    assert host.leader != first
    assert ssh(lab, host, "hostname") == "restless"


@pytest.mark.parametrize("silently", [False, True])
def test_a_cut_takes_one_host_off_the_network_until_it_is_healed(
    lab: Lab, desk: Host, spare: Host, silently: bool
) -> None:
    def answers() -> bool:
        ask = f"timeout 1 bash -c 'read -r -N 4 said < /dev/tcp/{desk.address}/22; echo $said'"
        return spare.shell(ask, check=False).out == "SSH-\n"

    assert answers()
    cable = desk.run("cat", "/sys/class/net/host0/operstate").out
    lab.network.cut("desk", silently)
    assert (desk.run("cat", "/sys/class/net/host0/operstate").out == cable) is silently
    assert not answers()
    assert ssh(lab, spare, "hostname") == "spare"
    lab.network.heal("desk")
    wait_for("desk is reached again", answers, 5)
    assert ssh(lab, desk, "ip", "route").startswith(f"default via {lab.network.controller}")


def test_a_snapshot_is_where_clones_begin_and_none_sees_what_another_does(lab: Lab) -> None:
    (first,) = lab.hosts("first")
    first.files.write("/srv/installed", "yes")
    installed = first.snapshot("where-clones-begin")
    one, two = lab.hosts("one", "two", base=installed)
    one.files.write("/srv/installed", "changed")
    one.run("rm", "-r", "/srv/installed")
    assert [host.files.read("/srv/installed") for host in (two, first)] == ["yes", "yes"]
    assert len({host.files.read("/etc/machine-id") for host in (first, one, two)}) == 3
    assert ssh(lab, two, "hostname") == "two"
    assert one.snapshot("removed").is_dir()
    assert not lab.host("three", base=lab.record.folder / "snapshots/removed").files.exists("/srv/installed")
    two.files.write("/srv/own", "")
    two.reset()
    assert (two.boot(), two.files.exists("/srv/own"), two.files.read("/srv/installed")) == ("running", False, "yes")
    for name in ("first", "one", "two", "three"):
        lab.destroy(name)


TIMER = """
[Timer]
OnCalendar=Mon..Fri *-*-* 08:30:00 America/Chicago
AccuracySec=100ms
"""
SERVICE = """
[Service]
Type=oneshot
DynamicUser=yes
ProtectSystem=strict
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
StateDirectory=opening
ExecStart=/bin/sh -c 'date --iso-8601=ns >> /var/lib/opening/at'
"""


def test_a_hosts_own_clock_fires_its_timers_in_winter_and_in_summer(lab: Lab, desk: Host) -> None:
    (host,) = lab.hosts("early")
    host.files.write("/etc/systemd/system/opening.timer", TIMER)
    host.files.write("/etc/systemd/system/opening.service", SERVICE)

    def opened() -> list[datetime]:
        text = host.files.read("/var/lib/opening/at") if host.files.exists("/var/lib/opening/at") else ""
        return [datetime.fromisoformat(line[:26].replace(",", ".") + line[-6:]) for line in text.splitlines()]

    def opens(at: datetime, after: timedelta) -> None:
        """The timer fires at that instant, and not before, when the clock is set to shortly before."""
        before = len(opened())
        host.set_clock(at - after)
        assert len(opened()) == before
        wait_for("the timer fires", lambda: len(opened()) > before, 15)
        assert at <= opened()[-1] < at + timedelta(seconds=2)

    host.set_clock(datetime(2026, 11, 23, 8, 0, tzinfo=CHICAGO))
    host.run("systemctl", "start", "opening.timer")
    opens(datetime(2026, 11, 23, 14, 30, tzinfo=UTC), timedelta(seconds=2))  # the same day: systemd had planned it
    host.set_clock(datetime(2027, 3, 13, 12, tzinfo=CHICAGO))  # a Saturday; what lay between fires at once
    wait_for("missed openings are made up for", lambda: len(opened()) == 2, 15)
    opens(datetime(2027, 3, 15, 13, 30, tzinfo=UTC), timedelta(seconds=2))
    told = host.run("journalctl", "--quiet", "--unit", "opening.service", "--output", "short-iso").out
    assert re.search(r"^2027-03-15T13:30:0\d.* Starting opening.service", told, re.MULTILINE)
    seen = host.run("python3", "-c", "import time; print(time.time())").out
    assert abs(float(seen) - host.now().timestamp()) < 5
    assert abs(desk.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert desk.run("date", "+%Y").out != "2027\n"


def test_a_clone_of_a_host_with_a_clock_of_its_own_has_one_too(lab: Lab) -> None:
    host = lab.host("timed")
    host.set_clock(datetime(2031, 5, 5, tzinfo=UTC))
    host.boot()
    (clone,) = lab.hosts("clone", base=host.snapshot("timed"))
    assert abs(clone.now() - datetime(2031, 5, 5, tzinfo=UTC)) < timedelta(minutes=1)
    clone.set_clock(datetime(2035, 5, 5, tzinfo=UTC))  # journald runs already, and must see it
    clone.run("systemd-cat", "echo", "five past")
    assert clone.run("journalctl", "--quiet", "--grep", "five past", "--output", "short-iso").out.startswith("2035-05")
    assert abs(host.now() - datetime(2031, 5, 5, tzinfo=UTC)) < timedelta(minutes=1)


def test_users_timers_go_by_the_hosts_clock_also_after_a_power_loss(lab: Lab) -> None:
    host = lab.host("owned")
    host.set_clock(datetime(2040, 11, 26, 7, tzinfo=CHICAGO))  # years ahead: what has kept real time is overdue
    units = "/home/" + "trading/.config/systemd/user"
    service = "[Service]\nType=oneshot\nExecStart=touch %h/opened\n"
    host.files.write(f"{units}/opening.timer", TIMER.replace("100ms", "100ms\nPersistent=yes"))
    host.files.write(f"{units}/opening.service", service)
    host.run("chown", "-R", "trading:", "/home/" + "trading")
    host.boot()
    host.run("systemctl", "--user", "start", "opening.timer", user="trading")
    host.kill()
    host.boot()
    host.run("systemctl", "--user", "start", "opening.timer", user="trading")
    assert not host.files.exists("/home/" + "trading/opened")
    host.set_clock(datetime(2040, 11, 26, 8, 29, 59, tzinfo=CHICAGO))
    wait_for("the timer fires", lambda: host.files.exists("/home/" + "trading/opened"), 15)


def test_an_attempt_to_get_out_is_seen_and_fails(lab: Lab, desk: Host, spare: Host) -> None:
    desk.shell(f"head -c 4 < /dev/tcp/{spare.address}/22")
    desk.run(*FETCH, f"http://{lab.network.controller}:9/", check=False)
    assert lab.stray_packets() == []
    assert desk.run(*FETCH, "--max-time", "0.3", "http://192.0.2.77/", check=False).code == 28
    assert spare.run(*FETCH, "http://broker.example/", check=False).code == 6
    seen = {(stray.host, stray.destination, stray.port, stray.asks) for stray in lab.stray_packets()}
    assert seen == {("desk", "192.0.2.77", 80, ""), ("spare", lab.network.controller, 53, "broker.example")}


def test_an_exchange_is_reached_from_a_host(lab: Lab, desk: Host) -> None:
    exchange = lab.exchange(at=datetime(2026, 3, 2, 13, tzinfo=UTC), symbols=3)
    exchange.advance(datetime(2026, 3, 2, 14, tzinfo=UTC))
    keys = ("--header", "APCA-API-KEY-ID: SIMULATED", "--header", "APCA-API-SECRET-KEY: SIMULATED")
    clock = json.loads(desk.run(*FETCH, *keys, f"{exchange.url}/v2/clock").out)
    assert datetime.fromisoformat(clock["timestamp"]) == exchange.now() == datetime(2026, 3, 2, 14, tzinfo=UTC)
    exchange.stop()
    assert desk.run(*FETCH, exchange.url, check=False).code == 7


def test_the_inventory_is_what_ansible_connects_by(lab: Lab, desk: Host, spare: Host, tmp_path: Path) -> None:
    groups = {"desks": ["desk"], "all_of_them": ["desk", "spare"]}
    path = lab.inventory(tmp_path / "hosts.yml", {"desk": {"role": "primary"}, "spare": {}}, groups=groups)
    ansible = [str(Path(sys.executable).with_name("ansible")), "-i", str(path), "desks", "-b", "-m"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    told = subprocess.run(
        [*ansible, "command", "-a", "echo {{ role }} {{ ansible_host }}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environ,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"primary {desk.address}" in told.stdout


LEFT_BEHIND = """
import sys
from tests.fleet.lab import Lab
from datetime import UTC, datetime
with Lab() as lab:
    lab.hosts("orphan")
    lab.exchange(at=datetime(2026, 3, 2, 13, tzinfo=UTC), symbols=3)
    print(lab.record.number, flush=True)
    sys.stdin.read()
"""


def traces(number: int) -> list[str]:
    """What there is on this machine of a lab: interfaces, name spaces, mounts, control groups, processes, files."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    mine = registry.read(number)
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/paper-trading-lab/{number}")]
    places = [Path(f"/run/paper-trading-lab/{number}"), *Path("/run/netns").glob(f"ptlab{number}-*")]
    words = [line.split()[0] for line in links.splitlines() if line.startswith((f"ptlab{number} ", f"ptlab{number}h"))]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f"/labs/{number}/" in line]
    running = [str(pid) for pid in mine.group().processes()] if mine else []
    return words + groups + mounts + running + [str(place) for place in places if place.exists()]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_whatever_ends_a_lab_nothing_of_it_stays(lab: Lab, desk: Host, ending: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LEFT_BEHIND], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0]
        number = int(process.stdout.readline())
        assert number != lab.record.number
        assert len(traces(number)) > 10
        process.send_signal(ending)
        process.wait(20)
    if ending is signal.SIGKILL:
        assert len(traces(number)) > 10
        assert number in registry.sweep()
    assert traces(number) == []
    assert desk.run("systemctl", "is-system-running").out == "running\n"


def command(*words: str) -> tuple[int, str]:
    """Exit code and everything said of a call of the lab's own command."""
    call = [sys.executable, "-m", "tests.fleet.lab", *words]
    ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_lab_can_stay_between_commands(lab: Lab) -> None:
    code, told = command("up", "kept")
    number = told.split()[1]
    try:
        assert code == 0
        registry.sweep()
        assert re.search(rf"^  kept +10\.231\.{number}\.\d+ +running +\d+ s", command("status")[1], re.MULTILINE)
        assert command("exec", "--lab", number, "kept", "--", "sh", "-c", "hostname; exit 7") == (7, "kept\n")
        assert command("exec", "--lab", number, "other", "--", "true")[0] == 2
        assert command("down", "--lab", str(lab.record.number))[0] == 1
    finally:
        assert command("down", "--lab", number) == (0, f"removed: {number}\n")
    assert traces(int(number)) == []
    assert lab.names


def test_the_mirror_is_the_one_that_this_machines_apt_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADER_LAB_MIRROR", raising=False)
    (tmp_path / "sources.list.d").mkdir()
    with pytest.raises(LabError, match="set TRADER_LAB_MIRROR"):
        image.mirror(tmp_path)
    other = "Types: deb\nURIs: http://a.example/x\nSuites: nodistro\n"
    ours = "# why\nTypes: deb deb-src\nURIs: http://b.example/debian\nSuites: bookworm bookworm-updates\n"
    (tmp_path / "sources.list.d/debian.sources").write_text(f"{other}\n{ours}")
    assert image.mirror(tmp_path) == "http://b.example/debian"
    (tmp_path / "sources.list").write_text(
        "# deb http://c.example bookworm main\ndeb [arch=amd64 x=y] http://d.example/debian bookworm main\n"
    )
    assert image.mirror(tmp_path) == "http://d.example/debian"
    monkeypatch.setenv("TRADER_LAB_MIRROR", "http://e.example")
    assert image.mirror(tmp_path) == "http://e.example"

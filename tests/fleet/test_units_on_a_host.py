"""The units where systemd runs them: every sandbox can be made, what hangs is ended, what fails is told of."""

import json
import re

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host, Lab
from tests.fleet.stand import MONDAY, Stand, trader, until
from trader.bootstrap.units import checked, render

USER = "trading"
HOME = f"/ho{'me'}/{USER}"
CHANGED = re.compile(
    r"^(Type|NotifyAccess|WatchdogSec|RuntimeMaxSec|Restart\w*|Exec\w+|Standard\w+|SuccessExitStatus|OnFailure)=.*\n",
    re.MULTILINE,
)
LOOKS = "[Service]\nType=oneshot\nExecStart=/usr/bin/python3 -c 'import ssl, sqlite3, ctypes'\n"


def manager(host: Host, scope: str, *words: str, check: bool = True) -> str:
    """`systemctl WORDS` of the scope."""
    if scope == "system":
        return host.run("systemctl", *words, check=check).out
    runtime = f"XDG_RUNTIME_DIR=/run/user/{host.run('id', '-u', USER).out.strip()}"
    return host.run("env", runtime, "systemctl", "--user", *words, check=check, user=USER).out


@pytest.mark.parametrize("scope", ["system", "user"])
def test_every_service_can_be_confined_on_a_host(lab: Lab, scope: str) -> None:
    (host,) = lab.hosts(f"confined-{scope}")
    folders = {"system": "/etc/systemd/system", "user": f"{HOME}/.config/systemd/user"}
    places = ["/etc/paper-trading/credentials", "/var/lib/paper-trading-deploy", "/var/backups/paper-trading"]
    if scope == "user":
        state = f"{HOME}/.local/state/paper-trading"
        places = [f"{HOME}/.config/paper-trading/credentials", state, f"{state}-deploy", f"{state}-backups"]
    else:
        host.run("useradd", "--system", "paper-trading")
    owner = "root" if scope == "system" else USER
    host.shell(f"install -d -o {owner} {' '.join(places)} {folders[scope]}; loginctl enable-linger {USER}")
    for name in ("alpaca", "restic"):
        host.files.write(f"{places[0]}/{name}.env", "")
    units = render(checked({"trader_scope": scope, "trader_backup_enabled": True}, "test"))
    services = [name for name in units if name.endswith(".service")]
    for name in services:
        text = CHANGED.sub("", units[name]).replace("[Service]\n", LOOKS)
        host.files.write(f"{folders[scope]}/{name}", text)
    host.shell(f"chown -R {owner} {' '.join(places)} {folders[scope]}")
    until(lambda: manager(host, scope, "is-system-running", check=False).strip() in ("running", "degraded"))
    manager(host, scope, "daemon-reload")
    for name in services:
        unit = name.replace("@.", "@drill.")
        manager(host, scope, "start", unit, check=False)
        shown = manager(host, scope, "show", "--value", "--property=Result,ExecMainStatus", unit).split()
        assert shown == ["success", "0"], host.shell(f"journalctl --no-pager -n 20 | grep {unit}", check=False).out


def test_a_session_that_hangs_is_ended_and_one_that_fails_thrice_is_told_of(stand: Stand, clones: Clones) -> None:
    exchange = stand.fresh_exchange("main")
    (host,) = clones("failing")
    session = "paper-trading-session.service"
    quick = "[Service]\nRestartSec=1\nWatchdogSec=8\n"
    host.files.write(f"/etc/systemd/system/{session}.d/quick.conf", quick)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "--wait", "paper-trading-preflight.service", timeout_s=240)
    exchange.advance(MONDAY.replace(hour=8, minute=30))
    host.run("systemctl", "start", session, timeout_s=120)
    host.shell(f"kill -STOP $(systemctl show --value --property=MainPID {session})")
    until(lambda: "watchdog" in host.shell(f"journalctl -u {session} --no-pager | grep -i watchdog", check=False).out)
    exchange.stop()  # from here on each start ends with exit code 3
    until(lambda: host.run("systemctl", "is-failed", session, check=False).out.strip() == "failed", within_s=120)
    alerts = "SELECT unit, text FROM outbox WHERE unit = 'paper-trading-session'"
    ledger = "/var/lib/paper-trading/ledger.db"
    script = f"import sqlite3, json; print(json.dumps(sqlite3.connect('{ledger}').execute(\"{alerts}\").fetchall()))"
    until(lambda: json.loads(host.run("/usr/bin/python3", "-c", script).out))
    ((_, text),) = json.loads(host.run("/usr/bin/python3", "-c", script).out)
    assert "exit code 3: the broker was not reached" in text
    assert "FAILED" in trader(host, "status", user="nobody", check=False).out
    stand.fresh_exchange("main")


def test_backups_run_confined_and_leave_the_ledger_to_its_user(clones: Clones) -> None:
    (host,) = clones("backed-up")
    for name in ("backup", "backup-drill"):
        ended = trader(host, "run-now", name, check=False)
        assert ended.code == 0, ended
    owners = host.shell("stat --format=%U /var/lib/paper-trading/ledger.db*").out.split()
    assert set(owners) == {"paper-trading"}
    assert trader(host, "ledger", "verify").code == 0

"""Hosts that are installed by the playbooks, each account with an exchange of its own on the controller's side.

Their clocks stand on a Saturday, so that no timer fires by chance of the hour a test runs in.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tests.fleet.lab import Host, Lab, Ran, SimulatedExchange
from tests.support.releases import WHEELHOUSES

ROOT = Path(__file__).parents[2]
CHICAGO = ZoneInfo("America/Chicago")
SATURDAY = datetime(2026, 3, 14, 12, tzinfo=CHICAGO)
MONDAY = datetime(2026, 3, 16, 7, tzinfo=CHICAGO)
TOOL = "/usr/local/lib/paper-trading/deploy.pyz"
PLANTED = "Zq7" + "plantedSECRET" + "x9W"
"""What must never be seen anywhere: the secret half of the keys on every host."""
MARKET = {"symbols": 20, "history_start": "2024-06-03", "history_end": "2026-12-31", "seed": 3}
RESTIC = {"RESTIC_PASSWORD": f"{PLANTED}-restic"}
VARIABLES: dict[str, object] = {
    "trader_guard_window": "",
    "trader_guard_before_s": 0,
    "trader_max_clock_skew_s": 1_000_000_000,
    "trader_packages_from": "host",
    "trader_credentials": ["alpaca", "restic"],
    "trader_credentials_files": {
        "alpaca": {"ALPACA_API_KEY": "PLANTEDKEYID", "ALPACA_SECRET_KEY": PLANTED},
        "restic": RESTIC,
    },
    "trader_config": {
        "position_sizing": {"max_positions": 8},
        "risk_management": {
            "max_position_size": 0.2,
            "max_sector_exposure": 1,
            "max_correlation_exposure": 1,
            "order_notional_cap_usd": 300000,
        },
        "watch": {"interval_s": 600, "max_stale_s": 600, "max_silence_s": 600},
        "model": {"train_sessions": 250, "rounds": 20},
    },
}


@dataclass(frozen=True, slots=True)
class Played:
    """How a playbook ended; `hosts` has the counters of the recap by host."""

    code: int
    out: str
    hosts: Mapping[str, Mapping[str, int]]

    def total(self, counter: str) -> int:
        """A counter over all hosts."""
        return sum(counters[counter] for counters in self.hosts.values())


@dataclass
class Stand:
    """A lab, its inventory, and what was installed from it."""

    lab: Lab
    folder: Path
    hostvars: dict[str, dict[str, object]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, object] = field(default_factory=lambda: dict(VARIABLES))
    login: str = "operator"
    exchanges: dict[str, SimulatedExchange] = field(default_factory=dict)

    def exchange(self, account: str) -> SimulatedExchange:
        """The exchange of an account: a small synthetic market on the Monday after the hosts' Saturday."""
        return self.exchanges.get(account) or self.fresh_exchange(account)

    def fresh_exchange(self, account: str) -> SimulatedExchange:
        """The same, begun anew: nothing has been ordered there, and it answers where the old one did."""
        market: dict[str, object] = dict(MARKET)
        if old := self.exchanges.get(account):
            old.stop()
            market["port"] = urlsplit(old.url).port
        self.exchanges[account] = self.lab.exchange(at=MONDAY, **market)
        return self.exchanges[account]

    def add(self, *names: str, role: str = "primary", base: Path | None = None, **variables: object) -> list[Host]:
        """New hosts in the inventory, booted; without a base they are virgin."""
        hosts = [self.lab.host(name, base) for name in names]
        for host in hosts:
            host.set_clock(SATURDAY)
        self.lab.together(*(host.boot for host in hosts))
        for name in names:
            own: dict[str, object] = {"trader_account": "main", **variables}
            own.setdefault("trader_broker_url", self.exchange(str(own["trader_account"])).url)
            self.hostvars[name] = own
            self.groups.setdefault(role, []).append(name)
        return hosts

    def forget(self, *names: str) -> None:
        """Remove hosts."""
        for name in names:
            self.lab.destroy(name)
            del self.hostvars[name]
            for members in self.groups.values():
                if name in members:
                    members.remove(name)

    def inventory(self) -> Path:
        """The inventory as it stands."""
        hosts = dict(self.hostvars)
        everyone = {**self.groups, "paper_trading": list(hosts)}
        path = self.folder / "hosts.yml"
        return self.lab.inventory(path, hosts, user=self.login, groups=everyone, variables=self.variables)

    def command(self, playbook: str, *options: str, **extra: object) -> tuple[list[str], dict[str, str]]:
        """What runs a playbook, and in which environment."""
        program = Path(sys.executable).with_name("ansible-playbook")
        words = [str(program), "-i", str(self.inventory()), str(ROOT / "ansible" / "playbooks" / f"{playbook}.yml")]
        variables = {"trader_release_out": str(self.folder / "build"), **extra}
        environ = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "TRADER_WHEELHOUSE_CACHE": str(WHEELHOUSES),
        }
        return [*words, *options, "-e", json.dumps(variables)], environ

    def play(
        self,
        playbook: str,
        *options: str,
        check: bool = True,
        environ: Mapping[str, str] | None = None,
        timeout_s: float = 300,
        **extra: object,
    ) -> Played:
        """Run a playbook to its end, in a process group of its own; `extra` are variables of the command line."""
        command, environment = self.command(playbook, *options, **extra)
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout_s,
            start_new_session=True,
        )
        played = Played(ended.returncode, ended.stdout, recap(ended.stdout))
        if check:
            assert played.code == 0, played.out[-6000:]
        return played


def until(true: Callable[[], object], within_s: float = 60) -> None:
    """Wait until something is so."""
    ends_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends_s, "it did not come to pass"
        time.sleep(0.05)


def busy(host: Host, unit: str) -> bool:
    """Whether a unit of the host is at work, or will be in a moment."""
    state = host.run("systemctl", "is-active", unit, check=False).out.strip()
    return state in ("active", "activating", "deactivating")


_LINE = re.compile(r"^(\S+)\s+: (ok=.*)$", re.MULTILINE)


def started(host: Host, unit: str) -> bool:
    """Whether a unit has been started since the host booted."""
    return host.run("systemctl", "show", unit, "--value", "--property=ExecMainStartTimestamp").out.strip() != ""


def recap(out: str) -> dict[str, dict[str, int]]:
    """The counters that a run ends with."""
    told = _LINE.findall(out.rpartition("PLAY RECAP")[2])
    return {name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counters)} for name, counters in told}


def tool(host: Host, *words: str, check: bool = True) -> Any:
    """The answer of the host's own tool."""
    ran = host.run("/usr/bin/python3", "-I", TOOL, *words, check=False, timeout_s=300)
    assert not check or ran.code == 0, ran
    return json.loads(ran.out)


def trader(host: Host, *words: str, check: bool = True, user: str = "root") -> Ran:
    """What a person types on a host."""
    return host.run("/usr/local/bin/trader", *words, check=check, user=user, timeout_s=300)

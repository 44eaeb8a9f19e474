"""`make lab`: three hosts on this machine, deployed by the playbooks, that trade a day by their own timers.

Every host has an account of its own on an exchange of its own. Host and exchange are set to the same instants, so that
08:00, 08:30 and 15:10 in Chicago come within seconds. The lab stays until `make lab-down`.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.fleet.lab import Host, Lab, SimulatedExchange
from tests.fleet.rollout import teach
from tests.fleet.stand import MARKET, MONDAY, ROOT, busy, started, tool, trader, until

INVENTORY = ROOT / "inventories" / "lab"
NAMES = ("lab1", "lab2", "lab3")
DAY = (
    ("preflight", MONDAY.replace(hour=8)),
    ("session", MONDAY.replace(hour=8, minute=30)),
    ("eod", MONDAY.replace(hour=15, minute=10)),
)
console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 120)

_UPGRADE = '{"trader_config_overrides": {"position_sizing": {"max_positions": 6}}}'
_AFTERWARDS = """\
Lab {number} stays. On its hosts it is Monday 2026-03-16, after the close; their account is the simulated exchange's.

    source .venv/bin/activate
    python -m tests.fleet.lab exec lab1 -- trader status      # or: shell lab1
    ansible-playbook -i inventories/lab ansible/playbooks/status.yml
    ansible-playbook -i inventories/lab ansible/playbooks/install.yml -e '{upgrade}'
    ansible-playbook -i inventories/lab ansible/playbooks/rollback.yml
    python -m tests.fleet.lab at 2026-03-17T08:00             # the next morning: preflight; then 08:30, 15:10

docs/operations.md has every playbook. Remove the lab: make lab-down"""


def main() -> int:
    """Make the lab and let it trade; 1 when a host has not closed its day."""
    began = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.0f} s[/dim]  {what}", highlight=False)

    tell("making hosts; the first lab on a machine builds their image, a minute or two")
    with Lab(keep=True) as lab:
        hosts = [lab.host(name) for name in NAMES]
        for host in hosts:
            host.set_clock(MONDAY)
        lab.together(*(host.boot for host in hosts))
        exchanges = [lab.exchange(at=MONDAY, **{**MARKET, "seed": seed}) for seed, _ in enumerate(hosts, 1)]
        _introduce(lab, exchanges)
        tell(f"deploying to {', '.join(NAMES)}: ansible-playbook -i inventories/lab ansible/playbooks/install.yml")
        _play("install", tell)
        tell("bars and a model for each of them: trader data update, model train, model promote")
        lab.together(*(partial(teach, host) for host in hosts))
        for name, instant in DAY:
            tell(f"it is {instant:%H:%M} in Chicago: the timers start {name}")
            living = (partial(_live, *pair, name, instant) for pair in zip(hosts, exchanges, strict=True))
            lab.together(*living)
        tell("the day is over")
        closed = _show(hosts, exchanges)
        _play("status")
    console.print(_AFTERWARDS.format(number=lab.record.number, upgrade=_UPGRADE), highlight=False, markup=False)
    return 0 if closed else 1


def _introduce(lab: Lab, exchanges: list[SimulatedExchange]) -> None:
    """Tell the lab's inventory where its hosts are."""
    known = {name: {"trader_broker_url": exchange.url} for name, exchange in zip(NAMES, exchanges, strict=True)}
    lab.inventory(INVENTORY / "connection.yml", known, variables={"trader_max_clock_skew_s": 1_000_000_000})


def _play(playbook: str, tell: Callable[[str], None] | None = None) -> None:
    """Run it; told are the names of its plays, else it is shown whole."""
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), "-i", str(INVENTORY), f"ansible/playbooks/{playbook}.yml"]
    environ = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    said = []
    with subprocess.Popen(words, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as playing:
        for line in playing.stdout or ():
            said.append(line)
            if tell and (play := re.match(r"PLAY \[(.+)\] \*", line)):
                tell(f"  {play[1]}")
    if playing.returncode or not tell:
        sys.stdout.write("".join(said))
        sys.stdout.flush()
    if playing.returncode:
        raise SystemExit(f"{playbook}.yml ended with {playing.returncode}")


def _live(host: Host, exchange: SimulatedExchange, name: str, instant: datetime) -> None:
    """Let an instant come, and wait for what its timer starts to end."""
    exchange.advance(instant)
    host.set_clock(instant - timedelta(seconds=1))
    unit = f"paper-trading-{name}.service"
    until(lambda: started(host, unit), within_s=240)
    until(lambda: not busy(host, unit), within_s=240)


def _show(hosts: list[Host], exchanges: list[SimulatedExchange]) -> bool:
    """A line a host; whether every one has closed its day."""
    table = Table("host", "account", "release", "orders", "filled", "equity, USD", "day closed", "at the exchange")
    closed = True
    for host, exchange in zip(hosts, exchanges, strict=True):
        status = json.loads(trader(host, "status", "--json", check=False).out)
        view = status["view"]
        orders = exchange.control("/v2/orders?status=all&limit=500")
        filled = sum(order["status"] == "filled" for order in orders)
        closed = closed and view["closed_date"] == f"{MONDAY:%Y-%m-%d}"
        table.add_row(
            host.name,
            tool(host, "facts")["account"],
            status["release"],
            str(view["planned_orders"]),
            str(view["filled_orders"]),
            str(view["equity_usd"]),
            str(view["closed_date"]),
            f"{len(orders)} orders, {filled} filled",
        )
    console.print(table)
    return closed


if __name__ == "__main__":
    sys.exit(main())

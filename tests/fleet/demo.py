"""`make lab`: three hosts on this machine, deployed by the playbooks, that trade a day by their own timers.

Every host has an account of its own on an exchange of its own. Host and exchange are set to the same instants, so that
08:00, 08:30 and 15:10 in Chicago come within seconds. The lab stays until `make lab-down`.
"""

import json
import os
import subprocess
import sys
import time
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
console = Console()


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
        _play("install")
        tell("bars and a model for each of them: trader data update, model train, model promote")
        lab.together(*(partial(teach, host) for host in hosts))
        for name, instant in DAY:
            tell(f"it is {instant:%H:%M} in Chicago: the timers start {name}")
            living = (partial(_live, *pair, name, instant) for pair in zip(hosts, exchanges, strict=True))
            lab.together(*living)
        tell("the day is over")
        closed = _show(hosts, exchanges)
        _play("status", shown=True)
    console.print("Look around: .venv/bin/python -m tests.fleet.lab shell lab1; any playbook with -i inventories/lab.")
    console.print("Remove it: make lab-down")
    return 0 if closed else 1


def _introduce(lab: Lab, exchanges: list[SimulatedExchange]) -> None:
    """Tell the lab's inventory where its hosts are."""
    known = {name: {"trader_broker_url": exchange.url} for name, exchange in zip(NAMES, exchanges, strict=True)}
    lab.inventory(INVENTORY / "connection.yml", known, variables={"trader_max_clock_skew_s": 1_000_000_000})


def _play(playbook: str, shown: bool = False) -> None:
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), "-i", str(INVENTORY), f"ansible/playbooks/{playbook}.yml"]
    environ = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    ended = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if shown or ended.returncode:
        sys.stdout.write(ended.stdout)
        sys.stdout.flush()
    if ended.returncode:
        raise SystemExit(f"{playbook}.yml ended with {ended.returncode}")


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

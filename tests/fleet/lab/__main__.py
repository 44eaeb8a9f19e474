"""python -m tests.fleet.lab: a lab that stays on this machine until it is taken down."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.fleet.lab import registry
from tests.fleet.lab.errors import LabError
from tests.fleet.lab.lab import Lab
from tests.fleet.lab.tools import missing_tools


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="boot hosts")
    up.add_argument("names", nargs="*", help="what they are called; otherwise host1, host2, ...")
    up.add_argument("--hosts", type=int, default=3, help="how many, when no names are given")
    down = commands.add_parser("down", help="remove labs that no running process uses, dead ones included")
    commands.add_parser("status", help="labs, their hosts, and where the inventory and the key lie")
    enter = commands.add_parser("exec", help="run a command in a host: exec NAME -- COMMAND")
    enter.add_argument("name")
    enter.add_argument("words", nargs="+")
    enter.add_argument("--user", default="root")
    shell = commands.add_parser("shell", help="a shell in a host")
    shell.add_argument("name")
    moving = commands.add_parser("at", help="let an instant come, in Chicago's time: at 2026-03-17T08:00")
    moving.add_argument("instant", type=datetime.fromisoformat)
    for parser_of_one in (enter, shell, moving, down):
        parser_of_one.add_argument("--lab", type=int, help="this one alone, by its number")
    return parser


def _up(options: argparse.Namespace) -> int:
    with Lab(keep=True) as lab:
        lab.hosts(*(options.names or [f"host{number + 1}" for number in range(options.hosts)]))
        lab.inventory(lab.record.folder / "inventory.yml", {name: {} for name in lab.names})
        sys.stdout.write("\n".join(_described(lab)) + "\n")
    return 0


def _down(options: argparse.Namespace) -> int:
    removed = registry.sweep(kept=True, only=options.lab)
    stay = [record.number for record in registry.records() if options.lab in (None, record.number)]
    sys.stdout.write(f"removed: {', '.join(map(str, removed)) or 'nothing'}\n")
    for number in stay:
        sys.stderr.write(f"lab {number} stays: a running process uses it\n")
    return 1 if stay and options.lab else 0


def _status(_options: argparse.Namespace) -> int:
    for record in registry.records():
        if record.kept:
            with Lab.of(record.number) as lab:
                sys.stdout.write("\n".join(_described(lab)) + "\n")
        else:
            word = "used by a running process" if registry.alive(record) else "dead: python -m tests.fleet.lab down"
            sys.stdout.write(f"lab {record.number}: {word}\n")
    return 0


def _described(lab: Lab) -> Iterator[str]:
    yield f"lab {lab.record.number}"
    rows = [("host", "address", "state", "up for")]
    for name in lab.names:
        host = lab[name]
        up = f"{host.uptime_s():.0f} s" if host.running else ""
        rows.append((name, host.address, "running" if host.running else "off", up))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    yield from ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    for exchange in lab.exchanges:
        yield f"  exchange   {exchange.url}"
    yield f"  inventory  {lab.record.folder / 'inventory.yml'}"
    yield f"  key        {lab.ssh.key}"


def _exec(options: argparse.Namespace) -> int:
    with _lab(options) as lab:
        command = lab[options.name].entering(*options.words, user=options.user)
        return subprocess.run(command, check=False).returncode


def _shell(options: argparse.Namespace) -> int:
    with _lab(options) as lab:
        term = f"TERM={os.environ.get('TERM', 'dumb')}"
        return subprocess.run(lab[options.name].entering("env", term, "bash", "-l"), check=False).returncode


def _at(options: argparse.Namespace) -> int:
    """Exchanges stand at it, hosts a second before: what their timers have for it begins at once."""
    instant = options.instant.replace(tzinfo=ZoneInfo("America/Chicago"))
    with _lab(options) as lab:
        for exchange in lab.exchanges:
            exchange.advance(instant)
        for name in lab.names:
            lab[name].set_clock(instant - timedelta(seconds=1))
    return 0


@contextmanager
def _lab(options: argparse.Namespace) -> Iterator[Lab]:
    kept = [record.number for record in registry.records() if record.kept]
    wanted = kept if options.lab is None else [number for number in kept if number == options.lab]
    if len(wanted) != 1:
        raise LabError(f"labs that are up: {kept or 'none'}; " + ("name one with --lab" if kept else "begin with: up"))
    with Lab.of(wanted[0]) as lab:
        if "name" in options and options.name not in lab.names:
            raise LabError(f"there is no host {options.name}: {', '.join(lab.names)}")
        yield lab


_COMMANDS = {"up": _up, "down": _down, "status": _status, "exec": _exec, "shell": _shell, "at": _at}


def main() -> int:
    """The command's exit code; 2 when the lab cannot do it."""
    options = _options().parse_args()
    try:
        if missing := missing_tools():
            raise LabError(missing)
        return _COMMANDS[options.command](options)
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())

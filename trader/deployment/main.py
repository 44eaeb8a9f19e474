"""The tool's commands. Each prints one JSON document, which says as well what went wrong and what to do."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trader.deployment import clock
from trader.deployment.backup.drill import drill
from trader.deployment.backup.making import Source, backup
from trader.deployment.backup.pack import pack
from trader.deployment.backup.restore import Wish
from trader.deployment.desk import Desk, find_places, open_desk
from trader.deployment.errors import BadInput, DeploymentError
from trader.deployment.facts import facts
from trader.deployment.history import Record, active
from trader.deployment.legacy.takeover import plan_command, scan_command
from trader.deployment.orders import Order, activate, former, go_on, idle, restore
from trader.deployment.pruning import prune
from trader.deployment.rotation import rotate
from trader.deployment.staging import stage
from trader.deployment.stop import emergency_stop
from trader.deployment.unit_files import armed_on, self_starting, services

Answer = tuple[dict[str, Any], int]
Command = Callable[[argparse.Namespace], Answer]
OnDesk = Callable[[Desk, argparse.Namespace], Answer]


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; the exit code."""
    given = _parser().parse_args(arguments)
    command: Command = given.command
    try:
        answer, code = command(given)
    except DeploymentError as error:
        answer, code = {"refused": error.problem, "remedy": error.remedy}, error.exit_code
    except OSError as error:
        answer, code = {"refused": str(error), "remedy": "Make room, or mend the disk or the rights."}, 2
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, sort_keys=True) + "\n")
    if "refused" in answer:
        sys.stderr.write(f"{answer['refused']}. {answer['remedy']}\n")
    return code


class _Commands:
    """The tool's commands as they are added."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, command: Command, text: str) -> argparse.ArgumentParser:
        """One that needs no installed host."""
        made: argparse.ArgumentParser = self._parsers.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        return made

    def on_desk(self, name: str, command: OnDesk, text: str) -> argparse.ArgumentParser:
        """One that works with an installed host."""
        return self.add(name, lambda given: command(open_desk(find_places(), given.by), given), text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy.pyz", description=__doc__)
    parser.add_argument("--by", default=os.environ.get("SUDO_USER") or getpass.getuser(), help="who gives the order")
    commands = _Commands(parser)
    _add_releases(commands)
    _add_host(commands)
    _add_backups(commands)
    _add_legacy(commands)
    return parser


def _add_releases(commands: _Commands) -> None:
    staging = commands.on_desk("stage", _stage, "unpack a release and make its environment")
    staging.add_argument("--archive", type=Path, required=True)
    staging.add_argument("--wheelhouse-archive", type=Path)
    activation = commands.on_desk("activate", _activate, "make a release the one that trades, or leave all as it is")
    activation.add_argument("--release", default="", help="its id; with --kind rollback the one before, if left out")
    activation.add_argument("--kind", choices=("deploy", "rollback", "retreat", "migrate"), default="deploy")
    activation.add_argument("--force", action="store_true", help="in the hours of trading, too; needs --reason")
    activation.add_argument("--reason", default="")
    activation.add_argument("--legacy-directory", default="", help="migrate: where it works, if its units do not say")
    commands.on_desk("rollback-target", _target, "where a rollback goes")
    commands.on_desk("continue", lambda desk, _: (go_on(desk), 0), "finish or undo what is in flight, as a boot does")
    commands.on_desk("prune", _prune, "remove releases that nobody needs")


def _add_host(commands: _Commands) -> None:
    commands.on_desk("facts", lambda desk, _: (facts(desk), 0), "what stands on this host")
    arming = commands.on_desk("arm", _arm, "start the timers that this host's role has")
    arming.add_argument("--role", default="", help="the role that it is about to have, when that is another")
    commands.on_desk("disarm", _disarm, "stop all timers and services")
    stop = commands.on_desk("stop", _stop, "emergency stop: halt, bar the broker, cancel every order, stop what sends")
    stop.add_argument("--reason", default="emergency stop")
    stop.add_argument("--flatten", action="store_true", help="have the release close every position as well")
    rotating = commands.on_desk("rotate", _rotate, "take new credentials, once they are proved")
    rotating.add_argument("--from", dest="incoming", type=Path, required=True, help="directory of NAME.env; it goes")
    rotating.add_argument("names", nargs="+", metavar="NAME", help="which of them: alpaca, restic, ...")
    record = commands.on_desk("record", _record, "add a line to the deploy ledger")
    record.add_argument("--action", required=True, choices=("uninstalled",))
    record.add_argument("--detail", default="")


def _add_backups(commands: _Commands) -> None:
    commands.on_desk("backup", _backup, "back up everything but keys and bars, online")
    commands.on_desk("drill", _drill, "restore the newest backup to a scratch directory, and prove it whole")
    commands.on_desk("pack", _pack, "put the host's own repository into one file, for a copy elsewhere")
    restoring = commands.on_desk("restore", _restore, "go on with a backup, halted; the former state is kept")
    restoring.add_argument("--snapshot", default="latest")
    restoring.add_argument("--repository", default="", help="another than this host's")
    restoring.add_argument("--file", type=Path, help="a repository that was packed")
    restoring.add_argument("--force", action="store_true", help="in the hours of trading, too; needs --reason")
    restoring.add_argument("--reason", default="")


def _add_legacy(commands: _Commands) -> None:
    legacy = commands.add("legacy", _legacy, "the hand-made set-up of a user: look at it, or at what would be done")
    legacy.add_argument("what", choices=("scan", "plan"))
    legacy.add_argument("--user", default="", help="whose; the one who runs this, if left out")
    legacy.add_argument("--directory", default="", help="where it works, if its units do not say")
    legacy.add_argument("--settings", type=Path, help="plan: what `trader config translate --json` printed")


def _stage(desk: Desk, given: argparse.Namespace) -> Answer:
    name, changed = stage(desk, given.archive, given.wheelhouse_archive)
    return {"id": name, "changed": changed}, 0


def _activate(desk: Desk, given: argparse.Namespace) -> Answer:
    if given.kind != "rollback" and not given.release:
        raise BadInput("no release is named", "Give --release ID.")
    order = Order(given.release, given.kind, given.force, given.reason, given.legacy_directory)
    answer = activate(desk, order)
    return answer, 0 if answer["result"] == "activated" else 1


def _target(desk: Desk, _given: argparse.Namespace) -> Answer:
    return {"release": former(desk)}, 0


def _prune(desk: Desk, _given: argparse.Namespace) -> Answer:
    removed = prune(desk)
    return {"removed": removed, "changed": bool(removed)}, 0


def _arm(desk: Desk, given: argparse.Namespace) -> Answer:
    wanted = armed_on(replace(desk.host, role=given.role or desk.host.role), desk.units.installed())
    with idle(desk):
        late = [unit.name for unit in desk.manager.states(wanted) if not unit.running or unit.enabled != "enabled"]
        desk.manager.enable(late)
    return {"changed": bool(late), "armed": wanted}, 0


def _disarm(desk: Desk, _given: argparse.Namespace) -> Answer:
    installed = desk.units.installed()
    named = [*self_starting(installed), *services(installed)]
    with idle(desk):
        busy = [unit.name for unit in desk.manager.states(named) if unit.running]
        desk.manager.disable(self_starting(installed))
        desk.manager.stop(services(installed))
    return {"changed": bool(busy), "stopped": busy}, 0


def _stop(desk: Desk, given: argparse.Namespace) -> Answer:
    stop = emergency_stop(desk, given.reason, given.flatten)
    return stop.as_json(), 1 if stop.open_orders or stop.troubles else 0


def _rotate(desk: Desk, given: argparse.Namespace) -> Answer:
    names = rotate(desk, given.incoming, given.names)
    return {"changed": bool(names), "rotated": names}, 0


def _record(desk: Desk, given: argparse.Namespace) -> Answer:
    desk.history.append(Record(clock.stamp(), given.action, desk.by, detail=given.detail))
    return {"changed": True}, 0


def _backup(desk: Desk, given: argparse.Namespace) -> Answer:
    source = Source(desk.places, desk.host, active(desk.history.records()))
    made = backup(source, given.by, os.environ, clock.now())
    return {"changed": True, **asdict(made)}, made.exit_code


def _drill(desk: Desk, given: argparse.Namespace) -> Answer:
    done = drill(desk.places, desk.host, given.by, os.environ, clock.now())
    return asdict(done), done.exit_code


def _pack(desk: Desk, _given: argparse.Namespace) -> Answer:
    return asdict(pack(desk.places, desk.host, os.environ)), 0


def _restore(desk: Desk, given: argparse.Namespace) -> Answer:
    answer = restore(desk, Wish(given.snapshot, given.repository, given.file), given.force, given.reason)
    return answer, 0 if answer["result"] == "activated" else 1


def _legacy(given: argparse.Namespace) -> Answer:
    if given.what == "scan":
        return scan_command(given.user, given.directory), 0
    settings = given.settings.read_text() if given.settings else ""
    return plan_command(find_places(), given.user, given.directory, settings), 0

"""The legacy set-up as an activation's first or last release."""

import pwd
from pathlib import Path

from trader.deployment import clock
from trader.deployment.desk import Desk
from trader.deployment.errors import Refused
from trader.deployment.history import LEGACY
from trader.deployment.journal import Activation
from trader.deployment.legacy.archive import is_archive
from trader.deployment.legacy.takeover import CREDENTIAL, Legacy, legacy_of


def take_over_legacy(desk: Desk, activation: Activation) -> None:
    """Archive the hand-made set-up, carry its keys over, and disarm it. Raises Refused when something is in the way.

    The activation's options are its working directory, where the units do not say so.
    """
    legacy, directory = _legacy(desk), _archives(desk) / activation.id
    if not is_archive(directory):
        legacy.archive(legacy.scan(activation.options), directory, clock.stamp())
    if CREDENTIAL.removesuffix(".env") in desk.host.credentials:
        legacy.carry_credentials(directory, desk.places.credentials)
    legacy.disarm(directory)


def require_legacy(desk: Desk, directory: str = "", at_work: bool = False) -> None:
    """Raises Refused when the hand-made set-up cannot be taken over: asked before an activation begins.

    `at_work`: it may be trading at this moment.
    """
    legacy = _legacy(desk)
    setup = legacy.scan(directory)
    if setup.running and not at_work:
        problem = f"{', '.join(setup.running)} of the hand-made set-up is at work"
        raise Refused(problem, "Wait until it has ended, or force it with a reason (trader_force and trader_reason).")
    legacy.require(setup, desk.places.credentials)


def restore_legacy(desk: Desk, activation: Activation) -> None:
    """Put the hand-made set-up back as it was archived, its timers armed as they were.

    What this very activation took over and undoes is its own archive, if it came that far; a rollback takes that of the
    last migration.
    """
    if activation.before == LEGACY:
        directory = _archives(desk) / activation.id
        if is_archive(directory):
            _legacy(desk).restore(directory)
        return
    directory = _last(desk)
    if not is_archive(directory):
        problem = f"there is no archive of a legacy set-up in {directory}"
        raise Refused(problem, "Roll back to a release instead, or restore that directory from a backup.")
    _legacy(desk).restore(directory)


def drop_legacy(desk: Desk, activation: Activation) -> None:
    """Disarm what a rollback to the hand-made set-up has put back, when that rollback is undone."""
    if activation.after == LEGACY and is_archive(_last(desk)):
        _legacy(desk).disarm(_last(desk))


def unmigrated(desk: Desk) -> str:
    """What of a legacy set-up is in the way of a release; empty when nothing is.

    In system scope that is what is armed, of whomever; in user scope every unit, for ours would take its place.
    """
    if desk.host.scope == "user":
        return ", ".join(unit.name for unit in _legacy(desk).scan().units)
    if desk.host.legacy_user:
        return ", ".join(_legacy(desk).scan().armed)
    return ", ".join(str(link) for user in pwd.getpwall() for link in _armed_of(Path(user.pw_dir)))


def _armed_of(home: Path) -> list[Path]:
    """The links that arm paper-trading timers in a home, unless they are those of a release of ours."""
    if (home / ".config" / "paper-trading" / "host.json").exists():
        return []
    return sorted((home / ".config" / "systemd" / "user" / "timers.target.wants").glob("paper-trading-*.timer"))


def _legacy(desk: Desk) -> Legacy:
    if desk.host.scope == "system" and not desk.host.legacy_user:
        remedy = "Set trader_legacy_user in the inventory."
        raise Refused(f"{desk.places.host_file} does not say whose set-up is taken over", remedy)
    return legacy_of(desk.host.legacy_user if desk.host.scope == "system" else "")


def _archives(desk: Desk) -> Path:
    return desk.places.deploy / "legacy"


def _last(desk: Desk) -> Path:
    """Where the last migration that came to its end has its archive."""
    done = [each.activation for each in desk.history.records() if (each.kind, each.action) == ("migrate", "activated")]
    return _archives(desk) / (done[-1] if done else "")

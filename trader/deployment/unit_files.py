"""The units of a release where the service manager finds them, and which of them run by themselves."""

from collections.abc import Iterable
from pathlib import Path

from trader.deployment import durable
from trader.deployment.host import Host

PREFIX = "paper-trading-"
_NOT_OURS_TO_REMOVE = frozenset({"paper-trading-activate.service"})
_SUPPORT = ("paper-trading-backup.timer", "paper-trading-backup-drill.timer", "paper-trading-status.socket")
TRADING_TIMERS = ("paper-trading-preflight.timer", "paper-trading-session.timer")
"""Shortly before these no release is changed."""


class UnitFiles:
    """Our units in the directory of a scope."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def installed(self) -> dict[str, bytes]:
        """The text of each installed unit of a release by its name."""
        found = self._directory.glob(f"{PREFIX}*.*") if self._directory.is_dir() else ()
        return {path.name: path.read_bytes() for path in sorted(found) if _of_a_release(path)}

    def install(self, units: dict[str, bytes]) -> None:
        """Make the installed units exactly these."""
        self._directory.mkdir(parents=True, exist_ok=True)
        present = self.installed()
        for name in present.keys() - units.keys():
            durable.remove(self._directory / name)
        for name, text in units.items():
            if present.get(name) != text:
                durable.write(self._directory / name, text)


def _of_a_release(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.name not in _NOT_OURS_TO_REMOVE


def self_starting(names: Iterable[str]) -> list[str]:
    """The timers and sockets among these units."""
    return sorted(name for name in names if name.endswith((".timer", ".socket")))


def armed_on(host: Host, names: Iterable[str]) -> list[str]:
    """Those that run on this host: a standby does not trade, and without its password nothing is backed up."""
    wanted = [name for name in self_starting(names) if host.active or name in _SUPPORT]
    return [name for name in wanted if "backup" not in name or "restic" in host.credentials]


def services(names: Iterable[str]) -> list[str]:
    """The services among these units that can be stopped by name."""
    return sorted(name for name in names if name.endswith(".service") and "@." not in name)

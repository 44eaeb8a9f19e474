"""A hand-made set-up on a host of the lab, in the manager of a user who lingers."""

import tempfile
from dataclasses import replace
from pathlib import Path

from tests.fleet.lab import Host
from tests.support.legacy import CONFIG, KINDS, Kind, build

USER = "trading"
HOME = "/ho" + f"me/{USER}"
MOVABLE = replace(KINDS["by hand"], config=CONFIG.partition("sector_mapping")[0])
"""Edited by hand; its candidates are those of the simulated market."""
DEPLOY = "/var/lib/paper-trading-deploy"
ARCHIVE = f"{DEPLOY}/legacy/one"
_TOOL = {"PYTHONPATH": "/opt/tool", "PYTHONDONTWRITEBYTECODE": "1"}
_LIST = (
    f"cd {HOME} && find . -path ./.local/share/systemd/timers -prune -o -printf '%p %y %m %U %G %T@ %l\\n' | sort;"
    "find . -type f -not -path './.local/share/systemd/*' -exec sha256sum {} + | sort"
)


class Old:
    """The host with the set-up on it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def settle(self, kind: Kind) -> None:
        """Make a home anew with this set-up in it, armed as its links say."""
        with tempfile.TemporaryDirectory() as place:
            home = Path(place, USER)
            home.mkdir()
            build(kind, home, live_at=Path(HOME))
            self.systemctl("stop", "paper-trading-*")
            self.host.shell(f"rm -rf {DEPLOY} /etc/paper-trading /run/user/*/legacy-ran")
            self.host.shell(f"find {HOME} -mindepth 1 -delete")
            self.host.files.put(home, HOME)
        self.host.shell(f"chown -hR {USER}: {HOME}")
        self.systemctl("daemon-reload")
        self.systemctl(
            "start", "--job-mode=ignore-dependencies", *(f"paper-trading-{job}.timer" for job in kind.enabled)
        )

    def systemctl(self, *words: str) -> str:
        """What `systemctl --user` says to that user."""
        return self.host.run("systemctl", "--user", *words, user=USER, check=False).out

    def does(self, act: str, die_at: int = -1, user: str = "root", archive: str = ARCHIVE) -> str:
        """One operation of the tool; it dies before that change, if one is given."""
        lines = [
            "from pathlib import Path",
            "from trader.deployment.legacy.takeover import legacy_of",
            f"legacy, archive = legacy_of({USER!r}), Path({archive!r})",
            f"act = lambda: {act}",
            f"import killing; killing._act_and_exit(act, {die_at})" if die_at >= 0 else "print(act())",
        ]
        ran = self.host.run("python3", "-c", "\n".join(lines), check=die_at < 0, env=_TOOL, user=user)
        assert die_at < 0 or ran.code in (-9, 137), ran
        return ran.out + ran.err

    def switched(self, kind: str, name: str, act: str) -> str:
        """One of the steps of an activation that has to do with the set-up."""
        lines = [
            "from trader.deployment import desk, history, host, journal, places",
            "from trader.deployment.legacy import switch as legacy_switch",
            f"made = host.Host('system', 'main', legacy_user={USER!r})",
            "past = history.History(places.system().history)",
            "desk = desk.Desk(places.system(), made, 'test', *[None] * 3, past, *[None] * 2)",
            f"before, after = ('legacy', 'x') if {kind!r} == 'migrate' else ('x', 'legacy')",
            f"legacy_switch.{act}(desk, journal.Activation({name!r}, {kind!r}, before, after, 'test'))",
        ]
        return self.host.run("python3", "-c", "\n".join(lines), env=_TOOL).out

    def migrated(self, name: str) -> None:
        """The deploy ledger says that this activation took the set-up over."""
        lines = [
            "from trader.deployment import history, places",
            f"record = history.Record('now', 'activated', 'test', 'migrate', after='x', activation={name!r})",
            "history.History(places.system().history).append(record)",
        ]
        self.host.run("python3", "-c", "\n".join(lines), env=_TOOL)

    def archived(self) -> "Old":
        """Make the archive."""
        self.does("legacy.archive(legacy.scan(), archive, '2026-11-23T12:00:00+00:00') and 0")
        return self

    @property
    def listing(self) -> set[str]:
        """Every path of the home with mode, owner, time in nanoseconds and target, and every file with its hash."""
        return set(self.host.shell(_LIST).out.splitlines())

    @property
    def armed(self) -> list[str]:
        """The timers that wait for their time."""
        shown = self.systemctl("list-units", "--plain", "--no-legend", "--state=active", "paper-trading-*.timer")
        return [line.split()[0] for line in shown.splitlines()]

    @property
    def ran(self) -> str:
        """The jobs that ran since the home was made."""
        return self.host.shell("cat /run/user/*/legacy-ran", check=False).out

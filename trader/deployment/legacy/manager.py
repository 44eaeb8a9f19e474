"""A user's own service manager, asked by root or by that user; without linger it ends with the last login."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trader.deployment.clock import ticking_s
from trader.deployment.errors import StepFailed
from trader.deployment.legacy.account import Account
from trader.deployment.running import Ended, run

_STOP_S = 180
_GONE_S = 15


@dataclass(frozen=True, slots=True)
class UserManager:
    """systemctl --user, as this account."""

    account: Account
    runtime: Path
    linger: Path = Path("/var/lib/systemd/linger")

    @property
    def reachable(self) -> bool:
        """Whether the manager runs."""
        return (self.runtime / "systemd" / "private").exists()

    @property
    def lingers(self) -> bool:
        """Whether it runs without a login."""
        return (self.linger / self.account.name).exists()

    def active(self, names: Iterable[str]) -> dict[str, str]:
        """The state of each unit; unknown when nobody can be asked."""
        asked = list(names)
        if not asked or not self.reachable:
            return dict.fromkeys(asked, "unknown")
        shown = self._call("show", "--property=Id,ActiveState", *asked)
        blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.out.split("\n\n")]
        states = {block.get("Id", ""): block.get("ActiveState", "") for block in blocks}
        return {name: states.get(name) or "unknown" for name in asked}

    def stop(self, names: Iterable[str]) -> None:
        """Stop the units and wait for their processes. Raises StepFailed."""
        asked = list(names)
        busy = [name for name, state in self.active(asked).items() if state not in ("inactive", "failed", "unknown")]
        for chosen in _timers_first(busy):
            self._must("stop", *chosen)
        for pid in self._left(asked):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = ticking_s() + _GONE_S
        while left := self._left(asked):
            if ticking_s() > deadline:
                what = f"processes of the old units of {self.account.name} do not end: {', '.join(map(str, left))}"
                raise StepFailed(what, "End them, then run the playbook again.")
            time.sleep(0.1)

    def forget(self, names: Iterable[str]) -> None:
        """Have the manager read the units anew, and forget those that are gone. Raises StepFailed."""
        if self.reachable:
            self._must("daemon-reload")
            self._call("reset-failed", *names)

    def start_timers(self, names: Iterable[str]) -> None:
        """Arm the timers and nothing else: one that requires its service would run it at once. Raises StepFailed."""
        if chosen := list(names):
            self._must("start", "--job-mode=ignore-dependencies", *chosen)

    def _left(self, names: Iterable[str]) -> list[int]:
        """The processes in the units' control groups."""
        wanted = set(names)
        mine = f"user@{self.account.uid}.service"
        found = []
        for pid, groups in _processes():
            parts = set(groups.split("/"))
            if mine in parts and wanted & parts:
                found.append(pid)
        return found

    def _call(self, *words: str) -> Ended:
        command = ["systemctl", "--user", "--no-pager", "--no-ask-password", *words]
        if self.account.foreign:
            ids = [f"--reuid={self.account.uid}", f"--regid={self.account.gid}", "--init-groups"]
            command = ["setpriv", *ids, "--", *command]
        home = {"HOME": str(self.account.home), "XDG_RUNTIME_DIR": str(self.runtime)}
        return run(command, _STOP_S, {**home, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.runtime}/bus"})

    def _must(self, *words: str) -> None:
        ended = self._call(*words)
        if ended.code:
            what = f"systemctl --user {' '.join(words)} failed for {self.account.name}: {ended.said}"
            raise StepFailed(what, "Look at that user's journal, then run the playbook again.")


def manager_of(account: Account) -> UserManager:
    """The manager of this account."""
    return UserManager(account, Path(f"/run/user/{account.uid}"))


def _timers_first(names: list[str]) -> list[list[str]]:
    """A timer that still runs would start its service again."""
    timers = [name for name in names if name.endswith(".timer")]
    others = [name for name in names if name not in timers]
    return [chosen for chosen in (timers, others) if chosen]


def _processes() -> Iterator[tuple[int, str]]:
    for place in Path("/proc").glob("[0-9]*/cgroup"):
        with suppress(OSError):
            yield int(place.parent.name), place.read_text(errors="replace").replace("\n", "/")

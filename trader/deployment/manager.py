"""The service manager of a scope, by systemctl."""

from collections.abc import Iterable
from dataclasses import dataclass

from trader.deployment.errors import StepFailed
from trader.deployment.places import Scope
from trader.deployment.running import Ended, run

_MEND = "Look at `systemctl status` and the journal of this host, then run the playbook again."


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit as the manager sees it; `next_us` is when a timer is due, microseconds since 1970, 0 for never."""

    name: str
    active: str
    enabled: str
    next_us: int
    result: str
    fragment: str

    @property
    def running(self) -> bool:
        """Whether it is at work, starts or ends."""
        return self.active in ("active", "activating", "deactivating", "reloading")


class Manager:
    """systemctl, for the whole host or for this user."""

    def __init__(self, scope: Scope) -> None:
        self._systemctl = ["systemctl", "--user"] if scope == "user" else ["systemctl"]

    def reload(self) -> None:
        """Have the manager read the units again. Raises StepFailed."""
        self._must("daemon-reload")

    def enable(self, names: Iterable[str]) -> None:
        """Enable the units and start them. Raises StepFailed."""
        if chosen := list(names):
            self._must("enable", "--now", "--quiet", *chosen)

    def disable(self, names: Iterable[str]) -> None:
        """Disable the units and stop them; raises StepFailed when one that is there stays."""
        chosen = [unit.name for unit in self.states(names) if unit.fragment]
        if chosen:
            self._must("disable", "--now", "--quiet", *chosen)

    def stop(self, names: Iterable[str]) -> None:
        """Stop the units and wait until they are gone. Raises StepFailed."""
        chosen = [unit.name for unit in self.states(names) if unit.running]
        if chosen:
            self._must("stop", *chosen, timeout_s=180)

    def stop_instances(self, pattern: str) -> None:
        """Stop what was started of a template; that there is nothing is no error."""
        self._must("stop", pattern)

    def start(self, name: str, wait_s: float) -> Ended:
        """Start a unit and wait for a oneshot's end."""
        self._call("reset-failed", name)
        return self._call("start", name, timeout_s=wait_s)

    def start_soon(self, name: str) -> Ended:
        """Start a unit, waiting for nothing."""
        return self._call("start", "--no-block", name)

    def stop_soon(self, name: str) -> None:
        """Ask for a unit's end, waiting for nothing."""
        self._call("stop", "--no-block", name)

    def states(self, names: Iterable[str]) -> list[UnitState]:
        """Every unit as it stands; one that is not there is inactive."""
        asked = list(names)
        if not asked:
            return []
        properties = "Id,ActiveState,UnitFileState,NextElapseUSecRealtime,Result,FragmentPath"
        shown = self._call("show", f"--property={properties}", *asked)
        blocks = shown.out.strip().split("\n\n")
        if shown.code or len(blocks) < len(asked):
            raise StepFailed(f"systemctl does not tell how the units stand: {shown.said}", _MEND)
        return [_state(dict(line.partition("=")[::2] for line in block.splitlines())) for block in blocks if block]

    def property(self, name: str, wanted: str) -> str:
        """One property of a unit."""
        return self._call("show", "--value", f"--property={wanted}", name).out.strip()

    def _call(self, *words: str, timeout_s: float = 120) -> Ended:
        return run([*self._systemctl, "--no-pager", "--no-ask-password", *words], timeout_s)

    def _must(self, *words: str, timeout_s: float = 120) -> None:
        ended = self._call(*words, timeout_s=timeout_s)
        if ended.code:
            raise StepFailed(f"systemctl {' '.join(words[:1])} failed: {ended.said}", _MEND)


def _state(shown: dict[str, str]) -> UnitState:
    return UnitState(
        name=shown.get("Id", ""),
        active=shown.get("ActiveState", ""),
        enabled=shown.get("UnitFileState", ""),
        next_us=_microseconds(shown.get("NextElapseUSecRealtime", "")),
        result=shown.get("Result", ""),
        fragment=shown.get("FragmentPath", ""),
    )


def _microseconds(text: str) -> int:
    """`Mon 2026-11-30 14:30:00 UTC` as microseconds; 0 for anything else."""
    from datetime import UTC, datetime

    words = text.split()
    if len(words) != 4:
        return 0
    try:
        moment = datetime.fromisoformat(f"{words[1]} {words[2]}").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return int(moment.timestamp() * 1_000_000)

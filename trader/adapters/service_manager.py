"""systemd as a person's commands need it: what units do, starting and stopping them, and what they have said."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Scope = Literal["system", "user"]

SYSTEM_UNITS = Path("/etc/systemd/system")
_BOOTED = Path("/run/systemd/system")
_PREFIX = "paper-trading-"
_QUICK_S = 10.0
_LONG_S = 3600.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; 124 when it took too long, 127 when it is not there."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit as systemd has it. `status` is the exit code, or the signal that ended the main process.

    `runs`: at work, starting or ending. Times are None for never.
    """

    name: str
    loaded: bool
    active: str
    detail: str
    enabled: str
    result: str
    killed: bool
    status: int
    started_at: datetime | None
    next_at: datetime | None
    invocation: str

    @property
    def runs(self) -> bool:
        """Whether a process of it is there, or about to be."""
        return self.active in ("active", "activating", "deactivating", "reloading")


class ServiceManager:
    """The manager of a scope. `units` is where the units of an installation are kept."""

    def __init__(self, scope: Scope, units: Path, environ: Mapping[str, str]) -> None:
        self.scope = scope
        self._units = units
        self._words = ["--user"] if scope == "user" else []
        self._environ = {**environ, "LC_ALL": "C", "TZ": "UTC", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
        if scope == "user" and "XDG_RUNTIME_DIR" not in environ:
            self._environ["XDG_RUNTIME_DIR"] = f"/run/user/{os.geteuid()}"

    def installed(self, *kinds: str) -> list[str]:
        """Our units of these kinds, by their files; `paper-trading-activate` is no release's and is left out."""
        found = self._units.glob(f"{_PREFIX}*") if self._units.is_dir() else ()
        names = sorted(path.name for path in found if path.suffix in kinds and not path.is_symlink())
        return [name for name in names if not name.startswith(f"{_PREFIX}activate")]

    def text(self, unit: str) -> str:
        """An installed unit's file; empty when it is not there."""
        try:
            return (self._units / unit).read_text()
        except OSError:
            return ""

    def states(self, names: Iterable[str]) -> list[UnitState]:
        """Units as they stand; none where systemd does not answer."""
        wanted = list(names)
        if not wanted:
            return []
        ended = self.call("show", f"--property={','.join(_PROPERTIES)}", *wanted)
        blocks = [block for block in ended.out.split("\n\n") if block.strip()]
        return [_state(dict(line.partition("=")[::2] for line in block.splitlines())) for block in blocks]

    def call(self, *words: str, timeout_s: float = _QUICK_S) -> Ended:
        """`systemctl WORDS` of this scope, to its end."""
        return self._run(["systemctl", *self._words, "--no-pager", "--no-ask-password", *words], timeout_s)

    def start(self, unit: str) -> Ended:
        """Start a unit, also one that has failed too often; returns when it is up, or a oneshot has ended."""
        self.call("reset-failed", unit)
        return self.call("start", unit, timeout_s=_LONG_S)

    def said(self, unit: str, invocation: str, lines: int) -> str:
        """The last lines a run of a unit has left in the journal."""
        words = [f"--lines={lines}", "--output=cat", "--no-pager", "--quiet", f"_SYSTEMD_INVOCATION_ID={invocation}"]
        of_user = [f"--user-unit={unit}"] if self.scope == "user" else []
        matched = words if not of_user else [*words[:-1], *of_user]
        return self._run(["journalctl", *self._words, *matched], _QUICK_S).out.strip()

    def _run(self, command: list[str], timeout_s: float) -> Ended:
        try:
            ended = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=timeout_s, env=self._environ
            )
        except FileNotFoundError:
            return Ended(127, "", f"{command[0]} is not there")
        except subprocess.TimeoutExpired:
            return Ended(124, "", f"{command[0]} did not end within {timeout_s:.0f} s")
        return Ended(ended.returncode, ended.stdout, ended.stderr.strip())


def find_manager(environ: Mapping[str, str]) -> ServiceManager | None:
    """That of TRADER_SCOPE, else of where the units are; None where systemd or the units are not there."""
    if not _BOOTED.is_dir():
        return None
    places: dict[Scope, Path] = {"system": SYSTEM_UNITS, "user": user_units(environ)}
    for scope, units in places.items():
        manager = ServiceManager(scope, units, environ)
        if environ.get("TRADER_SCOPE", scope) == scope and manager.installed(".service"):
            return manager
    return None


def user_units(environ: Mapping[str, str]) -> Path:
    """Where a user's own units are kept."""
    configuration = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "/", ".config")
    return Path(configuration, "systemd", "user")


_PROPERTIES = (
    *("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "InvocationID"),
    *("ExecMainCode", "ExecMainStatus", "ExecMainStartTimestamp", "LastTriggerUSec", "NextElapseUSecRealtime"),
)


def _state(shown: Mapping[str, str]) -> UnitState:
    started = shown.get("ExecMainStartTimestamp") or shown.get("LastTriggerUSec", "")
    return UnitState(
        name=shown.get("Id", ""),
        loaded=shown.get("LoadState") == "loaded",
        active=shown.get("ActiveState", ""),
        detail=shown.get("SubState", ""),
        enabled=shown.get("UnitFileState", ""),
        result=shown.get("Result", ""),
        killed=shown.get("ExecMainCode", "0") in ("2", "3"),  # CLD_KILLED, CLD_DUMPED
        status=int(shown.get("ExecMainStatus") or 0),
        started_at=_instant(started),
        next_at=_instant(shown.get("NextElapseUSecRealtime", "")),
        invocation=shown.get("InvocationID", ""),
    )


def _instant(text: str) -> datetime | None:
    """`Mon 2026-11-30 14:30:00 UTC` as an instant; None for anything else. What timers show has no other form."""
    words = text.split()
    with suppress(ValueError):
        if len(words) == 4 and words[3] == "UTC":
            return datetime.fromisoformat(f"{words[1]} {words[2]}").replace(tzinfo=UTC)
    return None

"""What the inventory says of this host: host.json, strict."""

import json
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from trader.deployment.errors import BadInput
from trader.deployment.places import Scope

Role = Literal["primary", "standby", "canary"]


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """How many snapshots are kept, and where; an empty repository is the one among the host's own backups."""

    repository: str = ""
    keep_daily: int = 14
    keep_weekly: int = 8
    keep_monthly: int = 12
    bars: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    `guard_window`: hours, Monday to Friday in `timezone`, in which no release is activated, empty for none;
    `guard_before_s`: nor so many seconds before a trading timer is due. `broker_url`: empty for Alpaca's paper
    service. `legacy_user`: whose hand-made set-up is taken over, empty for nobody's.
    """

    scope: Scope
    account: str
    role: Role = "primary"
    user: str = "paper-trading"
    timezone: str = "America/Chicago"
    guard_window: str = "07:45-15:30"
    guard_before_s: int = 900
    keep_releases: int = 5
    credentials: tuple[str, ...] = ("alpaca",)
    legacy_user: str = ""
    broker_url: str = ""
    backup: BackupPolicy = field(default_factory=BackupPolicy)

    @property
    def active(self) -> bool:
        """Whether it trades: a standby has everything but armed timers."""
        return self.role != "standby"


_ROLES = ("primary", "standby", "canary")
_REMEDY = "Run the install playbook, which writes this file from the inventory."


def read_host(path: Path) -> Host:
    """The host of this file. Raises BadInput that names the key."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"{path} is not there: this host is not installed", _REMEDY) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read ({error})", _REMEDY) from None
    return parse_host(values, str(path))


def parse_host(values: Any, where: str) -> Host:
    """The host of these values. Raises BadInput that names the key."""
    checked = _checked(values, Host, where)
    checked["backup"] = BackupPolicy(**_checked(checked.get("backup", {}), BackupPolicy, f"{where}: backup"))
    checked["credentials"] = tuple(checked.get("credentials", ("alpaca",)))
    for key, known in (("scope", ("system", "user")), ("role", _ROLES)):
        if checked.get(key, known[0]) not in known:
            raise BadInput(f"{where}: {key} is {checked[key]!r}", f"It is one of {', '.join(known)}.")
    return Host(**checked)


def _checked(values: Any, kind: type, where: str) -> dict[str, Any]:
    """The values, each of its field's type."""
    if not isinstance(values, dict):
        raise BadInput(f"{where} is no mapping", _REMEDY)
    known = {each.name: each for each in fields(kind)}
    for key in values:
        if key not in known:
            raise BadInput(f"{where}: {key}: unknown key", f"The keys are {', '.join(known)}.")
    for name, each in known.items():
        if name not in values and each.default is MISSING and each.default_factory is MISSING:
            raise BadInput(f"{where}: {name} is missing", _REMEDY)
        if name in values and not _fits(values[name], each.default):
            raise BadInput(f"{where}: {name} is {values[name]!r}", _REMEDY)
    return cast("dict[str, Any]", dict(values))


def _fits(value: object, default: object) -> bool:
    """Whether a value has the type of its default; text where there is none."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str) or (default is MISSING and isinstance(value, dict | str))

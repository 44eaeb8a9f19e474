"""A hand-made set-up as it was found: what is there, what of it goes, what stands in the way; and no secret."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

Severity = Literal["refused", "warning", "note"]
Reader = Literal["environment file", "unit", "credentials file"]
Part = Literal["unit", "config", "report"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know; what is `refused` stands in the way."""

    severity: Severity
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LegacyUnit:
    """A unit of the user's manager.

    `kind`: file, link (to a file elsewhere), masked, or missing when only links or drop-ins are left of it. `links`
    are what arms it: entries of *.wants and the like, and other names for it. `active` is unknown without a manager.
    """

    name: str
    path: str
    kind: str
    drop_ins: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    active: str = "unknown"

    @property
    def enabled(self) -> bool:
        """Whether it starts with the user's manager."""
        return bool(self.links) and self.kind in ("file", "link")

    @property
    def armed(self) -> bool:
        """Whether it starts by itself, now or at the next login."""
        return self.enabled or (self.name.endswith(".timer") and self.active == "active")


@dataclass(frozen=True, slots=True)
class KeySource:
    """A file that holds broker keys, how it is read, and the names in it."""

    path: str
    reader: Reader
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A path that is archived. `unit`: taken away; `config` and `report`: copied, and left where it is."""

    path: str
    part: Part


@dataclass(frozen=True, slots=True)
class LegacySetup:
    """Everything that was found of one user's set-up.

    `config_text` is config/execution.yaml with what looks like a key blotted out.
    """

    user: str
    home: str
    found: bool
    units: tuple[LegacyUnit, ...] = ()
    working_directory: str = ""
    config: str = ""
    config_sha256: str = ""
    config_text: str = ""
    credentials: tuple[KeySource, ...] = ()
    reports: int = 0
    linger: bool = False
    manager: bool = False
    held: tuple[Held, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What stands in the way."""
        return tuple(each for each in self.findings if each.severity == "refused")

    @property
    def running(self) -> tuple[str, ...]:
        """The services at work now."""
        return tuple(unit.name for unit in self.units if unit.name.endswith(".service") and _works(unit.active))

    @property
    def active_timers(self) -> tuple[str, ...]:
        """The timers that wait for their time now."""
        return tuple(unit.name for unit in self.units if unit.name.endswith(".timer") and unit.active == "active")

    @property
    def armed(self) -> tuple[str, ...]:
        """The units that start by themselves."""
        return tuple(unit.name for unit in self.units if unit.armed)

    def document(self) -> dict[str, Any]:
        """All of it as JSON types."""
        derived = {name: list(getattr(self, name)) for name in ("running", "active_timers", "armed")}
        return {**asdict(self), **derived}


def setup_of(document: dict[str, Any]) -> LegacySetup:
    """The set-up of such a document."""
    kinds: dict[str, Any] = {"units": LegacyUnit, "credentials": KeySource, "held": Held, "findings": Finding}
    values = {each.name: document[each.name] for each in fields(LegacySetup)}
    for name, kind in kinds.items():
        values[name] = tuple(_built(kind, item) for item in values[name])
    return LegacySetup(**values)


def _built(kind: Any, item: dict[str, Any]) -> object:
    return kind(
        **{
            key: tuple(cast("Iterable[Any]", value)) if isinstance(value, list) else value
            for key, value in item.items()
        }
    )


def _works(active: str) -> bool:
    return active in ("active", "activating", "deactivating", "reloading")

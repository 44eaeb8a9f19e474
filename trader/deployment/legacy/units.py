"""The units of a hand-made set-up, wherever a user's manager reads units from; those of a release are left out."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trader.deployment.legacy.account import Account
from trader.deployment.legacy.setup import Finding, Held, LegacyUnit, Severity
from trader.deployment.legacy.text import UnitText

KNOWN = tuple(
    f"paper-trading-{name}.{kind}" for name in ("preflight", "session", "eod") for kind in ("service", "timer")
)
_NAME = re.compile(r"paper-trading([-@][\w:.\\@-]*)?\.(service|timer|path|socket|target)")
_SHARED = re.compile(r"paper-trading-([\w:.\\-]*-)?\.(service|timer)\.d")
"""Drop-ins for all units whose names begin so."""
_OF_A_RELEASE = b"/paper-trading/releases/"
_NOT_LEGACY = frozenset({"paper-trading-activate.service"})
_ARMING = (".wants", ".requires", ".upholds")
_PLACES = (".config/systemd/user", ".config/systemd/user.control", ".local/share/systemd/user")


@dataclass(slots=True)
class UnitsFound:
    """The units, their texts (drop-ins included), and every path of theirs."""

    units: list[LegacyUnit] = field(default_factory=list)
    texts: dict[str, UnitText] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def files(self) -> list[str]:
        """The unit files and drop-ins."""
        return [path for unit in self.units for path in ((unit.path,) if unit.path else ()) + unit.drop_ins]


def find_units(account: Account, everyone: Path) -> UnitsFound:
    """The units in the account's directories; those in `everyone`'s stand in the way."""
    found = UnitsFound()
    places = [(account.home / place).resolve() for place in _PLACES if (account.home / place).is_dir()]
    directories = list(dict.fromkeys(places))
    of_releases = _of_releases(directories)
    entries = [path for directory in directories for path in sorted(directory.iterdir())]
    links = [link for path in entries for link in _arming(path)]
    names = {name for path in (*entries, *links) if (name := _unit_named(path)) and name not in of_releases}
    shared = [path for path in entries if _SHARED.fullmatch(path.name) and path.is_dir()]
    for name in sorted(names):
        _take(found, name, entries, links, shared)
    for name in sorted(_started(found) - names - of_releases):
        _take(found, name, entries, links, shared)
    if found.units:
        found.held += [Held(str(path), "unit") for path in _frame(found, shared, directories)]
    found.findings += _of_everyone(everyone)
    return found


def _unit_named(path: Path) -> str:
    """The unit that a file, a directory of drop-ins or a link stands for; empty for anything else."""
    name = path.name.removesuffix(".d")
    if _SHARED.fullmatch(path.name):
        return ""
    if _NAME.fullmatch(name):
        return name
    target = _target(path)
    return target if _NAME.fullmatch(target) else ""


def _target(path: Path) -> str:
    return path.readlink().name if path.is_symlink() else ""


def _started(found: UnitsFound) -> set[str]:
    """Units of other names that a timer of the set-up starts."""
    named = {text.last("Timer", "Unit") for name, text in found.texts.items() if name.endswith(".timer")}
    return {name for name in named if name and not _NAME.fullmatch(name)}


def _of_releases(directories: list[Path]) -> set[str]:
    """The units that a release of ours installed: its services name it, the others belong to a service."""
    stems = set(_NOT_LEGACY)
    for directory in directories:
        for path in directory.glob("paper-trading*.service"):
            with suppress(OSError):
                if not path.is_symlink() and _OF_A_RELEASE in path.read_bytes():
                    stems.add(path.stem.partition("@")[0])
    kinds = ("service", "timer", "socket", "path")
    return {f"{stem}{at}.{kind}" for stem in stems for kind in kinds for at in ("", "@")} | set(_NOT_LEGACY)


def _arming(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink() and path.name.endswith(_ARMING):
        yield from sorted(link for link in path.iterdir() if link.is_symlink())


def _take(found: UnitsFound, name: str, entries: list[Path], links: list[Path], shared: list[Path]) -> None:
    """One unit: its file, its drop-ins, and the links to it."""
    files = [path for path in entries if path.name == name]
    aliases = [path for path in entries if path.name != name and _target(path) == name]
    arming = [link for link in links if name in (link.name, _target(link))]
    drop_ins = _drop_ins(name, entries, shared)
    file = files[0] if files else None
    found.units.append(
        LegacyUnit(
            name=name,
            path=str(file) if file else "",
            kind=_kind(file),
            drop_ins=tuple(map(str, drop_ins)),
            links=tuple(map(str, (*aliases, *arming))),
        )
    )
    readable = ([file] if file and _kind(file) in ("file", "link") else []) + drop_ins
    found.texts[name] = UnitText(*(text for path in readable if (text := _text(path, found)) is not None))
    found.held += [Held(str(path), "unit") for path in (*files, *aliases, *arming)]


def _kind(file: Path | None) -> str:
    if file is None:
        return "missing"
    if not file.is_symlink():
        return "file" if file.stat().st_size else "masked"
    return "masked" if str(file.readlink()) == "/dev/null" else "link"


def _drop_ins(name: str, entries: list[Path], shared: list[Path]) -> list[Path]:
    """The drop-ins of a unit in the order in which they count."""
    directories = [path for path in entries if path.name == f"{name}.d" and path.is_dir()]
    kind = name.rpartition(".")[2]
    directories += [
        path for path in shared if name.startswith(path.name.removesuffix(f".{kind}.d")) and f".{kind}." in path.name
    ]
    return sorted((file for each in directories for file in each.glob("*.conf")), key=lambda file: file.name)


def _text(path: Path, found: UnitsFound) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        what = f"{path} cannot be read ({type(error).__name__})"
        found.findings.append(Finding("refused", what, "Make it readable, or remove it."))
        return None


def _frame(found: UnitsFound, shared: list[Path], directories: list[Path]) -> list[Path]:
    """The directories that the paths taken away stand in, and all that lies in directories of drop-ins."""
    own = [place / (unit.name + kind) for unit in found.units for place in directories for kind in (".d", *_ARMING)]
    dropping = [path for path in (*own, *shared) if path.is_dir()]
    inside = {path for directory in dropping if not directory.is_symlink() for path in directory.rglob("*")}
    around = {Path(each.path).parent for each in found.held} | {path.parent for path in (*dropping, *directories)}
    return sorted({*dropping, *inside, *around} - {directory.parents[1] for directory in directories})


def _of_everyone(directory: Path) -> Iterator[Finding]:
    for path in sorted(directory.glob("paper-trading*")) if directory.is_dir() else ():
        what = f"{path} is a unit of every user of this host"
        yield Finding("refused", what, "Move it into one user's directory first.")


def judge_units(units: list[LegacyUnit], texts: Mapping[str, UnitText]) -> Iterator[Finding]:
    """What is odd about the units."""
    names = {unit.name for unit in units}
    missing = [name for name in KNOWN if name not in names]
    yield from _told(
        "note", missing, "units that are not there", "Nothing is to be done: a release brings all of its units."
    )
    others = [unit.name for unit in units if unit.name not in KNOWN]
    yield from _told("note", others, "units of other names, which are taken away with them", "Rename what is to stay.")
    dangling = [unit.name for unit in units if unit.kind == "missing" and unit.links]
    yield from _told("warning", dangling, "units that are linked to, but not there", "The links go, too.")
    masked = [unit.name for unit in units if unit.kind == "masked"]
    yield from _told("note", masked, "masked units", "A rollback masks them again.")
    as_another = [unit.name for unit in units if texts[unit.name].last("Service", "User")]
    what = "services that no user's manager starts, because of User= in them"
    yield from _told("warning", as_another, what, "Nothing is to be done: a rollback brings them back as they were.")
    yield from _judge_timers([unit for unit in units if unit.name.endswith(".timer")], texts, names)


def _judge_timers(timers: list[LegacyUnit], texts: Mapping[str, UnitText], names: set[str]) -> Iterator[Finding]:
    idle = [unit.name for unit in timers if unit.kind in ("file", "link") and _starts(unit, texts) not in names]
    yield from _told("warning", idle, "timers whose service is not there", "Nothing is to be done.")
    pulling = [unit.name for unit in timers if _pulls(texts[unit.name])]
    what = "timers that run their services whenever they are started, at every boot, too (Requires=)"
    yield from _told("warning", pulling, what, "A rollback arms them without running anything.")
    drifting = [unit.name for unit in timers if any(map(_drifts, texts[unit.name].all("Timer", "OnCalendar")))]
    what = "timers in the zone of the host, an hour off for half of the year unless that is the exchange's"
    yield from _told("note", drifting, what, "The new timers name their zone.")


def _told(severity: Severity, names: list[str], what: str, remedy: str) -> Iterator[Finding]:
    if names:
        yield Finding(severity, f"{what}: {', '.join(names)}", remedy)


def _starts(unit: LegacyUnit, texts: Mapping[str, UnitText]) -> str:
    return texts[unit.name].last("Timer", "Unit") or unit.name.replace(".timer", ".service")


def _pulls(text: UnitText) -> bool:
    return any(".service" in value for key in ("Requires", "Wants", "BindsTo") for value in text.all("Unit", key))


def _drifts(when: str) -> bool:
    return bool(re.search(r"\d:\d\d", when)) and not re.search(r"(UTC|[A-Za-z]+/[A-Za-z_]+)$", when)

"""Looks for a user's hand-made set-up. It changes nothing."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from trader.deployment.legacy.account import Account
from trader.deployment.legacy.keys import KeysFound, file_reader, find_keys
from trader.deployment.legacy.manager import UserManager
from trader.deployment.legacy.setup import Finding, Held, LegacySetup, LegacyUnit, Reader
from trader.deployment.legacy.text import UnitText
from trader.deployment.legacy.units import UnitsFound, find_units, judge_units

ENVIRONMENT = ".config/paper-trading.env"
_CREDENTIALS = "config/alpaca_credentials.yaml"
_CONFIG = "config/execution.yaml"
_REPORTS = ("reports", "results/paper", "logs")
_MOST_CONFIG = 64 << 20
_MOST_REPORTS = 1 << 30
_HIDDEN = "<hidden>"  # plain text in YAML, too
_KEY_LINE = re.compile(r"(?i)^(\s*[\w-]*(api_?key|key_?id|secret|token|passw)[\w-]*\s*:\s*)\S.*$", re.MULTILINE)
_REMEDY_NAME_IT = "Name the right one: trader_legacy_directory in the inventory, --directory here."


@dataclass(frozen=True, slots=True)
class Scan:
    """A look at one account; `everyone` and `crontabs` are where units and jobs of other kinds would lie."""

    account: Account
    manager: UserManager
    everyone: Path = Path("/etc/systemd/user")
    crontabs: Path = Path("/var/spool/cron/crontabs")

    def look(self, directory: str = "") -> LegacySetup:
        """Everything there is; `directory` is believed rather than the units."""
        with self.account.acting():
            found = find_units(self.account, self.everyone)
            if not found.units:
                findings = (*found.findings, self._none())
                return LegacySetup(self.account.name, str(self.account.home), found=False, findings=findings)
            setup = self._look(found, directory)
        active = self.manager.active([unit.name for unit in setup.units])
        units = tuple(replace(unit, active=active[unit.name]) for unit in setup.units)
        setup = replace(setup, units=units, linger=self.manager.lingers, manager=self.manager.reachable)
        return replace(setup, findings=(*setup.findings, *_judge_state(setup), *self._cron(setup)))

    def _none(self) -> Finding:
        what = f"no units paper-trading-*.service or .timer were found for {self.account.name}"
        return Finding("refused", what, "Name the user whose set-up it is, or install without migrating.")

    def _look(self, found: UnitsFound, named: str) -> LegacySetup:
        findings = [*found.findings, *judge_units(found.units, found.texts)]
        directory = named or self._working_directory(found, findings)
        places = self._key_places(found, directory, findings)
        keys = find_keys(places, file_reader)
        findings += _judge_keys(keys)
        config = self._config(directory, keys, found, findings)
        text, digest = _config_text(config, keys, findings)
        reports = _reports(directory)
        copied = _config_files(directory, [*(path for path, _ in places), config])
        held = [*found.held, *copied, *_within(reports, findings)]
        return LegacySetup(
            user=self.account.name,
            home=str(self.account.home),
            found=True,
            units=tuple(found.units),
            working_directory=directory,
            config=config,
            config_sha256=digest,
            config_text=text,
            credentials=keys.sources,
            reports=len(reports),
            held=tuple({each.path: each for each in reversed(held)}.values()),
            findings=tuple(dict.fromkeys(findings)),
        )

    def _working_directory(self, found: UnitsFound, findings: list[Finding]) -> str:
        """The one directory that all services name."""
        named: dict[str, str] = {}
        for unit, text in _services(found):
            if (value := text.last("Service", "WorkingDirectory").removeprefix("-")) and value != "~":
                named.setdefault(self._path(value, unit.name, "WorkingDirectory", findings), unit.name)
        named.pop("", None)
        if len(named) > 1:
            what = f"the units name different working directories: {', '.join(named)}"
            findings.append(Finding("refused", what, _REMEDY_NAME_IT))
        if not named:
            findings.append(Finding("refused", "no unit names a WorkingDirectory", _REMEDY_NAME_IT))
            return ""
        directory = next(iter(named))
        if not _there(directory):
            what = f"WorkingDirectory={directory} of {named[directory]} is no directory"
            findings.append(Finding("refused", what, _REMEDY_NAME_IT))
        return directory

    def _path(self, value: str, unit: str, key: str, findings: list[Finding]) -> str:
        """A path of a unit, its specifiers filled in; empty when that cannot be done."""
        if value[:1] in "\"'" and value[:1] == value[-1:]:
            value = value[1:-1]
            what = f"{key} of {unit} is in quotes, with which systemd does not take it for a path"
            findings.append(Finding("warning", what, "The path between them is meant here."))
        try:
            return str(Path(self.account.expanded(value, unit)))
        except KeyError as error:
            what = f"{key}={value} of {unit}: the specifier %{error.args[0]} is not known here"
            findings.append(Finding("refused", what, "Write the path out in the unit."))
            return ""

    def _key_places(self, found: UnitsFound, directory: str, findings: list[Finding]) -> list[tuple[str, Reader]]:
        """Every file that may hold keys: what the units read comes first."""
        places: dict[str, Reader] = {}
        for unit, text in _services(found):
            for value in text.all("Service", "EnvironmentFile"):
                path = self._path(value.removeprefix("-"), unit.name, "EnvironmentFile", findings)
                if path and not value.startswith("-") and not _there(path):
                    what = f"{path}, the EnvironmentFile of {unit.name}, is missing: the unit does not start"
                    findings.append(Finding("warning", what, "Nothing is to be done, if the keys stand elsewhere."))
                if path:
                    places[path] = "environment file"
        places |= dict.fromkeys(found.files(), "unit")
        more = [self.account.home / ENVIRONMENT, *sorted((self.account.home / ".config/environment.d").glob("*.conf"))]
        more += [Path(directory, ".env")] if directory else []
        places = {**dict.fromkeys(map(str, more), "environment file"), **places}
        if directory:
            places[str(Path(directory, _CREDENTIALS))] = "credentials file"
        return list(places.items())

    def _config(self, directory: str, keys: KeysFound, found: UnitsFound, findings: list[Finding]) -> str:
        """The configuration that the units use."""
        named = keys.variables.get("EXECUTION_CONFIG_PATH", "")
        default = str(Path(directory, _CONFIG)) if directory else ""
        if not named:
            return default
        path = self._path(named, found.units[0].name, "EXECUTION_CONFIG_PATH", findings)
        return str(Path(directory, path)) if path else default

    def _cron(self, setup: LegacySetup) -> Iterator[Finding]:
        """Jobs of cron in the working directory, which go on beside any timer."""
        try:
            lines = (self.crontabs / self.account.name).read_text(errors="replace").splitlines()
        except OSError:
            return
        for number, line in enumerate(lines, start=1):
            if setup.working_directory and setup.working_directory in line and not line.lstrip().startswith("#"):
                what = f"line {number} of {self.account.name}'s crontab runs something in {setup.working_directory}"
                yield Finding("warning", what, "Remove it with `crontab -e` if it trades.")


def _services(found: UnitsFound) -> Iterator[tuple[LegacyUnit, UnitText]]:
    """The services that can run, the session's first."""
    for unit in sorted(found.units, key=lambda unit: ("session" not in unit.name, unit.name)):
        if unit.name.endswith(".service") and unit.kind in ("file", "link"):
            yield unit, found.texts[unit.name]


def _judge_keys(keys: KeysFound) -> Iterator[Finding]:
    yield from keys.findings
    if keys.keys is None:
        remedy = "Put ALPACA_API_KEY and ALPACA_SECRET_KEY into ~/.config/paper-trading.env, mode 0600."
        yield Finding("refused", "no pair of the broker's keys was found", remedy)
    for source in keys.sources:
        if source.reader != "unit" and Path(source.path).stat().st_mode & 0o077:
            remedy = f"After the migration: chmod 600 {source.path}"
            yield Finding("warning", f"{source.path} can be read by others", remedy)


def _judge_state(setup: LegacySetup) -> Iterator[Finding]:
    for name in setup.running:
        yield Finding("warning", f"{name} is at work: it is stopped", "Wait until it is done, if it trades.")
    if not setup.armed:
        what = "none of the timers is armed: the set-up does not run by itself"
        yield Finding("note", what, "Nothing is to be done.")
    if not setup.linger:
        what = f"{setup.user} does not linger: the old timers end with the last login"
        yield Finding("note", what, "Nothing is to be done: this is left as it is.")


def _config_text(path: str, keys: KeysFound, findings: list[Finding]) -> tuple[str, str]:
    """The configuration without what looks like a key, and the hash of all of it."""
    try:
        content = Path(path).read_bytes() if path else b""
        text = content.decode().removeprefix("\ufeff")
    except FileNotFoundError:
        findings.append(Finding("warning", f"{path} is missing", "The configuration of the inventory holds alone."))
        return "", ""
    except (OSError, UnicodeDecodeError) as error:
        what = f"{path} cannot be read ({type(error).__name__})"
        findings.append(Finding("refused", what, "Make it a UTF-8 file that its user may read."))
        return "", ""
    blotted, count = _KEY_LINE.subn(rf"\1{_HIDDEN}", text)
    for secret in (keys.keys.key_id, keys.keys.secret) if keys.keys else ():
        blotted = blotted.replace(secret, _HIDDEN)
    if count:
        what = f"{path} has {count} lines that look like keys; they are not read from there"
        findings.append(Finding("warning", what, "Keys belong into ~/.config/paper-trading.env."))
    return blotted, hashlib.sha256(content).hexdigest() if path else ""


def _reports(directory: str) -> list[Path]:
    """What past days left, newest first."""
    if not directory:
        return []
    found = list(Path(directory).glob("*.html"))
    for place in _REPORTS:
        for parent, _, names in os.walk(Path(directory, place)):
            found += [Path(parent, name) for name in names]
    return sorted((path for path in found if path.is_file() and not path.is_symlink()), key=_age)


def _age(path: Path) -> tuple[int, str]:
    return -path.stat().st_mtime_ns, str(path)


def _config_files(directory: str, named: list[str]) -> Iterator[Held]:
    """Files that configure the set-up, links among them, and the directory they lie in."""
    for path in (Path(each) for each in named if each and _there(each)):
        yield Held(str(path), "config")
        if path.is_symlink():
            yield Held(str(path.resolve()), "config")
    left = _MOST_CONFIG
    for parent, _, names in os.walk(Path(directory, "config")) if directory else ():
        yield Held(parent, "config")
        for path in sorted(Path(parent, name) for name in names):
            if (left := left - path.lstat().st_size) > 0:
                yield Held(str(path), "config")


def _within(reports: list[Path], findings: list[Finding]) -> Iterator[Held]:
    left, out = _MOST_REPORTS, 0
    for path in reports:
        left -= path.stat().st_size
        out += left < 0
        if left >= 0:
            yield Held(str(path), "report")
    if out:
        what = f"the {out} oldest reports and logs are too large for the archive"
        findings.append(Finding("note", what, "They stay where they are."))


def _there(path: str) -> bool:
    with suppress(OSError):
        return Path(path).exists()
    return False

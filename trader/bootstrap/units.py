"""The systemd units of a release, rendered from the one set of templates.

The same templates serve the deployment, so nothing here may depend on more than their variables.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import BeforeValidator, Field, ValidationError

from trader.domain.errors import ConfigurationError
from trader.domain.policy import Section

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "unit_templates", _PACKAGE.parent / "templates" / "systemd")  # of a wheel, of a checkout

AbsolutePath = Annotated[str, Field(pattern=r"^(/|%h/)[\w./@%+-]*$")]
TimeOfDay = Annotated[str, Field(pattern=r"^[\d:/,.*-]+$")]
Moment = Annotated[str, Field(pattern=r"^\d\d:\d\d(:\d\d)?$")]


def _words(value: object) -> object:
    """`a,b` of a command line as the list a file would hold."""
    return tuple(value.split(",")) if isinstance(value, str) else value


class UnitVariables(Section):
    """What the templates are filled with. The mode is no variable: these units trade on paper."""

    trader_scope: Literal["system", "user"] = "system"
    """system: for root, as a user of its own, confined; user: for `systemctl --user`, as far as that can confine."""
    trader_user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = "paper-trading"
    """system scope: who the services run as."""
    trader_release_dir: AbsolutePath = "/opt/paper-trading/current"
    """The release, with venv/ and config/execution.yaml in it; a deployment names the release itself, no link."""
    trader_state_dir: AbsolutePath = "/var/lib/paper-trading"
    """Ledger, plans, STATE, bars, models and reports; in system scope always where systemd puts it."""
    trader_credentials_dir: AbsolutePath = "/etc/paper-trading/credentials"
    """Where NAME.env lies for each of the credentials."""
    trader_credentials: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], ...], BeforeValidator(_words)
    ] = ("alpaca",)
    """Names of the credentials the trading services are handed; never restic, which is for backups alone."""
    trader_deploy_tool: AbsolutePath = "/usr/local/lib/paper-trading/deploy.pyz"
    """The host's deployment tool, which makes the backups."""
    trader_deploy_state_dir: AbsolutePath = "/var/lib/paper-trading-deploy"
    """What the deployment tool remembers."""
    trader_backup_dir: AbsolutePath = "/var/backups/paper-trading"
    """Where backups are put."""
    trader_backup_enabled: bool = False
    """Whether the backups are handed credentials/restic.env."""
    trader_timezone: Annotated[str, Field(pattern=r"^[\w/+-]+$")] = "America/Chicago"
    """Zone of the times below."""
    trader_preflight_at: TimeOfDay = "08:00"
    """When the checks run."""
    trader_session_at: Moment = "08:30"
    """When the session starts."""
    trader_monitor_at: TimeOfDay = "08:25"
    """When execution-monitor begins to watch."""
    trader_reconcile_at: TimeOfDay = "09..14:00/15"
    """When execution-reconcile compares, as systemd writes it."""
    trader_eod_at: Moment = "15:10"
    """When the day is closed."""
    trader_watchdog_at: Annotated[tuple[Moment, ...], Field(min_length=1), BeforeValidator(_words)] = (
        "08:40",
        "09:15",
        "15:40",
    )
    """When it is looked whether session and end of day happened."""
    trader_backup_at: TimeOfDay = "09..16:20"
    """When backups are made, Monday to Friday, as systemd writes it."""
    trader_drill_at: Annotated[str, Field(pattern=r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d$")] = "Sat 17:00"
    """When the newest backup is restored to see that it can be, weekly."""
    trader_memory_max: Annotated[str, Field(pattern=r"^\d+[KMGT]?$|^infinity$")] = "2G"
    """Most memory of a service."""
    trader_cpu_quota: Annotated[str, Field(pattern=r"^\d+%$")] = "200%"
    """Most processor time of a service; 100 % is one processor."""
    trader_tasks_max: Annotated[int, Field(ge=16, le=4096)] = 256
    """Most threads of a service."""
    trader_threads: Annotated[int, Field(ge=1, le=256)] = 2
    """Threads for the model."""


SYSTEM_STATE = "/var/lib/paper-trading"
USER_PLACES = {
    "trader_release_dir": "%h/.local/share/paper-trading/current",
    "trader_state_dir": "%h/.local/state/paper-trading",
    "trader_credentials_dir": "%h/.config/paper-trading/credentials",
    "trader_deploy_tool": "%h/.local/share/paper-trading/deploy.pyz",
    "trader_deploy_state_dir": "%h/.local/state/paper-trading-deploy",
    "trader_backup_dir": "%h/.local/state/paper-trading-backups",
}
"""Where things lie in user scope, unless they are named."""


def variables(path: Path | None, given: tuple[str, ...]) -> UnitVariables:
    """The variables of a YAML file, over it the `key=value` given. Raises ConfigurationError."""
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = yaml.safe_load(path.read_text()) or {}
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                str(path), f"cannot be read as YAML ({error})", "Write `key: value` lines."
            ) from None
        if not isinstance(values, dict):
            raise ConfigurationError(str(path), "is no mapping", "Write `key: value` lines.")
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError(pair, "is no key=value", "For example --set trader_scope=user.")
        values[key] = value
    return checked(values, str(path))


def checked(values: Mapping[str, object], name: str) -> UnitVariables:
    """The variables of a mapping that is called `name`. Raises ConfigurationError."""
    in_user_scope = values.get("trader_scope") == "user"
    if not in_user_scope and values.get("trader_state_dir", SYSTEM_STATE) != SYSTEM_STATE:
        raise ConfigurationError("trader_state_dir", f"is {SYSTEM_STATE} in system scope", "Leave it out.")
    try:
        return UnitVariables.model_validate({**USER_PLACES, **values} if in_user_scope else values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or name
        raise ConfigurationError(where, first["msg"], "`trader units variables` lists them all.") from None


def render(filled: UnitVariables) -> dict[str, str]:
    """The text of every unit of the scope by its file name."""
    found = next(place for place in _PLACES if place.is_dir())
    environment = Environment(
        loader=FileSystemLoader(found),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=select_autoescape(("html",)),  # a unit is no page
    )
    names = sorted(path.name for path in found.glob("paper-trading-*.j2"))
    texts = {name.removesuffix(".j2"): environment.get_template(name).render(filled.model_dump()) for name in names}
    return {name: text for name, text in texts.items() if text.strip()}

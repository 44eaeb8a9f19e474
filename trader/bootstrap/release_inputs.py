"""What a release is asked for: unit variables, configuration and the files it names, and the kind of host."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trader.adapters.lock_files import Target
from trader.adapters.universe_file import read_universe
from trader.bootstrap.units import UnitVariables, checked
from trader.domain.errors import ConfigurationError
from trader.domain.policy import Section
from trader.settings.load import settings_of
from trader.settings.model import Settings
from trader.settings.render import commented

CONFIG = "execution.yaml"
_HEADER = """\
# Made by `trader release build` and part of this release: a change here is undone by the next one.
# Change the inventory, and deploy again.
"""


class Request(Section):
    """The file named by --variables."""

    units: dict[str, object] = Field(default_factory=dict)
    """Variables of the units; the release directory is not among them."""
    config: dict[str, object] = Field(default_factory=dict)
    """config/execution.yaml as a mapping."""
    files: dict[str, Path] = Field(default_factory=dict)
    """The files that the configuration names: by that name, where they lie on this machine."""
    python: Annotated[str, Field(pattern=r"^3\.(1[1-9])$")] = "3.11"
    """The hosts' Python."""
    arch: Literal["x86_64", "aarch64"] = "x86_64"
    """The hosts' machine, as `uname -m` says it."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A request found sound: what the units are filled with, and the files of config/."""

    units: UnitVariables
    config: dict[str, bytes]
    target: Target


def read_inputs(path: Path) -> Inputs:
    """The request in a JSON file. Raises ConfigurationError naming the key."""
    request = _request(path)
    if "trader_release_dir" in request.units:
        raise ConfigurationError(
            "units.trader_release_dir", "a release has its directory by its id", "Leave it out of the inventory."
        )
    units = checked(request.units, f"{path} units")
    settings = settings_of(request.config, f"{path} config")
    text = f"{_HEADER}\n{commented(settings, whole=False)}"
    return Inputs(units, {CONFIG: text.encode(), **_files(settings, request)}, Target(request.python, request.arch))


def _request(path: Path) -> Request:
    try:
        return Request.model_validate(json.loads(path.read_bytes()))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read as JSON ({error})", "Write a JSON object.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Request.model_fields)
        raise ConfigurationError(f"{path} {where}".strip(), first["msg"], f"Known keys: {known}.") from None


def _files(settings: Settings, request: Request) -> dict[str, bytes]:
    """The content of every file the configuration names, and of no other."""
    named = {"data.universe": settings.data.universe} if settings.data.universe else {}
    for key, path in named.items():
        if path.name != str(path) or path.name == CONFIG:
            raise ConfigurationError(key, f"{path} is no plain file name", "Files are laid beside the configuration.")
        if path.name not in request.files:
            remedy = f'Say where it lies: "files": {{"{path}": "/PATH/ON/THIS/MACHINE"}}.'
            raise ConfigurationError(key, f"{path} is named, and not given", remedy)
    for name in request.files.keys() - {str(path) for path in named.values()}:
        raise ConfigurationError(f"files.{name}", "the configuration names no such file", "Name it in data.universe.")
    if settings.data.universe:
        read_universe(request.files[str(settings.data.universe)])
    return {name: path.read_bytes() for name, path in sorted(request.files.items())}

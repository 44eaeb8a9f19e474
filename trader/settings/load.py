"""From a path and the environment to one `Configuration`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

from trader.adapters.alpaca.hosts import ALPACA_PAPER, require_paper
from trader.domain import canonical
from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.contradictions import contradictions
from trader.settings.document import Document, KeyPath, parse
from trader.settings.location import locate
from trader.settings.model import Settings

ADDRESSES = ("APCA_API_BASE_URL", "APCA_API_DATA_URL", "ALPACA_BASE_URL", "ALPACA_API_BASE_URL")
PAPER_FLAGS = ("ALPACA_PAPER", "ALPACA_PAPER_TRADE")
_UNSET = "This program only trades on paper: unset it."

Problem = tuple[KeyPath, str, str]
"""The key, what is wrong with it, and the remedy."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings and the file they came from; relative paths in them are relative to that file."""

    path: Path
    settings: Settings

    @property
    def name(self) -> str:
        """The file's name without its ending: the default name of the state directory."""
        return self.path.stem

    @property
    def text(self) -> str:
        """Canonical JSON of the effective settings, defaults included."""
        return canonical.dumps(self.settings)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of `text`."""
        return canonical.digest(self.settings)


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """The configuration in `path`, else EXECUTION_CONFIG_PATH, else config/execution.yaml.

    Raises ConfigurationError naming file, line and key; NotPaper when the environment asks for live trading.
    """
    _refuse_live(environ)
    found = locate(path, environ)
    document = parse(_read(found), str(found))
    return Configuration(found, _settings(document))


def settings_of(values: Mapping[str, object], name: str) -> Settings:
    """The settings in a mapping that is called `name`, judged as a file's are; problems are named by key alone."""
    document = parse(yaml.safe_dump(dict(values)), name)
    return _settings(replace(document, lines=None))


def load_for_stop(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """The configuration, or what an emergency stop needs of it: where the broker is and how orders are named.

    The rest may be wrong, and is its default then. Raises ConfigurationError when even that cannot be read.
    """
    try:
        return load(path, environ)
    except NotPaper:
        raise
    except ConfigurationError:
        found = locate(path, environ)
        document = parse(_read(found), str(found))
        return Configuration(found, _settings(_needed_to_stop(document)))


def _needed_to_stop(document: Document) -> Document:
    values = document.values if isinstance(document.values, dict) else {}
    execution = values.get("execution") or {}
    named = {key: execution[key] for key in ("mode", "account", "strategy") if key in execution}
    return replace(document, values={key: values[key] for key in ("broker",) if key in values} | {"execution": named})


def _refuse_live(environ: Mapping[str, str]) -> None:
    """The variables by which Alpaca's programs are sent to the live service: nothing of ours reads the last ones."""
    if (mode := environ.get("EXECUTION_MODE", "paper")) != "paper":
        raise NotPaper("EXECUTION_MODE", f"{mode!r} was asked for", _UNSET)
    for name in PAPER_FLAGS:
        if environ.get(name, "").lower() in ("0", "false", "no", "off"):
            raise NotPaper(name, "live trading was asked for", _UNSET)
    for name in ADDRESSES:
        try:
            require_paper(environ.get(name) or ALPACA_PAPER.trading)
        except NotPaper as error:
            raise NotPaper(name, error.what, _UNSET) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(str(path), "not UTF-8 text", "Save the file as UTF-8.") from None
    except OSError as error:
        remedy = "Name a file with --config PATH, or set EXECUTION_CONFIG_PATH."
        raise ConfigurationError(str(path), f"cannot be read ({error.strerror})", remedy) from None


def _settings(document: Document) -> Settings:
    try:
        settings = Settings.model_validate_json(to_json(document.values), strict=True)
    except ValidationError as error:
        problems = [_problem(document, detail) for detail in error.errors(include_url=False)]
        raise _refusal(document, problems) from None
    if found := contradictions(settings):
        remedy = "Change one of the two keys."
        raise _refusal(document, [(path, f"{'.'.join(path)}: {what}", remedy) for path, what in found])
    return settings


def _refusal(document: Document, problems: list[Problem]) -> ConfigurationError:
    (path, first, _), *others = sorted(problems, key=lambda problem: document.line(problem[0]))
    more = [what if document.lines is None else f"line {document.line(path)}: {what}" for path, what, _ in others]
    remedies = dict.fromkeys(remedy for _, _, remedy in problems)
    return ConfigurationError(document.where(path), "; ".join([first, *more]), " ".join(remedies))


def _problem(document: Document, detail: ErrorDetails) -> Problem:
    path = tuple(str(part) for part in detail["loc"])
    key = ".".join(path) or "the file"
    if detail["type"] == "extra_forbidden":
        return path, f"{key}: unknown key", _did_you_mean(path)
    if path == ("execution", "mode"):
        raise NotPaper(document.where(path), f"{key} is {detail['input']!r}", "This program only trades on paper.")
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return path, f"{key}: {message} (found {detail['input']!r})", "`trader config schema` prints types and bounds."


def _did_you_mean(path: KeyPath) -> str:
    known = _fields_at(path[:-1])
    near = difflib.get_close_matches(path[-1], known, n=1)
    for section in () if len(path) == 1 else _fields_at(()):
        if path[-1] in _fields_at((section,)):
            return f"{path[-1]} is a key of {section}."
    return f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."


def _fields_at(path: KeyPath) -> list[str]:
    model: type[BaseModel] = Settings
    for part in path:
        model = cast("type[BaseModel]", type(model.model_fields[part].get_default()))
    return list(model.model_fields)

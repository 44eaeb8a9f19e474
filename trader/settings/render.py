"""The configuration as a commented file, a JSON schema and a page of documentation: all from the policies."""

import inspect
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trader.settings.model import Settings


def schema() -> str:
    """The JSON schema of the configuration file, with a description, default and bounds for each key."""
    return json.dumps(Settings.model_json_schema(), indent=2) + "\n"


def commented(settings: Settings, whole: bool = True) -> str:
    """The settings as YAML, each key under its description; only the keys that were set unless `whole`."""
    return "\n".join(_yaml_lines(settings, whole, "")).lstrip("\n") + "\n"


def reference() -> str:
    """docs/configuration.md."""
    lines = [_PREFACE]
    for name, field in Settings.model_fields.items():
        lines += [f"## {name}", "", field.description or "", ""]
        lines += ["| key | default | bounds | meaning |", "|---|---|---|---|"]
        lines += [*_rows(field.get_default(), ""), ""]
    return "\n".join(lines)


_PREFACE = """# Configuration

Made by `trader config schema --markdown` from the same types that check the file: do not edit.

The file is `--config PATH`, else `EXECUTION_CONFIG_PATH`, else `config/execution.yaml`. Every key has a default; an
unknown key, a duplicate key, a value out of bounds and limits that contradict one another are refused by line.
`trader config check` says what is wrong, `trader config show` prints what is in force, and
`config/execution.schema.json` makes an editor complete and check the keys.

Keys of the broker never stand in this file. They are looked for in `$CREDENTIALS_DIRECTORY/alpaca.env`, then in
`ALPACA_API_KEY` and `ALPACA_SECRET_KEY` (or `APCA_API_KEY_ID` and `APCA_API_SECRET_KEY`), then in
`alpaca_credentials.yaml` beside the configuration (mode 0600); two places that differ are refused.
`EXECUTION_MODE` may only be `paper`; `ALPACA_PAPER=false`, or an `APCA_API_BASE_URL` that is not the paper service's,
is refused, too.
"""


def _yaml_lines(model: BaseModel, whole: bool, indent: str) -> Iterator[str]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if not whole and (name not in model.model_fields_set or (isinstance(value, BaseModel) and not _set(value))):
            continue
        if not indent:
            yield ""
        yield f"{indent}# {_one_line(field)}"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _yaml_lines(value, whole, indent + "  ")
        else:
            yield f"{indent}{name}: {_yaml_value(model, name)}"


def _set(section: BaseModel) -> bool:
    """Whether any key of it was set; a section without a key would be read as null."""
    values = (getattr(section, name) for name in section.model_fields_set)
    return any(not isinstance(value, BaseModel) or _set(value) for value in values)


def _yaml_value(model: BaseModel, name: str) -> str:
    value = _plain(model)[name]
    if isinstance(value, str) and not isinstance(getattr(model, name), Decimal):
        return value if yaml.safe_load(f"key: {value}") == {"key": value} else json.dumps(value)
    return value if isinstance(value, str) else json.dumps(value)


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _one_line(field: FieldInfo) -> str:
    return inspect.cleandoc(field.description or "").replace("\n", " ")


def _rows(model: BaseModel, prefix: str) -> Iterator[str]:
    properties = type(model).model_json_schema()["properties"]
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{prefix}{name}.")
        else:
            default = json.dumps(_plain(model)[name]).strip('"')
            yield f"| `{prefix}{name}` | {default} | {_bounds(properties[name])} | {_one_line(field)} |"


_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _bounds(schema: dict[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return ", ".join(schema.get("enum", [schema.get("const")]))
    kinds = [option for option in schema.get("anyOf", [schema]) if option["type"] != "null"]
    limits = [f"{sign} {kinds[0][key]:g}" for key, sign in _BOUNDS.items() if key in kinds[0]]
    return ", ".join(limits) or schema.get("pattern") or str(kinds[0]["type"])

"""Canonical JSON: one byte string for one value, so that hashes and plans can be compared.

Keys sorted, no blanks, Decimals as plain strings, dates and instants in ISO 8601; floats are refused,
because their text is a matter of taste: quantise them to Decimal first.
"""

import hashlib
import json
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, singledispatch
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")


@singledispatch
def plain(value: object) -> object:
    """`value` as JSON types; raises TypeError for what has no canonical form (floats among it)."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no canonical form")


@plain.register(str | int | None)
def _(value: str | int | None) -> object:
    return value


@plain.register(Enum)
def _(value: Enum) -> object:
    return value.value


@plain.register(Decimal)
def _(value: Decimal) -> object:
    return format(value, "f")


@plain.register(date | datetime)
def _(value: date | datetime) -> object:
    return value.isoformat()


@plain.register(BaseModel)
def _(value: BaseModel) -> object:
    return value.model_dump(mode="json")


@plain.register(dict)
def _(value: dict[str, object]) -> object:
    return {key: plain(item) for key, item in value.items()}


@plain.register(list | tuple)
def _(value: list[object] | tuple[object, ...]) -> object:
    return [plain(item) for item in value]


def dumps(value: object) -> str:
    """The canonical text of `value`."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 (hex) of the canonical text of `value`."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def loads(kind: type[T], text: str | bytes) -> T:
    """The `kind` whose canonical text this is; raises pydantic.ValidationError when it is not one."""
    return cast("T", _adapter(cast("Any", kind)).validate_json(text))

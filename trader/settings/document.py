"""YAML read strictly: duplicate keys, aliases and tags are refused, and every key knows its line.

Numbers follow YAML 1.2 (`08:30` and `no` are text), and a decimal keeps its text: 0.05 never becomes a float.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

import yaml

from trader.domain.errors import ConfigurationError

KeyPath = tuple[str, ...]

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,39}")
_DECIMAL = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")
_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"}


@dataclass(frozen=True, slots=True)
class Document:
    """The file's values as JSON types (decimals as text) and the line, from 1, on which each key stands.

    None: there is no file whose lines a person could look at.
    """

    name: str
    values: object
    lines: dict[KeyPath, int] | None

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest key above it; 1 for the file itself."""
        lines = self.lines or {}
        while path and path not in lines:
            path = path[:-1]
        return lines[path] if path else 1

    def where(self, path: KeyPath) -> str:
        """`FILE line N` of a key."""
        return f"{self.name} line {self.line(path)}" if self.lines is not None else self.name


def parse(text: str, name: str) -> Document:
    """The document in `text`; raises ConfigurationError naming line and key."""
    lines: dict[KeyPath, int] = {}
    try:
        _refuse_aliases(text, name)
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except RecursionError:
        raise ConfigurationError(
            name, "nested too deep", "A section holds keys, and at most one section more."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name} line {mark.line + 1}" if mark else name
        what = getattr(error, "problem", None) or "not readable as YAML"
        raise ConfigurationError(where, what, "Mend the YAML: two blanks of indentation and `key: value`.") from None
    values = {} if node is None else _value(node, (), lines, name)
    return Document(name, values, lines)


def _refuse_aliases(text: str, name: str) -> None:
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(name, f"*{event.anchor}: aliases are refused", "Write the value out.")


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> object:
    if node.tag not in _TAGS:
        where = f"{name} line {node.start_mark.line + 1}"
        raise ConfigurationError(where, f"the tag {node.tag} is refused", "Remove the tag.")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, name)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, str(at)), lines, name) for at, item in enumerate(node.value)]
    return node.value if isinstance(node, yaml.ScalarNode) and node.style else _scalar(node.value)


def _mapping(node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int], name: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, item in node.value:
        below = (*path, str(key.value))
        line = key.start_mark.line + 1
        if below in lines:
            what = f"{'.'.join(below)}: duplicate key (first on line {lines[below]})"
            raise ConfigurationError(f"{name} line {line}", what, "Keep one of the two.")
        lines[below] = line
        values[str(key.value)] = _value(item, below, lines, name)
    return values


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return format(Decimal(text).normalize(), "f")
    return text

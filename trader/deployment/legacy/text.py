"""The three kinds of text a hand-made set-up consists of, read as their own readers read them. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = " \t"
_KEY = re.compile(r"[A-Za-z_]\w*")
_ESCAPES = {**dict(zip("abfnrtvs", "\a\b\f\n\r\t\v ", strict=True)), "\\": "\\", '"': '"', "'": "'"}
_SPECIAL = '"\\`$'


@dataclass(frozen=True, slots=True)
class Directive:
    """`key=value` of a unit's section."""

    section: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable of an environment file; `exported`: written for a shell, and dropped by systemd."""

    name: str
    value: str
    exported: bool = False


def directives(text: str) -> Iterator[Directive]:
    """What a unit or a drop-in says, line by line; a line that ends in a backslash goes on in the next one."""
    section, begun = "", ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("#", ";")) or (not line and not begun):
            continue
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        whole, begun = (begun + line).strip(), ""
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
            continue
        key, equals, value = whole.partition("=")
        if equals:
            yield Directive(section, key.strip(), value.strip())


class UnitText:
    """A unit and its drop-ins, put together as systemd does: an empty value forgets what was said before."""

    def __init__(self, *texts: str) -> None:
        self._said = [each for text in texts for each in directives(text)]

    def all(self, section: str, key: str) -> list[str]:
        """The values of a key that may be given many times."""
        values: list[str] = []
        for each in self._said:
            if (each.section, each.key) == (section, key):
                values = [*values, each.value] if each.value else []
        return values

    def last(self, section: str, key: str) -> str:
        """The value of a key that is given once; empty when it is not."""
        return (self.all(section, key) or [""])[-1]


def words(text: str) -> list[str]:
    """The words of an `Environment=`, unquoted; systemd takes none from a word on that it cannot read."""
    found: list[str] = []
    word, quote, escaped = None, "", False
    for sign in text:
        if escaped and sign not in _ESCAPES:
            return found
        if escaped:
            word, escaped = (word or "") + _ESCAPES[sign], False
        elif sign == "\\":
            word, escaped = word or "", True
        elif quote:
            quote, word = ("", word) if sign == quote else (quote, (word or "") + sign)
        elif sign in "\"'":
            quote, word = sign, word or ""
        elif sign in _SPACE:
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + sign
    return found if word is None or quote else [*found, word]


def assignments(text: str) -> Iterator[Assignment]:
    """The variables of an environment file, in systemd's reading of quotes and backslashes."""
    rest = text.lstrip()
    while rest:
        if rest[0] in "#;":
            rest = _after_comment(rest).lstrip()
            continue
        line_end = rest.find("\n") if "\n" in rest else len(rest)
        equals = rest.find("=", 0, line_end)
        if equals < 0:
            rest = rest[line_end:].lstrip()
            continue
        name = rest[:equals].strip()
        value, rest = _value(rest[equals + 1 :])
        rest = rest.lstrip()
        bare = name.removeprefix("export").strip() if name.startswith(("export ", "export\t")) else name
        if _KEY.fullmatch(bare):
            yield Assignment(bare, value, bare != name)


def _after_comment(text: str) -> str:
    while True:
        line, _, text = text.partition("\n")
        if not line.endswith("\\") or not text:
            return text


def _value(text: str) -> tuple[str, str]:
    """The value that begins here, and what follows its line."""
    value, at = "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\n":
            return value, text[at:]
        if sign in _SPACE:
            at += 1
        elif sign in "\"'":
            piece, at = _quoted(text, at + 1, sign)
            value += piece
        else:
            piece, at = _bare(text, at)
            value += piece
    return value, ""


def _quoted(text: str, at: int, quote: str) -> tuple[str, int]:
    value = ""
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\" and at + 1 < len(text):
            at += 1
            value += text[at] if text[at] in _SPECIAL else "" if text[at] == "\n" else "\\" + text[at]
        else:
            value += text[at]
        at += 1
    return value, at + 1


def _bare(text: str, at: int) -> tuple[str, int]:
    value, kept = "", 0
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            value += "" if text[at] == "\n" else text[at]
            kept = len(value)
        else:
            value += text[at]
            kept = kept if text[at] in _SPACE else len(value)
        at += 1
    return value[:kept], at


_SECTION = re.compile(r"[A-Za-z_]\w*:\s*(#.*)?")
_ENTRY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_]\w*):\s+(?P<value>\S.*)")
_QUOTED = re.compile(r"(?P<quote>['\"])(?P<inner>[^'\"\\]*)(?P=quote)\s*(#.*)?")
_PLAIN = re.compile(r"(?P<inner>[^\s'\"#&*!|>%@`{}\[\],?:-][^\s#]*)\s*( #.*)?")


class NotPlain(ValueError):
    """A credentials file that is more than `key: value` lines; says at which line."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def plain_yaml(text: str) -> dict[str, str]:
    """The `key: value` lines of a small YAML file, all at its edge or all below one section. Raises NotPlain."""
    values: dict[str, str] = {}
    sections, indents = 0, set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#") or line.rstrip() == "---":
            continue
        if _SECTION.fullmatch(line.rstrip()) and not values:
            sections += 1
            continue
        entry = _ENTRY.fullmatch(line.rstrip())
        scalar = entry and (_QUOTED.fullmatch(entry["value"]) or _PLAIN.fullmatch(entry["value"]))
        if not entry or not scalar or entry["key"] in values:
            raise NotPlain(number)
        indents.add(len(entry["indent"]))
        values[entry["key"]] = scalar["inner"]
        if sections > 1 or len(indents) > 1 or (min(indents) > 0) != (sections == 1):
            raise NotPlain(number)
    return values

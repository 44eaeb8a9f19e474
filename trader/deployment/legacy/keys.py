"""The broker's keys in a hand-made set-up: where they stand, whether they agree, and that they trade on paper."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trader.deployment.legacy.setup import Finding, KeySource, Reader
from trader.deployment.legacy.text import Assignment, NotPlain, UnitText, assignments, plain_yaml, words

_PAIRS = (
    (("APCA_API_KEY_ID",), ("APCA_API_SECRET_KEY",)),
    (
        ("ALPACA_API_KEY", "ALPACA_API_KEY_ID", "ALPACA_KEY_ID"),
        ("ALPACA_SECRET_KEY", "ALPACA_API_SECRET", "ALPACA_API_SECRET_KEY"),
    ),
    (("api_key", "api_key_id", "key_id"), ("secret_key", "api_secret", "secret")),
)
"""Names of key ids and of their secrets, by family; the last one is of credentials files."""
_NAMES = frozenset(name for pair in _PAIRS for names in pair for name in names)
_ADDRESSES = ("APCA_API_BASE_URL", "ALPACA_BASE_URL", "ALPACA_API_BASE_URL", "APCA_API_DATA_URL", "base_url", "url")
_PAPER_HOSTS = ("paper-api.alpaca.markets", "data.alpaca.markets", "stream.data.alpaca.markets")
_SWITCHES = ("ALPACA_PAPER", "ALPACA_PAPER_TRADE", "IS_PAPER_TRADING", "PAPER_TRADING", "paper")
_MODES = ("EXECUTION_MODE", "TRADING_MODE", "mode")
_LIVE_WORDS = ("live", "real", "production")
_PLACEHOLDER = re.compile(r"(?i)your[_-].*|<.*>|x{3,}|change[_-]?me|(pk)?\.\.\.|")
_COMMENT = re.compile(r"\s+#.*|#\s.*")
_CARRIED = re.compile(r"[^\s\"'$\\`]+")

Read = Callable[[str], bytes]
"""The content of a file; raises OSError."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A key id and its secret, which `repr` does not show."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(slots=True)
class _Source:
    """One file's variables, and what is odd about them."""

    path: str
    reader: Reader
    values: dict[str, str] = field(default_factory=dict, repr=False)
    findings: list[Finding] = field(default_factory=list)

    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self.values if name in _NAMES)


@dataclass(frozen=True, slots=True)
class KeysFound:
    """The sources that hold keys, everything to say about them, and the one pair they agree on."""

    sources: tuple[KeySource, ...]
    findings: tuple[Finding, ...]
    keys: Keys | None = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)


def find_keys(places: Iterable[tuple[str, Reader]], read: Read) -> KeysFound:
    """The keys in these files, the later ones of less weight; a file that is not there is passed over."""
    sources = [source for path, reader in places if (source := _read(path, reader, read)) is not None]
    pairs = [(source.path, keys) for source in sources for keys in _pairs(source)]
    findings = [finding for source in sources for finding in source.findings]
    findings += [finding for source in sources for finding in _not_paper(source)]
    findings += _disagreement(pairs)
    variables: dict[str, str] = {}
    for source in reversed(sources):
        variables |= {name: value for name, value in source.values.items() if name not in _NAMES}
    return KeysFound(
        tuple(KeySource(each.path, each.reader, each.names()) for each in sources if each.names()),
        tuple(findings),
        pairs[0][1] if pairs else None,
        variables,
    )


def _read(path: str, reader: Reader, read: Read) -> _Source | None:
    source = _Source(path, reader)
    try:
        text = read(path).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        source.findings.append(_unreadable(path, error.strerror or type(error).__name__))
        return source
    except UnicodeDecodeError:
        source.findings.append(_unreadable(path, "not UTF-8 text"))
        return source
    parsers = {"environment file": _from_environment_file, "unit": _from_unit, "credentials file": _from_yaml}
    parsers[reader](source, text)
    return source


def _unreadable(path: str, why: str) -> Finding:
    return Finding("refused", f"{path} cannot be read by its own user ({why})", "Make it readable, or remove it.")


def _from_environment_file(source: _Source, text: str) -> None:
    for each in assignments(text):
        _take(source, each)


def _from_unit(source: _Source, text: str) -> None:
    for value in UnitText(text).all("Service", "Environment"):
        for word in words(value):
            name, equals, content = word.partition("=")
            if equals:
                _take(source, Assignment(name, content))
    if source.names():
        what = f"{source.path} holds {' and '.join(source.names())} itself: any user of this host can read them"
        source.findings.append(Finding("warning", what, "They are carried over; make new keys at Alpaca afterwards."))


def _from_yaml(source: _Source, text: str) -> None:
    try:
        for name, value in plain_yaml(text).items():
            _take(source, Assignment(name, value))
    except NotPlain as error:
        remedy = "Leave two lines in it, api_key: VALUE and secret_key: VALUE, or move it away."
        source.values.clear()
        source.findings.append(Finding("refused", f"{source.path} line {error.line} is not `key: value`", remedy))


def _take(source: _Source, each: Assignment) -> None:
    if each.name not in _NAMES:
        source.values[each.name] = each.value
        return
    where = f"{each.name} in {source.path}"
    value = each.value
    if _COMMENT.search(value):
        value = _COMMENT.sub("", value)
        remedy = "It is carried over without the comment."
        what = f"{where} has a comment behind it, which systemd takes for a part of the value"
        source.findings.append(Finding("warning", what, remedy))
    if _PLACEHOLDER.fullmatch(value):
        source.findings.append(Finding("note", f"{where} is no key yet, and is passed over", "Nothing is to be done."))
        return
    if not _CARRIED.fullmatch(value):
        remedy = "Write the bare value behind the `=`."
        source.findings.append(Finding("refused", f"{where} has blanks, quotes, $ or backslashes in it", remedy))
        return
    if source.values.get(each.name, value) != value:
        source.findings.append(Finding("refused", f"{where} stands there twice and differs", "Keep one of the two."))
    if each.exported:
        what = f"{where} is behind `export`, which systemd does not read: the units had no such key"
        source.findings.append(Finding("warning", what, "It is carried over."))
    source.values[each.name] = value


def _pairs(source: _Source) -> Iterator[Keys]:
    for ids, secrets in _PAIRS:
        key_ids = {name: source.values[name] for name in ids if name in source.values}
        found = {name: source.values[name] for name in secrets if name in source.values}
        if bool(key_ids) != bool(found):
            (alone, *_), missing = key_ids or found, (secrets if key_ids else ids)[0]
            what = f"{source.path} has {alone} without {missing}"
            source.findings.append(Finding("refused", what, "Write both or neither there."))
        elif len(set(key_ids.values())) > 1 or len(set(found.values())) > 1:
            what = f"{source.path}: {', '.join([*key_ids, *found])} differ from one another"
            source.findings.append(Finding("refused", what, "Keep one key id and one secret."))
        elif key_ids:
            yield Keys(next(iter(key_ids.values())), next(iter(found.values())))


def _disagreement(pairs: list[tuple[str, Keys]]) -> Iterator[Finding]:
    """Two different pairs, named and never shown; a key of a live account."""
    for path, keys in pairs[1:]:
        if keys != pairs[0][1]:
            first = pairs[0][0]
            where = f"the keys in {first} and in {path} differ" if path != first else f"{path} holds two different keys"
            yield Finding("refused", where, "Keep those of the account that is to be traded, and remove the others.")
            break
    for path in dict.fromkeys(path for path, keys in pairs if keys.key_id.startswith("AK")):
        remedy = "Make paper keys at Alpaca; their id begins with PK."
        yield Finding("refused", f"the key in {path} is one of a live account", remedy)


def _not_paper(source: _Source) -> Iterator[Finding]:
    """Whatever asks for live trading."""
    for name, value in source.values.items():
        if name in _ADDRESSES:
            yield from _address(source.path, name, value)
        if name in _SWITCHES and value.lower() in ("0", "false", "no", "off"):
            yield _live(source.path, f"{name} asks for live trading")
        if name in _MODES and value.lower() in _LIVE_WORDS:
            yield _live(source.path, f"{name} asks for live trading")


def _address(path: str, name: str, value: str) -> Iterator[Finding]:
    host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
    if host in _PAPER_HOSTS or not host:
        return
    if host.endswith("alpaca.markets"):
        yield _live(path, f"{name} is the address of live trading ({host})")
    else:
        remedy = "It is not carried over: the inventory says where orders go."
        yield Finding("warning", f"{path}: {name} is {host}, not Alpaca's paper service", remedy)


def _live(path: str, what: str) -> Finding:
    return Finding("refused", f"{path}: {what}", "This program only trades on paper: change or remove it there first.")


def file_reader(path: str) -> bytes:
    """A file of the disk."""
    return Path(path).read_bytes()

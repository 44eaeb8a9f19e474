"""A hand-made set-up's execution.yaml in the terms of ours. Nothing is dropped unsaid, and nothing is guessed."""

import difflib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

from trader.adapters import durable
from trader.adapters.alpaca.hosts import PAPER_HOSTS, require_paper
from trader.bootstrap import translation_rules as rules
from trader.bootstrap.translation import UNIVERSE, Carried, Told, Translation, candidates
from trader.bootstrap.translation_rules import Ask, Carry, Drop, NotClear, Rule, Value
from trader.domain.errors import ConfigurationError, NotPaper
from trader.settings.contradictions import contradictions
from trader.settings.document import Document, KeyPath, parse
from trader.settings.model import Settings
from trader.settings.render import commented

_SECRET = re.compile(r"(?i)(api_?key|key_?id|secret|token|passw|webhook)")
_SYMBOL = re.compile(r"[A-Z]{1,6}([.-][A-Z]{1,2})?")
_PAPER = "This program only trades on paper: change or remove the key."
_BOUNDS = "`trader config schema` prints types and bounds."


def translate(content: str, name: str, over: Mapping[str, object] | None = None) -> Translation:
    """The translation of this file; `over` are keys of ours that hold whatever it says.

    Raises ConfigurationError for a file that cannot be read, or a wrong key in `over`; NotPaper for live trading.
    """
    document = parse(content, name)
    if not isinstance(document.values, dict):
        raise ConfigurationError(name, "not a mapping of keys", "It holds `key: value` lines in sections.")
    work = _Work(document, Translation(), {_dotted(path): value for path, value in _leaves(over or {}, ())})
    work.take_symbols()
    for path, value in _leaves(document.values, ()):
        work.take(path, value)
    work.fit()
    work.check()
    return work.done


class _Work:
    """A translation in the making: `values` are our keys so far, `sources` where each is from."""

    def __init__(self, document: Document, done: Translation, over: dict[str, Value]) -> None:
        self._document = document
        self._over = over
        self.done = done
        self._values: dict[str, Value] = {}
        self._sources: dict[str, str] = {}
        self._taken: set[str] = set()

    def take(self, path: KeyPath, value: Value) -> None:
        """One key of the old file."""
        key = _dotted(path)
        if any(key == taken or key.startswith(f"{taken}.") for taken in self._taken):
            return
        if _SECRET.search(path[-1]):
            self._tell("dropped", path, "looks like a key or a password", "Keys belong into the vault, never here.")
            return
        self._refuse_live(path, value)
        rule = _rule(path)
        if value is None and (len(path) == 1 or isinstance(rule, Ask)):
            self._tell("dropped", path, "there is nothing in it", "")
        elif rule is None:
            self._tell("unknown", path, "unknown key", _near(path))
        elif isinstance(rule, Carry):
            self._carry(path, value, rule)
        elif isinstance(rule, Ask):
            self._ask(path, rule.to, rule.why, f"Set {rule.to} in the inventory; its default is {_default(rule.to)}.")
        else:
            self._drop(path, value, rule)

    def take_symbols(self) -> None:
        """The candidates, wherever they stand."""
        found = {key: self._at(key) for key in rules.SYMBOLS}
        lists = {key: value for key, value in found.items() if isinstance(value, list)}
        sectors = next(((key, value) for key in rules.SECTORS if isinstance(value := self._at(key), dict)), None)
        for key, value in lists.items():
            self._take_list(key, value, sectors[1] if sectors else {})
        if sectors and not lists:
            path = tuple(sectors[0].split("."))
            self._taken.add(sectors[0])
            self.done.universe = candidates(sectors[1], sectors[1])
            what = f"{len(sectors[1])} symbols have sectors here, and the candidates stand elsewhere"
            remedy = f"Set data.universe: to {UNIVERSE} if these are the candidates, else to your own list."
            self._ask(path, "data.universe", what, remedy)
        elif sectors:
            self._taken.add(sectors[0])
            self.done.translated.append(Carried(sectors[0], UNIVERSE, len(sectors[1]), "the sectors of the candidates"))

    def _take_list(self, key: str, symbols: list[object], sectors: Mapping[str, object]) -> None:
        path = tuple(key.split("."))
        self._taken.add(key)
        wrong = [str(symbol) for symbol in symbols if not _SYMBOL.fullmatch(str(symbol))]
        if wrong or not symbols:
            what = f"no symbols of shares: {', '.join(wrong[:5])}" if wrong else "it lists no symbol"
            self._tell("invalid", path, what, "Write them as the exchange does, for example BRK.B.", "data.universe")
            return
        self.done.universe = candidates(symbols, sectors)
        self._set(path, "data.universe", UNIVERSE, f"{len(set(map(str, symbols)))} symbols")

    def fit(self) -> None:
        """Keys of ours that the old file had not, where the defaults would contradict its caps."""
        gross, total = (
            self._number("risk_management.max_gross_exposure"),
            self._number("risk_management.max_total_exposure"),
        )
        if gross is not None and gross < (total if total is not None else Decimal("0.98")):
            self._follow("risk_management.max_total_exposure", "risk_management.max_gross_exposure", gross)
        total = self._number("risk_management.max_total_exposure")
        if total is not None and total < Decimal("0.95"):
            self._follow("position_sizing.target_exposure", "risk_management.max_total_exposure", total)

    def check(self) -> None:
        """Validate everything by the very types that check our file, and take what is wrong out."""
        done = self.done
        good = dict(self._values)
        while problems := _problems(good | self._over):
            for path, what, remedy in problems:
                key = _dotted(path)
                if key in self._over or key not in good:
                    raise ConfigurationError(key, what, remedy)
                good.pop(key)
                self._tell("invalid", tuple(self._sources[key].split(".")), what, remedy, key)
        done.translated = [each for each in done.translated if each.to in good or each.to == UNIVERSE]
        self._decide()
        values = good | self._over
        for path, what in contradictions(_settings(values)):
            source = self._sources.get(_dotted(path), _dotted(path))
            remedy = f"Set {_dotted(path)}, or what it contradicts, in the inventory."
            self._tell("invalid", tuple(source.split(".")), what, remedy, _dotted(path))
        done.config = _nested(values)

    def _decide(self) -> None:
        """What the inventory has decided is no question any more."""
        for told in (self.done.undecided, self.done.invalid):
            for each in [each for each in told if each.to in self._over]:
                told.remove(each)
                decided = Told(each.key, each.line, f"the inventory sets {each.to}", "", each.to)
                self.done.dropped.append(decided)

    def _carry(self, path: KeyPath, value: Value, rule: Carry) -> None:
        try:
            self._set(path, rule.to, rule.convert(value))
        except NotClear as error:
            self._ask(path, rule.to, str(error), error.remedy)

    def _set(self, path: KeyPath, to: str, value: Value, why: str = "") -> None:
        """Set a key of ours; of two old keys for one the tighter holds, and the other is told."""
        if to in self._over:
            self._tell("dropped", path, f"the inventory sets {to}", "", to)
            return
        present = self._values.get(to)
        if to in self._values and not _tighter(to, value, present):
            self._tell("dropped", path, f"{self._sources[to]} says the same or more tightly", "", to)
            return
        if to in self._values:
            loser = tuple(self._sources[to].split("."))
            self._tell("dropped", loser, f"{_dotted(path)} is tighter", "", to)
            self.done.translated = [each for each in self.done.translated if each.to != to]
        self._values[to], self._sources[to] = value, _dotted(path)
        self.done.translated.append(Carried(_dotted(path), to, value, why))

    def _follow(self, to: str, cap: str, value: Decimal) -> None:
        if to in self._over:
            return
        if to in self._values:
            self._tell("dropped", tuple(self._sources[to].split(".")), f"{cap} is tighter", "", to)
            self.done.translated = [each for each in self.done.translated if each.to != to]
        source = self._sources.get(cap, cap)
        self._values[to], self._sources[to] = rules.text(value), source
        self.done.translated.append(Carried(source, to, rules.text(value), f"no more than {cap} allows"))

    def _ask(self, path: KeyPath, to: str, what: str, remedy: str) -> None:
        self._tell("undecided", path, what, remedy, to)

    def _drop(self, path: KeyPath, value: Value, rule: Drop) -> None:
        if refused := rule.needs(value):
            self._tell("invalid", path, refused, "Change or remove it in the old file, if that is well.")
        else:
            self._tell("dropped_mock" if rule.mock else "dropped", path, rule.why, "")

    def _tell(self, name: str, path: KeyPath, what: str, remedy: str, to: str = "") -> None:
        told: list[Told] = getattr(self.done, name)
        told.append(Told(_dotted(path), self._document.line(path), what, remedy, to))

    def _refuse_live(self, path: KeyPath, value: Value) -> None:
        where, key = self._document.where(path), _dotted(path)
        if path[-1] in ("mode", "trading_mode") and str(value).lower() in ("live", "real", "production"):
            raise NotPaper(where, f"{key} asks for live trading", _PAPER)
        if path[-1] in ("paper", "is_paper", "paper_trading") and value is False:
            raise NotPaper(where, f"{key} asks for live trading", _PAPER)
        if path[-1] in rules.ADDRESSES and value is not None:
            try:
                require_paper(str(value))
            except NotPaper as error:
                raise NotPaper(where, f"{key}: {error.what}", _PAPER) from None

    def _number(self, key: str) -> Decimal | None:
        return rules.number((self._values | self._over).get(key))

    def _at(self, key: str) -> object:
        values: object = self._document.values
        for part in key.split("."):
            values = values.get(part) if isinstance(values, dict) else None
        return values


def _rule(path: KeyPath) -> Rule | None:
    """What becomes of a key; None when nobody knows."""
    key = _dotted(path)
    section = next((rule for name, rule in rules.WITHOUT_RULES.items() if key.startswith(f"{name}.")), None)
    if rule := section or rules.IN_SECTIONS.get(key):
        return rule
    if path[-1] in rules.ADDRESSES:
        return Drop(f"the addresses are built in: {', '.join(sorted(PAPER_HOSTS))}")
    if key in _ours():
        return Carry(key, rules.same)
    if path[-1] == "mode":
        return Carry("execution.mode", rules.same)
    return rules.ANYWHERE.get(path[-1])


def _ours() -> dict[str, Value]:
    """Our keys with their defaults."""
    return {_dotted(path): value for path, value in _leaves(Settings().model_dump(mode="json"), ())}


def _default(key: str) -> str:
    return str(_ours()[key])


def _near(path: KeyPath) -> str:
    """The key that may be meant."""
    leaves = {key.rpartition(".")[2]: key for key in _ours()}
    close = difflib.get_close_matches(path[-1], leaves, n=1, cutoff=0.7)
    hint = f"Is {leaves[close[0]]} meant? " if close else ""
    return f"{hint}It is not carried over; if it matters, set what it did in the inventory."


def _tighter(to: str, value: Value, present: Value) -> bool:
    one, other = rules.number(value), rules.number(present)
    if one is None or other is None:
        return False
    return one > other if to.rpartition(".")[2].startswith("min_") else one < other


def _leaves(values: Mapping[str, object], above: KeyPath) -> Iterator[tuple[KeyPath, Value]]:
    """Every key that is no section. An empty section has none."""
    for key, value in values.items():
        path = (*above, str(key))
        if isinstance(value, BaseModel | dict):
            yield from _leaves(value if isinstance(value, dict) else value.model_dump(), path)
        else:
            yield path, value


def _nested(values: Mapping[str, Value]) -> dict[str, object]:
    below: dict[str, dict[str, Value]] = {}
    for key, value in values.items():
        section, _, rest = key.partition(".")
        below.setdefault(section, {})[rest] = value
    return {section: keys[""] if "" in keys else _nested(keys) for section, keys in below.items()}


def _settings(values: Mapping[str, Value]) -> Settings:
    return Settings.model_validate_json(to_json(_nested(values)), strict=True)


def _problems(values: Mapping[str, Value]) -> list[tuple[KeyPath, str, str]]:
    try:
        _settings(values)
    except ValidationError as error:
        return [_problem(detail) for detail in error.errors(include_url=False)]
    return []


def _problem(detail: ErrorDetails) -> tuple[KeyPath, str, str]:
    path = tuple(str(part) for part in detail["loc"])
    what = f"{detail['msg'][0].lower()}{detail['msg'][1:]} (found {detail['input']!r})"
    if detail.get("ctx", {}).get("le") == 1:
        return path, what, "It is a share of 1: write 0.05 for 5 %."
    return path, what, _BOUNDS


def _dotted(path: KeyPath) -> str:
    return ".".join(path)


def translate_file(path: Path, over: Path | None = None) -> Translation:
    """The translation of the file at `path`. Raises as `translate` does."""
    keys = parse(_read(over), str(over)).values if over is not None else {}
    if not isinstance(keys, dict):
        raise ConfigurationError(str(over), "not a mapping of keys", "It holds sections as execution.yaml does.")
    return translate(_read(path), str(path), keys)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read ({error})", "Name a UTF-8 file.") from None


def write(done: Translation, directory: Path) -> None:
    """Write execution.yaml, and universe.csv when there are candidates, into the directory."""
    with durable.explained(directory):
        durable.replace(
            directory / "execution.yaml", commented(_settings(dict(_flat(done.config))), whole=False).encode()
        )
        if done.universe:
            durable.replace(directory / UNIVERSE, done.universe.encode())


def _flat(config: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    return ((_dotted(path), value) for path, value in _leaves(config, ()))

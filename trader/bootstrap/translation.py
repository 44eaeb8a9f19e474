"""What became of a hand-made set-up's execution.yaml, for programs and for people."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from trader.bootstrap.translation_rules import Value

UNIVERSE = "universe.csv"


@dataclass(frozen=True, slots=True)
class Carried:
    """A key that goes on under another name, or the same."""

    source: str
    to: str
    value: Value
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A key that does not go on as it is; `to` is the key of ours it concerns."""

    key: str
    line: int
    what: str
    remedy: str
    to: str = ""


@dataclass(slots=True)
class Translation:
    """The outcome. `config` holds our keys that were set; `universe` is the CSV file they name."""

    config: dict[str, object] = field(default_factory=dict)
    universe: str = ""
    translated: list[Carried] = field(default_factory=list)
    unknown: list[Told] = field(default_factory=list)
    undecided: list[Told] = field(default_factory=list)
    invalid: list[Told] = field(default_factory=list)
    dropped: list[Told] = field(default_factory=list)
    dropped_mock: list[Told] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is left to a person."""
        return not (self.undecided or self.invalid)

    def document(self) -> dict[str, object]:
        """All of it as JSON types."""
        carried = [
            {"from": each.source, "to": each.to, "value": each.value, "why": each.why} for each in self.translated
        ]
        told = {name: [asdict(each) for each in getattr(self, name)] for name in _TITLES}
        return {"ok": self.ok, "config": self.config, "universe": self.universe, "translated": carried, **told}


def candidates(symbols: Iterable[object], sectors: Mapping[str, object]) -> str:
    """The CSV file of these symbols with their sectors."""
    out = io.StringIO()
    rows = [(str(symbol), str(sectors.get(str(symbol)) or "unclassified")) for symbol in symbols]
    csv.writer(out, lineterminator="\n").writerows([("symbol", "sector"), *sorted(set(rows))])
    return out.getvalue()


_TITLES = {
    "unknown": "Unknown, not carried over",
    "undecided": "For you to decide",
    "invalid": "Invalid",
    "dropped": "Without a counterpart",
    "dropped_mock": "Made-up signals, which are not traded here",
}


def told(done: Translation) -> str:
    """The outcome for people."""
    lines = [
        "Carried over",
        *(f"  {each.source} -> {each.to}: {_said(each.value)} {each.why}" for each in done.translated),
    ]
    for name, title in _TITLES.items():
        found: list[Told] = getattr(done, name)
        lines += ["", title] if found else []
        lines += [f"  line {each.line}, {each.key}: {each.what}. {each.remedy}" for each in found]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _said(value: Value) -> str:
    return json.dumps(value).strip('"')

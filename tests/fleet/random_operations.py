"""Random activations, rollbacks, prunings and power losses on a host, held against a model of what must follow."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.fleet.lab import Host
from tests.fleet.losing_power import STEPS, lose_power, require_whole
from tests.fleet.stand import tool


@dataclass
class Model:
    """The way that led to the active release, and the releases that must not be chosen without a reason."""

    taken: list[str]
    void: set[str] = field(default_factory=set)

    @property
    def active(self) -> str:
        """The release that trades."""
        return self.taken[-1]

    def deploy(self, name: str) -> None:
        """Go forward to a release."""
        if self.active != name:
            self.taken.append(name)
        self.void.discard(name)

    def roll_back(self, name: str) -> None:
        """Go back to a release on the way here, or forward to another."""
        left = self.active
        if name == left:
            return
        if name in self.taken[:-1]:
            del self.taken[self.taken.index(name) + 1 :]
            self.void.add(left)
        else:
            self.taken.append(name)
        self.void.discard(name)


class Player:
    """Plays operations on one host. Raises AssertionError with what was played before."""

    def __init__(self, host: Host, seed: int) -> None:
        self._host, self._draw = host, random.Random(seed)
        facts = tool(host, "facts")
        self._model = Model(list(facts["path"]), {each["id"] for each in facts["releases"] if each["void"]})
        self.played: Counter[str] = Counter()
        self._story: list[str] = []

    def play(self, count: int) -> None:
        """So many operations, each followed by a look."""
        for _ in range(count):
            operation = self._draw.choices(
                (self._deploy, self._back, self._forward, self._prune, self._lose_power, self._touch),
                (4, 4, 2, 2, 3, 1),
            )[0]
            name = operation.__name__.strip("_")
            self._story.append(name)
            operation()
            self.played[name] += 1
            self._look()

    def _whole(self) -> list[str]:
        return [each["id"] for each in tool(self._host, "facts")["releases"] if each["finished"]]

    def _deploy(self) -> None:
        name = self._draw.choice(self._whole())
        answer = tool(self._host, "activate", "--release", name, check=False)
        if name in self._model.void and name != self._model.active:
            assert "void" in answer.get("refused", ""), (answer, self._story)
        else:
            assert answer.get("active") == name, (answer, self._story)
            self._model.deploy(name)

    def _back(self) -> None:
        left = [name for name in self._model.taken[:-1] if name in self._whole() and name not in self._model.void]
        answer = tool(self._host, "activate", "--kind", "rollback", check=False)
        if not left:
            assert "no release before" in answer.get("refused", ""), (answer, self._story)
        else:
            assert answer.get("active") == left[-1], (answer, self._story)
            self._model.roll_back(left[-1])

    def _forward(self) -> None:
        name = self._draw.choice(self._whole())
        words = ("--kind", "rollback", "--release", name, "--reason", "played")
        answer = tool(self._host, "activate", *words, check=False)
        assert answer.get("active") == name, (answer, self._story)
        self._model.roll_back(name)

    def _prune(self) -> None:
        tool(self._host, "prune")

    def _lose_power(self) -> None:
        """In an activation: afterwards it is the one release or the other."""
        name = self._draw.choice([each for each in self._whole() if each != self._model.active] or self._whole())
        words = ("--kind", "rollback", "--release", name, "--reason", "played")
        lose_power(self._host, self._draw.choice(STEPS), *words, after_s=self._draw.random() / 5)
        found = require_whole(self._host, self._model.active, name)
        if found == name:
            self._model.roll_back(name)

    def _touch(self) -> None:
        """Nothing goes by the age of a file."""
        name = self._draw.choice(self._whole())
        self._host.shell(
            f"touch -d '2001-01-01' /opt/paper-trading/releases/{name}; touch /opt/paper-trading/releases/*"
        )

    def _look(self) -> None:
        assert require_whole(self._host, self._model.active), self._story
        facts = tool(self._host, "facts")
        assert facts["path"] == self._model.taken, (facts, self._story)
        there = {each["id"]: bool(each["void"]) for each in facts["releases"]}
        assert {name for name, void in there.items() if void} == self._model.void & there.keys(), (facts, self._story)

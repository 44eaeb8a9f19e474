"""A first host from virgin to ready to trade, once for a worker's tests; they begin from its disk."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fleet.lab import Host
from tests.fleet.stand import Played, Stand, tool, trader

SMALLER = {"position_sizing": {"max_positions": 7}}
"""What the second release differs in."""


@dataclass
class Rollout:
    """How the runs went that made it, by their names, with the seconds each took."""

    runs: dict[str, Played] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    first: str = ""
    second: str = ""
    snapshot: Path = Path()

    def run(self, stand: Stand, name: str, *options: str, **extra: object) -> Played:
        """Run the install playbook and keep how it went, good or bad."""
        began = time.monotonic()
        self.runs[name] = stand.play("install", *options, check=False, **extra)
        self.took_s[name] = time.monotonic() - began
        return self.runs[name]


def roll_out(stand: Stand, host: Host) -> Rollout:
    """Look, install, install again, look again; upgrade; teach it a model; keep its disk."""
    done = Rollout()
    done.run(stand, "look at a virgin host", "--check", "--diff")
    done.run(stand, "install", "-vvv", "--diff")
    assert done.runs["install"].code == 0, done.runs["install"].out[-5000:]
    done.first = str(tool(host, "facts")["active"])
    done.run(stand, "install again")
    done.run(stand, "look again", "--check", "--diff")
    teach(host)
    stand.variables["trader_config_overrides"] = SMALLER
    done.run(stand, "upgrade", "-vvv", "--diff")
    assert done.runs["upgrade"].code == 0, done.runs["upgrade"].out[-5000:]
    done.second = str(tool(host, "facts")["active"])
    done.snapshot = host.snapshot("installed")
    return done


def teach(host: Host) -> None:
    """Bars, a model, and the word that it may trade: what a person types once on a new host."""
    trader(host, "data", "update")
    trained = trader(host, "model", "train", "--json")
    trader(host, "model", "promote", json.loads(trained.out)["hash"])

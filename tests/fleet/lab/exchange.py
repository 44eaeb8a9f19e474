"""The simulated exchange as hosts of the lab reach it: on this machine's address on their bridge."""

import json
import sys
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.helper import Helper


class SimulatedExchange:
    """A running exchange; `url` is what goes into a host's configuration."""

    def __init__(self, folder: Path, address: str, group: Group, at: datetime, options: dict[str, object]) -> None:
        """Options are those of `python -m trader.simulated_exchange`, with underscores; True stands for a flag.

        Synthetic symbols have two years of bars before and a year after `at`, if nothing else is said.
        """
        folder.mkdir(parents=True)
        if "symbols" in options:
            options.setdefault("history_start", at.date() - timedelta(days=730))
            options.setdefault("history_end", at.date() + timedelta(days=365))
        given = {"state": folder / "state", "at": at.isoformat(), "host": address, "clock": "lockstep", **options}
        words = [sys.executable, "-m", "trader.simulated_exchange"]
        for name, value in given.items():
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [f"{flag}={value}"]
        self._helper = Helper(words, group, folder / "log")
        self.log = folder / "log"
        self.url = str(json.loads(self._helper.first_line())["url"])

    def now(self) -> datetime:
        """The exchange's time."""
        return datetime.fromisoformat(self.control("/sim/clock")["now"])

    def advance(self, to: datetime) -> None:
        """Let the exchange's time pass until then, in lockstep mode."""
        self.control("/sim/clock/advance", {"to": to.isoformat()})

    def control(self, path: str, body: dict[str, object] | None = None) -> Any:
        """A call to the exchange as its simulated customer, below /sim or /v2; with a body it is a POST."""
        headers = {"APCA-API-KEY-ID": "SIMULATED", "APCA-API-SECRET-KEY": "SIMULATED"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def stop(self) -> None:
        """End it; its state stays until the lab ends."""
        self._helper.stop()

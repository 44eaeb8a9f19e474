"""The simulated exchange as hosts of the lab reach it: on this machine's address on their bridge."""

import json
import sys
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fleet.lab.cgroups import Group
from tests.fleet.lab.helper import Helper


def start_exchange(
    folder: Path, group: Group, address: str, at: datetime, options: dict[str, object]
) -> "SimulatedExchange":
    """Options are those of `python -m trader.simulated_exchange`, with underscores; True stands for a flag.

    Synthetic symbols have two years of bars before and a year after `at`, if nothing else is said.
    """
    folder.mkdir(parents=True)
    given = {"state": folder / "state", "at": at.isoformat(), "host": address, "clock": "lockstep", **options}
    if "symbols" in given:
        given.setdefault("history_start", at.date() - timedelta(days=730))
        given.setdefault("history_end", at.date() + timedelta(days=365))
    words = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in given.items()]
    helper = Helper([sys.executable, "-m", "trader.simulated_exchange", *words], group, folder / "log")
    (folder / "url").write_text(json.loads(helper.first_line())["url"])
    return SimulatedExchange(folder, group, helper)


class SimulatedExchange:
    """A running exchange; `url` is what goes into a host's configuration."""

    def __init__(self, folder: Path, group: Group, helper: Helper | None = None) -> None:
        """One that has been started; `helper` is there in the process that did so."""
        self.url, self.log = (folder / "url").read_text(), folder / "log"
        self._group, self._helper = group, helper

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

    def removed(self) -> None:
        """Take note that the lab has been removed with all its exchanges."""
        if self._helper:
            self._helper.reap()

    def stop(self) -> None:
        """End it; its state stays until the lab ends."""
        if self._helper:
            self._helper.stop()
        else:
            self._group.end()

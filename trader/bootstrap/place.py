"""Where a configuration's state lives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trader.settings.location import locate

if TYPE_CHECKING:
    from trader.settings.load import Configuration


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration file and the directory that holds everything the program remembers of it."""

    config: Path
    state: Path
    environ: Mapping[str, str]

    def configuration(self, stops: bool = False) -> "Configuration":
        """The configuration, read now; `stops`: as much of it as an emergency stop needs. Raises ConfigurationError."""
        from trader.settings.load import load, load_for_stop

        return (load_for_stop if stops else load)(self.config, self.environ)

    @property
    def ledger(self) -> Path:
        """The ledger's database."""
        return self.state / "ledger.db"

    @property
    def universe(self) -> Path:
        """The candidates that a simulated market was begun with."""
        return self.state / "universe.csv"

    @property
    def exchange(self) -> Path:
        """The embedded exchange's own state."""
        return self.state / "exchange"

    @property
    def log(self) -> Path:
        """The log of `trader day`."""
        return self.state / "logs" / "trader.jsonl"


def find_place(config: Path | None, state: Path | None, environ: Mapping[str, str]) -> Place:
    """The configuration of `settings.location`; state in `state`, else TRADER_STATE, STATE_DIRECTORY or ./var/NAME."""
    path = locate(config, environ)
    named = environ.get("TRADER_STATE") or environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Place(path, state or Path(named or Path("var") / path.stem), environ)

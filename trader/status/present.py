"""What `trader status` answers, as one value: it can be printed, or sent as JSON and printed elsewhere."""

from dataclasses import dataclass
from datetime import datetime

from trader.status.snapshot import StatusView


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of the host: when it ran last and is due next (UTC, None: never), and how the last run ended, in words."""

    name: str
    last_at: datetime | None
    next_at: datetime | None
    result: str


@dataclass(frozen=True, slots=True)
class Status:
    """The present state, which release would trade now, and of which configuration file and state this speaks.

    `senders`: by account, who holds the orders lease, or was the last to hold it. `next_steps`: what a person does now.
    `trouble`: what has to be mended, with `exit_code`; when the ledger cannot be shown, STATE is shown all the same.
    `units`: none where no service manager runs them.
    """

    view: StatusView
    release: str
    config: str
    state: str
    senders: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    trouble: str = ""
    exit_code: int = 0
    units: tuple[UnitLine, ...] = ()

"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time for policies, limits and schedules."""

    def now(self) -> datetime:
        """This instant, UTC."""
        ...

    def wait_until(self, instant: datetime) -> None:
        """Return at `instant` (UTC), at once when it has passed, early when the process is asked to stop."""
        ...


class StopSignal(Protocol):
    """Whether somebody asked the process to end (SIGTERM, Ctrl-C)."""

    def requested(self) -> bool:
        """True from the request on."""
        ...

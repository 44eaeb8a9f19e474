"""A clock that moves only when somebody waits, or moves it."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Starts at `now`; waiting takes no time."""

    def __init__(self, now: datetime = datetime(2026, 3, 16, 13, 30, tzinfo=UTC)) -> None:
        self._now = now
        self.deaf = False

    def now(self) -> datetime:
        return self._now

    def wait_until(self, instant: datetime) -> None:
        """Be there at once; `deaf` stands for a process that is asked to stop: it returns early."""
        if not self.deaf:
            self._now = max(self._now, instant)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

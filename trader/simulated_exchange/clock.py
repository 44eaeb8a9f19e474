"""Where the exchange's time comes from: moved by hand, or wall time multiplied."""

from collections.abc import Callable
from time import monotonic

from trader.simulated_exchange.config import ClockMode
from trader.simulated_exchange.timestamps import SECOND_NS


class SimulatedClock:
    """Simulated time from an anchor on; in lockstep it stands still until it is moved."""

    def __init__(self, mode: ClockMode, anchor_ns: int, speed: float, wall_s: Callable[[], float] = monotonic) -> None:
        """Start at `anchor_ns`; `speed` is simulated seconds per wall second."""
        self.mode = mode
        self._speed = speed if mode == "speed" else 0.0
        self._wall_s = wall_s
        self.move_to(anchor_ns)

    def now_ns(self) -> int:
        """The present instant."""
        return self._anchor_ns + int((self._wall_s() - self._anchor_s) * self._speed * SECOND_NS)

    def move_to(self, ns: int) -> None:
        """Be at `ns` now."""
        self._anchor_ns, self._anchor_s = ns, self._wall_s()

"""So many requests per key and simulated minute."""

from dataclasses import dataclass

from trader.simulated_exchange.timestamps import SECOND_NS

_WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request may know of its limit; `reset_s` is an epoch second of simulated time."""

    limit: int
    remaining: int
    reset_s: int
    allowed: bool

    @property
    def headers(self) -> dict[str, str]:
        """The broker's three headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }


class Limiter:
    """Counts per key within each whole minute of simulated time."""

    def __init__(self, limit: int) -> None:
        """`limit` requests a minute; 0 counts nothing."""
        self._limit = limit
        self._used: dict[str, tuple[int, int]] = {}

    def ask(self, key: str, now_ns: int) -> Allowance | None:
        """Count one request; None when there is no limit."""
        if not self._limit:
            return None
        window = now_ns // SECOND_NS // _WINDOW_S
        begun, used = self._used.get(key, (window, 0))
        used = used + 1 if begun == window else 1
        self._used[key] = (window, used)
        remaining = max(0, self._limit - used)
        return Allowance(self._limit, remaining, (window + 1) * _WINDOW_S, used <= self._limit)

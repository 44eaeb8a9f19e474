"""A day's price at every second: from the open to the close, touching exactly the high and the low between them."""

from dataclasses import dataclass

import numpy as np

from trader.simulated_exchange.draws import whole
from trader.simulated_exchange.panel import Ints

_KNOT_EVERY_S = 60
_ROUGHNESS = 0.4


@dataclass(frozen=True, slots=True)
class Path:
    """Prices (1/10,000 USD) at knots (whole seconds since the open), straight between them.

    A shock (begin, seconds, basis points) leaves prices up to its beginning as they are.
    """

    at_s: Ints
    price: Ints
    shocks: tuple[tuple[int, int, int], ...] = ()

    def between(self, first_s: int, last_s: int) -> Ints:
        """Prices of each second from first to last, both included."""
        seconds = np.arange(first_s, last_s + 1, dtype=np.int64)
        left = np.clip(np.searchsorted(self.at_s, seconds, side="right") - 1, 0, len(self.at_s) - 2)
        start, rise = self.price[left], self.price[left + 1] - self.price[left]
        into, width = seconds - self.at_s[left], self.at_s[left + 1] - self.at_s[left]
        prices: Ints = start + rise * into // width
        for begin, over, bps in self.shocks:
            prices = np.maximum(prices + prices * bps * np.clip(seconds - begin, 0, over) // (10_000 * over), 1)
        return prices

    def at(self, second: int) -> int:
        """The price of one second."""
        return int(self.between(second, second)[0])


def day_path(seed: int, symbol: str, day: str, seconds: int, bar: tuple[int, int, int, int]) -> Path:
    """The path of one symbol's day, `bar` being its open, high, low and close.

    A Brownian bridge between the four, clipped to the range; drawn from seed, symbol and day alone.
    """
    open_, high, low, close = bar
    rng = np.random.Generator(np.random.PCG64(whole(seed, "path", symbol, day)))
    first, second = np.sort(rng.choice(np.arange(1, seconds), 2, replace=False))
    extremes = (high, low) if rng.random() < 0.5 else (low, high)
    anchors_s = np.array([0, first, second, seconds], dtype=np.int64)
    anchors = np.array([open_, *extremes, close], dtype=np.int64)
    knots = np.union1d(np.arange(0, seconds + 1, _KNOT_EVERY_S), anchors_s)
    steps = rng.standard_normal(len(knots)) * np.sqrt(np.diff(knots, prepend=0))
    walk = np.cumsum(steps) * _ROUGHNESS * (high - low) / np.sqrt(seconds)
    bridge = walk - np.interp(knots, anchors_s, walk[np.searchsorted(knots, anchors_s)])
    price = np.rint(np.interp(knots, anchors_s, anchors) + bridge).astype(np.int64)
    return Path(knots, np.clip(price, low, high))

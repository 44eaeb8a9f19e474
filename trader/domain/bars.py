"""Daily bars as panels: one float64 array per field, sessions down, symbols across."""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

Panel = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BarPanel:
    """Bars of S symbols over T sessions; arrays are T x S, NaN where a symbol has no bar.

    Prices in USD, split-adjusted; volume in shares. Dates ascend, symbols are sorted.
    """

    dates: tuple[date, ...]
    symbols: tuple[str, ...]
    open: Panel
    high: Panel
    low: Panel
    close: Panel
    volume: Panel

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.symbols))
        if any(field.shape != shape for field in (self.open, self.high, self.low, self.close, self.volume)):
            raise ValueError(f"every field of the panel must be {shape}")
        if list(self.dates) != sorted(set(self.dates)) or list(self.symbols) != sorted(set(self.symbols)):
            raise ValueError("dates and symbols must ascend without repeats")

    def digest(self) -> str:
        """SHA-256 (hex) over dates, symbols and the bytes of every field."""
        total = hashlib.sha256(repr((self.dates, self.symbols)).encode())
        for field in (self.open, self.high, self.low, self.close, self.volume):
            total.update(np.ascontiguousarray(field).tobytes())
        return total.hexdigest()

    def last(self, sessions: int) -> "BarPanel":
        """The panel's last `sessions` rows (all of them when there are fewer)."""
        return self._rows(slice(max(0, len(self.dates) - sessions), len(self.dates)))

    def until(self, day: date) -> "BarPanel":
        """The rows up to and including `day`."""
        return self._rows(slice(0, sum(d <= day for d in self.dates)))

    def _rows(self, rows: slice) -> "BarPanel":
        fields = (self.open, self.high, self.low, self.close, self.volume)
        return BarPanel(self.dates[rows], self.symbols, *(field[rows] for field in fields))

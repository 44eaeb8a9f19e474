"""Which shares can be borrowed to be sold short: drawn once per symbol, and for the scarce ones once a day."""

from dataclasses import dataclass

from trader.simulated_exchange.draws import fraction

_NOT_SHORTABLE, _HARD = 0.05, 0.25
_FOUND = 0.5


@dataclass(frozen=True, slots=True)
class Borrow:
    """An asset's flags."""

    shortable: bool
    easy: bool


def borrow_of(seed: int, symbol: str) -> Borrow:
    """One symbol in twenty cannot be had, one in five is hard to."""
    drawn = fraction(seed, "borrow", symbol)
    return Borrow(drawn >= _NOT_SHORTABLE, drawn >= _HARD)


def located(seed: int, symbol: str, day: str) -> bool:
    """Whether shares that are hard to borrow are found that day: every other time."""
    return fraction(seed, "locate", symbol, day) < _FOUND

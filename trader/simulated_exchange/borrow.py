"""Which shares can be borrowed to be sold short: drawn once per symbol, and for the scarce ones once a day."""

from dataclasses import dataclass
from datetime import date

from trader.simulated_exchange.draws import fraction
from trader.simulated_exchange.market import Market
from trader.simulated_exchange.scenario import AssetFlags

_NOT_SHORTABLE, _HARD = 0.05, 0.25
_FOUND = 0.5


@dataclass(frozen=True, slots=True)
class Borrow:
    """An asset's flags."""

    shortable: bool
    easy: bool


def borrow_of(market: Market, symbol: str) -> Borrow:
    """One symbol in twenty cannot be had, one in five is hard to, unless the scenario says otherwise."""
    drawn, said = fraction(market.seed, "borrow", symbol), market.scenario.assets.get(symbol, AssetFlags())
    shortable = drawn >= _NOT_SHORTABLE if said.shortable is None else said.shortable
    return Borrow(shortable, drawn >= _HARD if said.easy_to_borrow is None else said.easy_to_borrow)


def can_borrow(market: Market, symbol: str, day: date) -> bool:
    """Whether shares can be had that day: those that are hard to borrow are found every other time."""
    flags = borrow_of(market, symbol)
    found = fraction(market.seed, "locate", symbol, day.isoformat()) < _FOUND
    return flags.shortable and (flags.easy or found)

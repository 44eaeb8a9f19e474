"""The market as the program sees it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
"""The exchange's zone."""


def exchange_date(instant: datetime) -> date:
    """The date it is at the exchange."""
    return instant.astimezone(NEW_YORK).date()


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and offer (USD) and when it was made."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        """Arithmetic mean of bid and ask."""
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class SessionDay:
    """One exchange trading day, times in UTC."""

    date: date
    open_at: datetime
    close_at: datetime


@dataclass(frozen=True, slots=True)
class Asset:
    """What the broker says of a symbol."""

    symbol: str
    tradable: bool
    shortable: bool
    fractionable: bool


@dataclass(frozen=True, slots=True)
class Universe:
    """The candidates: symbols in order, each with its sector (`unclassified` when unknown)."""

    sectors: tuple[tuple[str, str], ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, sorted."""
        return tuple(symbol for symbol, _ in self.sectors)

    def sector_of(self, symbol: str) -> str:
        """The sector of a symbol, `unclassified` for one that is not in the universe."""
        return dict(self.sectors).get(symbol, "unclassified")

"""What holdings are worth: each position at its mark, to the cent, as the broker rounds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.accounting.money import notional_usd
from trader.domain.errors import ChecksFailed
from trader.domain.market import Universe
from trader.domain.portfolio import Book

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PositionValue:
    """One holding at its mark (USD per share); values below zero are short."""

    symbol: str
    quantity: Decimal
    mark: Decimal
    value_usd: Decimal
    cost_usd: Decimal

    @property
    def unrealised_usd(self) -> Decimal:
        """Value above cost."""
        return self.value_usd - self.cost_usd


@dataclass(frozen=True, slots=True)
class Exposure:
    """Gross adds what is long and what is short, net sets one against the other; USD."""

    gross_usd: Decimal = ZERO
    net_usd: Decimal = ZERO

    def plus(self, value_usd: Decimal) -> "Exposure":
        """With one more position."""
        return Exposure(self.gross_usd + abs(value_usd), self.net_usd + value_usd)


@dataclass(frozen=True, slots=True)
class Valuation:
    """A book at its marks, positions sorted by symbol."""

    cash_usd: Decimal
    positions: tuple[PositionValue, ...]

    @property
    def exposure(self) -> Exposure:
        """Of all positions."""
        total = Exposure()
        for position in self.positions:
            total = total.plus(position.value_usd)
        return total

    @property
    def equity_usd(self) -> Decimal:
        """Cash and the net value of all positions."""
        return self.cash_usd + self.exposure.net_usd


def value(book: Book, marks: Mapping[str, Decimal]) -> Valuation:
    """The book at these marks (USD by symbol). Raises ChecksFailed for a holding without one."""
    missing = [holding.symbol for holding in book.holdings if holding.symbol not in marks]
    if missing:
        raise ChecksFailed(
            f"no price for {', '.join(missing)}, which the account holds",
            "Run the command again when the broker quotes it; nothing was recorded.",
        )
    return Valuation(
        book.cash_usd,
        tuple(
            PositionValue(
                holding.symbol,
                holding.quantity,
                marks[holding.symbol],
                notional_usd(holding.quantity, marks[holding.symbol]),
                holding.cost_usd,
            )
            for holding in book.holdings
        ),
    )


def equity_usd(book: Book, marks: Mapping[str, Decimal]) -> Decimal:
    """Cash and the value of every holding at these marks."""
    return value(book, marks).equity_usd


def exposure_by_sector(valuation: Valuation, universe: Universe) -> dict[str, Exposure]:
    """The exposure of each sector that is held, sectors sorted."""
    found: dict[str, Exposure] = {}
    sectors = dict(universe.sectors)
    for position in valuation.positions:
        sector = sectors.get(position.symbol, "unclassified")
        found[sector] = found.get(sector, Exposure()).plus(position.value_usd)
    return dict(sorted(found.items()))

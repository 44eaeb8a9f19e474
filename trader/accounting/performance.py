"""How a day, its orders and its account went. Money to the cent, so that parts add up to their whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.accounting.money import cents
from trader.accounting.postings import RealisedLot
from trader.accounting.valuation import Valuation
from trader.domain.journal import DayClosed
from trader.domain.market import Universe
from trader.domain.orders import Fill, Side

ZERO = Decimal(0)
BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Profit:
    """Realised: what closed lots brought above cost. Unrealised: the change of what open ones are worth above cost."""

    realised_usd: Decimal = ZERO
    unrealised_usd: Decimal = ZERO

    @property
    def total_usd(self) -> Decimal:
        """Both; over all symbols the change of equity."""
        return self.realised_usd + self.unrealised_usd

    def __add__(self, other: "Profit") -> "Profit":
        return Profit(self.realised_usd + other.realised_usd, self.unrealised_usd + other.unrealised_usd)


def profit_by_symbol(start: Valuation, end: Valuation, realised: Iterable[RealisedLot]) -> dict[str, Profit]:
    """The profit of each symbol held or closed between two valuations of one account, symbols sorted.

    Exact: fills move cost and cash alike (see postings), so the totals add up to `end.equity_usd - start.equity_usd`.
    """
    found: dict[str, Profit] = {}
    parts = [(position.symbol, Profit(unrealised_usd=-position.unrealised_usd)) for position in start.positions]
    parts += [(position.symbol, Profit(unrealised_usd=position.unrealised_usd)) for position in end.positions]
    parts += [(lot.symbol, Profit(realised_usd=lot.realised_usd)) for lot in realised]
    for symbol, part in parts:
        found[symbol] = found.get(symbol, Profit()) + part
    return dict(sorted(found.items()))


def profit_by_sector(profits: Mapping[str, Profit], universe: Universe) -> dict[str, Profit]:
    """The profits by symbol added up by sector, sectors sorted."""
    found: dict[str, Profit] = {}
    sectors = dict(universe.sectors)
    for symbol, profit in profits.items():
        sector = sectors.get(symbol, "unclassified")
        found[sector] = found.get(sector, Profit()) + profit
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Slippage:
    """What filling an order cost against its arrival price; above zero is a cost. `average_price` to 0.000001 USD."""

    quantity: Decimal
    average_price: Decimal
    arrival_usd: Decimal
    usd: Decimal

    @property
    def bps(self) -> Decimal:
        """Cost in basis points of the shares' value at arrival, to 0.01."""
        return _bps(self.usd, self.arrival_usd)


def slippage(fills: Sequence[Fill], arrival_price: Decimal) -> Slippage | None:
    """The implementation shortfall of the executed shares of one order (Perold, 1988); None without a fill.

    side * (average fill - arrival) * quantity, side +1 for a purchase and -1 for a sale. In basis points it is
    side * (average fill - arrival) / arrival * 10,000.
    """
    if not fills:
        return None
    quantity = sum((fill.quantity for fill in fills), ZERO)
    paid_usd = sum((fill.quantity * fill.price for fill in fills), ZERO)
    arrival_usd = quantity * arrival_price
    sign = 1 if fills[0].side is Side.BUY else -1
    average = (paid_usd / quantity).quantize(Decimal("0.000001"))
    return Slippage(quantity, average, arrival_usd, sign * (paid_usd - arrival_usd))


def total_slippage(parts: Sequence[Slippage]) -> tuple[Decimal, Decimal | None]:
    """USD to the cent, and basis points of everything at arrival; the latter is None when nothing was filled."""
    usd = sum((part.usd for part in parts), ZERO)
    arrival_usd = sum((part.arrival_usd for part in parts), ZERO)
    return cents(usd), _bps(usd, arrival_usd) if arrival_usd else None


def _bps(usd: Decimal, arrival_usd: Decimal) -> Decimal:
    return cents(usd / arrival_usd * BPS)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity after a session; `drawdown` is its distance below the highest so far, a fraction, 0 or negative."""

    session_date: date
    equity_usd: Decimal
    drawdown: Decimal


def equity_curve(closes: Iterable[DayClosed]) -> tuple[EquityPoint, ...]:
    """The closed days by date, drawdowns to a millionth; a day closed again counts as it was last."""
    peak, points = ZERO, []
    for day, equity in sorted({close.session_date: close.equity_usd for close in closes}.items()):
        peak = max(peak, equity)
        drawdown = (equity / peak - 1).quantize(Decimal("0.000001")) if peak else ZERO
        points.append(EquityPoint(day, equity, drawdown))
    return tuple(points)


def max_drawdown(curve: Iterable[EquityPoint]) -> Decimal:
    """The deepest point of the curve, a fraction, 0 or negative."""
    return min((point.drawdown for point in curve), default=ZERO)

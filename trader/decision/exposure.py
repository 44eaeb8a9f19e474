"""What the account may come to hold in the worst case, and the limits on what stands together. One arithmetic for the
plan (closes, after what reduces) and for every order (after all that works).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.domain.orders import Side
from trader.domain.plan import Trait
from trader.domain.policy import RiskPolicy

ZERO = Decimal(0)
UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Stake:
    """Shares a symbol may come to, from `low` to `high` (negative: short), whatever of its orders is filled."""

    low: Decimal = ZERO
    high: Decimal = ZERO
    price_usd: Decimal = ZERO

    @property
    def long_usd(self) -> Decimal:
        """Largest value held long."""
        return max(self.high, ZERO) * self.price_usd

    @property
    def gross_usd(self) -> Decimal:
        """Largest value held either way, positive."""
        return max(self.high, -self.low, ZERO) * self.price_usd

    def joined(self, side: Side, quantity: Decimal, price_usd: Decimal) -> "Stake":
        """The stake with one more order working; all of it is valued at the higher price."""
        price = max(self.price_usd, price_usd)
        if side is Side.BUY:
            return Stake(self.low, self.high + quantity, price)
        return Stake(self.low - quantity, self.high, price)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The stakes by symbol and their sums in USD: long, gross, and the net they may rise or fall to."""

    stakes: Mapping[str, Stake]
    traits: Mapping[str, Trait]
    long_usd: Decimal
    gross_usd: Decimal
    highest_net_usd: Decimal
    lowest_net_usd: Decimal
    sectors_usd: Mapping[str, Decimal]

    def of(self, symbol: str) -> Stake:
        """The stake in a symbol, an empty one when there is none."""
        return self.stakes.get(symbol, Stake())

    def sector_of(self, symbol: str) -> str:
        """The symbol's sector; `unclassified` is one, too."""
        return self.traits[symbol].sector if symbol in self.traits else UNCLASSIFIED

    def cluster_usd(self, symbol: str) -> Decimal:
        """Gross value of a symbol and all that move with it."""
        others = self.traits[symbol].correlated if symbol in self.traits else ()
        return sum((self.of(other).gross_usd for other in others), self.of(symbol).gross_usd)

    def joined(self, symbol: str, side: Side, quantity: Decimal, price_usd: Decimal) -> "Exposure":
        """The exposure with one more order working."""
        return self.changed(symbol, self.of(symbol).joined(side, quantity, price_usd))

    def changed(self, symbol: str, after: Stake) -> "Exposure":
        """The exposure with another stake in `symbol`."""
        before, sector = self.of(symbol), self.sector_of(symbol)
        gross_usd = after.gross_usd - before.gross_usd
        return replace(
            self,
            stakes={**self.stakes, symbol: after},
            long_usd=self.long_usd + after.long_usd - before.long_usd,
            gross_usd=self.gross_usd + gross_usd,
            highest_net_usd=self.highest_net_usd + after.high * after.price_usd - before.high * before.price_usd,
            lowest_net_usd=self.lowest_net_usd + after.low * after.price_usd - before.low * before.price_usd,
            sectors_usd={**self.sectors_usd, sector: self.sectors_usd.get(sector, ZERO) + gross_usd},
        )


def exposure(stakes: Mapping[str, Stake], traits: Mapping[str, Trait]) -> Exposure:
    """The sums over these stakes."""
    held = stakes.values()
    sectors: dict[str, Decimal] = {}
    for symbol, stake in stakes.items():
        sector = traits[symbol].sector if symbol in traits else UNCLASSIFIED
        sectors[sector] = sectors.get(sector, ZERO) + stake.gross_usd
    return Exposure(
        stakes,
        traits,
        _sum(stake.long_usd for stake in held),
        _sum(stake.gross_usd for stake in held),
        _sum(stake.high * stake.price_usd for stake in held),
        _sum(stake.low * stake.price_usd for stake in held),
        sectors,
    )


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits and what they are shares of: equity (USD) at the start of the day; `stop_loss` is the watch's."""

    risk: RiskPolicy
    equity_usd: Decimal
    stop_loss: Decimal


Measure = Callable[[Exposure, str, Side, Limits], tuple[Decimal, Decimal]]
"""After an order of a symbol: what it comes to, and what it may come to, in USD."""


def _position_size(after: Exposure, symbol: str, _side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    return after.of(symbol).gross_usd, limits.risk.max_position_size * limits.equity_usd


def _total(after: Exposure, _symbol: str, side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    value_usd = after.long_usd if side is Side.BUY else ZERO
    return value_usd, limits.risk.max_total_exposure * limits.equity_usd


def _gross(after: Exposure, _symbol: str, _side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    return after.gross_usd, limits.risk.max_gross_exposure * limits.equity_usd


def _net(after: Exposure, _symbol: str, side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    value_usd = after.highest_net_usd if side is Side.BUY else -after.lowest_net_usd
    return value_usd, limits.risk.max_net_exposure * limits.equity_usd


def _sector(after: Exposure, symbol: str, _side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    value_usd = after.sectors_usd[after.sector_of(symbol)]
    return value_usd, limits.risk.max_sector_exposure * limits.equity_usd


def _correlation(after: Exposure, symbol: str, _side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    """The largest group the symbol belongs to: its own, and that of each it moves with."""
    others = after.traits[symbol].correlated if symbol in after.traits else ()
    value_usd = max(after.cluster_usd(member) for member in (symbol, *others))
    return value_usd, limits.risk.max_correlation_exposure * limits.equity_usd


def _heat(after: Exposure, _symbol: str, _side: Side, limits: Limits) -> tuple[Decimal, Decimal]:
    """Gross value against portfolio_heat / stop_loss: every holding falls by its stop at once."""
    cap = limits.risk.portfolio_heat * limits.equity_usd / limits.stop_loss if limits.stop_loss else Decimal("Infinity")
    return after.gross_usd, cap


MEASURES: Mapping[str, Measure] = {
    "max_position_size": _position_size,
    "max_total_exposure": _total,
    "max_gross_exposure": _gross,
    "max_net_exposure": _net,
    "max_sector_exposure": _sector,
    "max_correlation_exposure": _correlation,
    "portfolio_heat": _heat,
}
"""Every limit on what is held, by the code of its denial."""

"""What is owned."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Lot:
    """Shares bought (or, negative, sold short) together: `cost_usd` is per lot, not per share."""

    opened_on: date
    quantity: Decimal
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """All lots of one symbol, oldest first."""

    symbol: str
    lots: tuple[Lot, ...]

    @property
    def quantity(self) -> Decimal:
        """Shares held."""
        return sum((lot.quantity for lot in self.lots), Decimal(0))

    @property
    def cost_usd(self) -> Decimal:
        """What the shares cost."""
        return sum((lot.cost_usd for lot in self.lots), Decimal(0))


@dataclass(frozen=True, slots=True)
class Book:
    """Cash and holdings at one instant, holdings sorted by symbol; the ledger's view of the account."""

    cash_usd: Decimal
    holdings: tuple[Holding, ...]

    def quantity_of(self, symbol: str) -> Decimal:
        """Shares held of `symbol`, zero when none."""
        return next((h.quantity for h in self.holdings if h.symbol == symbol), Decimal(0))


@dataclass(frozen=True, slots=True)
class Account:
    """The broker's view of the account, USD."""

    account_number: str
    status: str
    cash_usd: Decimal
    equity_usd: Decimal
    buying_power_usd: Decimal
    blocked: bool
    suspended_by_user: bool
    shorting_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """One position as the broker reports it; `price` is the broker's current mark (USD)."""

    symbol: str
    quantity: Decimal
    average_entry_price: Decimal
    price: Decimal
    market_value_usd: Decimal


@dataclass(frozen=True, slots=True)
class Activity:
    """Something the broker booked that is no trade: a dividend, a split, a change of name, a fee, a transfer.

    `kind` is the broker's type (DIV, SPLIT, NC, FEE, JNLC, ...) and `on` its date in New York. Rows of one action share
    `group_id`. `cash_usd` is signed; `quantity` is too where shares move, else the shares it is about.
    """

    activity_id: str
    kind: str
    symbol: str
    quantity: Decimal
    cash_usd: Decimal
    on: date
    group_id: str
    detail: str

"""The report of one day: a frozen document with one canonical JSON text. Money in USD, weights as shares of equity."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.accounting.performance import EquityPoint
from trader.domain.orders import OrderStatus, Side
from trader.domain.plan import Denial, Provenance
from trader.execution.reconciliation import Break


@dataclass(frozen=True, slots=True)
class Header:
    """Whose day it was and what decided it; `venue` is `alpaca` or `simulated`, empty when unknown."""

    session_date: date
    account: str
    account_number: str
    strategy: str
    venue: str
    data_as_of: date | None
    plan_hash: str
    provenance: Provenance | None


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of ledger and broker at the end of the day, both sides in words."""

    name: str
    ok: bool
    ours: str
    broker: str


@dataclass(frozen=True, slots=True)
class ProfitLoss:
    """Profit of the day: `total` is the change of equity, `realised` what closed lots earned against their cost.

    `unrealised` is the rest: the change of what open lots are worth above their cost.
    """

    realised_usd: Decimal
    unrealised_usd: Decimal
    total_usd: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The day in one row. `drawdown` is the fraction by which equity lies below its peak, 0 or negative.

    `start_equity_usd` is that of the last closed day; `unsent` counts planned orders that never got as far as an id.
    """

    equity_usd: Decimal
    start_equity_usd: Decimal
    cash_usd: Decimal
    profit: ProfitLoss
    gross_usd: Decimal
    net_usd: Decimal
    turnover_usd: Decimal
    slippage_usd: Decimal
    slippage_bps: Decimal | None
    drawdown: Decimal
    planned: int
    unsent: int
    orders: int
    filled: int
    fills: int
    holdings: int


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order's life in a row; prices and slippage are None where there was none. Positive slippage is a cost."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    arrival_price: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    status: OrderStatus
    slippage_bps: Decimal | None
    slippage_usd: Decimal | None
    note: str


@dataclass(frozen=True, slots=True)
class SymbolLine:
    """One symbol that was held or traded."""

    symbol: str
    sector: str
    quantity: Decimal
    mark: Decimal | None
    value_usd: Decimal
    weight: Decimal
    profit: ProfitLoss


@dataclass(frozen=True, slots=True)
class SectorLine:
    """One sector; its figures are the sums of its symbols'."""

    sector: str
    gross_usd: Decimal
    net_usd: Decimal
    profit: ProfitLoss


@dataclass(frozen=True, slots=True)
class ExclusionGroup:
    """Symbols left out for one reason."""

    code: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What came into the book, or left it, without an order of ours since the last closed day; both are signed.

    `cause` is that of the ledger's Adjusted, or manual_trade.
    """

    cause: str
    symbol: str
    quantity: Decimal
    cash_usd: Decimal
    detail: str


@dataclass(frozen=True, slots=True)
class DayReport:
    """Everything a person wants to know of a day, in the order in which the page shows it."""

    header: Header
    figures: Figures
    checks: tuple[Check, ...]
    breaks: tuple[Break, ...]
    curve: tuple[EquityPoint, ...]
    sectors: tuple[SectorLine, ...]
    symbols: tuple[SymbolLine, ...]
    best: tuple[SymbolLine, ...]
    worst: tuple[SymbolLine, ...]
    orders: tuple[OrderLine, ...]
    denials: tuple[Denial, ...]
    exclusions: tuple[ExclusionGroup, ...]
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether ledger and broker agree: no break is open."""
        return not self.breaks

"""What the gate knows besides an order and its quote."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.decision.exposure import Exposure
from trader.domain.journal import TradingState
from trader.domain.market import Asset, SessionDay
from trader.domain.orders import Side
from trader.domain.policy import ExecutionPolicy, RiskPolicy

ACCOUNT = ""
"""Stands for the account where a symbol is named: a break of the account's own is open."""


@dataclass(frozen=True, slots=True)
class DayInSymbol:
    """What the day's orders did in one symbol: shares traded or still working, USD opened at worst, orders sent."""

    traded_shares: Decimal = Decimal(0)
    opened_usd: Decimal = Decimal(0)
    orders: int = 0
    working_sides: frozenset[Side] = frozenset()


@dataclass(frozen=True, slots=True)
class GateState:
    """The state an order of one symbol is judged in, now; amounts in USD.

    `reference_price` is the close the order was sized with. `held_quantity` are the shares owned by the ledger,
    `broker_quantity` those the broker tells (None: not asked), `exposure` is what all symbols may come to with the
    orders that work. `buying_power_usd` is what the broker leaves, `opened_usd` what
    the day has used of it. `asset` is None for a symbol the broker does not name. `halted`, `barred` and `frozen` name
    symbols: no trading there, openers barred for the day, a break open. `signal_age_sessions` counts from the plan's
    last bars: 1 is the session before. `known_ids` are all order ids of the day, `working_lines` the ids of those that
    work, less their generation. `flattened`: everything was closed today by a person or a breaker.
    """

    now: datetime
    session: SessionDay
    trading_state: TradingState
    preflight_passed: bool
    execution: ExecutionPolicy
    risk: RiskPolicy
    stop_loss: Decimal
    equity_usd: Decimal
    reference_price: Decimal
    held_quantity: Decimal
    exposure: Exposure
    buying_power_usd: Decimal
    opened_usd: Decimal
    asset: Asset | None
    paper: bool
    signal_age_sessions: int
    broker_quantity: Decimal | None = None
    symbol_day: DayInSymbol = DayInSymbol()
    orders_today: int = 0
    known_ids: Container[str] = frozenset()
    working_lines: Container[str] = frozenset()
    halted: Container[str] = frozenset()
    barred: Container[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    flattened: bool = False

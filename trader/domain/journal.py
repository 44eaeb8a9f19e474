"""The ledger's entries: everything that happened, one frozen type a kind.

The journal is the truth; `kind` is the type's name in it. A field may be added with a default, never changed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from trader.domain.orders import BrokerOrder, Fill, OrderKey, OrderType, Side
from trader.domain.plan import Denial, Plan, Provenance
from trader.domain.portfolio import Book


class TradingState(StrEnum):
    """ACTIVE trades; REDUCE only brings holdings nearer to zero; HALT sends nothing."""

    ACTIVE = "active"
    REDUCE = "reduce"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The first entry of an account: the broker's cash and positions as they were found.

    `contains` are the ids of the broker's activities that the book has in it already.
    """

    kind: ClassVar[str] = "account_opened"
    session_date: date
    account_number: str
    book: Book
    source: str = "broker"
    contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigRecorded:
    """The full canonical configuration behind a hash, so that a day can be replayed."""

    kind: ClassVar[str] = "config_recorded"
    session_date: date
    config: str
    text: str


@dataclass(frozen=True, slots=True)
class PreflightPassed:
    """The dated token that lets openers out: this date, release, config and model."""

    kind: ClassVar[str] = "preflight_passed"
    session_date: date
    provenance: Provenance
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreflightFailed:
    """Voids every token before it of this date, release and configuration; `failed` names the checks."""

    kind: ClassVar[str] = "preflight_failed"
    session_date: date
    release: str
    config: str
    failed: str


@dataclass(frozen=True, slots=True)
class PlanCommitted:
    """The day's plan, before the first order."""

    kind: ClassVar[str] = "plan_committed"
    session_date: date
    plan_hash: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """A generation of an order, committed before its POST, with all inputs of the gate that let it pass."""

    kind: ClassVar[str] = "order_intended"
    session_date: date
    client_order_id: str
    key: OrderKey
    quantity: Decimal
    limit_price: Decimal
    arrival_price: Decimal
    bid: Decimal
    ask: Decimal
    quoted_at: datetime
    checks: tuple[str, ...]
    provenance: Provenance
    order_type: OrderType = OrderType.LIMIT
    stop_price: Decimal | None = None

    @property
    def terms(self) -> str:
        """Its type and prices in words."""
        kind = self.order_type.value if self.stop_price is None else f"{self.order_type.value} {self.stop_price}"
        if self.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
            return f"{kind} {self.limit_price}"
        return f"{kind}, counted at {self.limit_price}"


@dataclass(frozen=True, slots=True)
class OrderDenied:
    """The gate refused an order at the moment of sending: for good, or (`passing`) for now, to be tried again."""

    kind: ClassVar[str] = "order_denied"
    session_date: date
    client_order_id: str
    side: Side
    quantity: Decimal
    denial: Denial
    passing: bool = False


@dataclass(frozen=True, slots=True)
class SubmitUnknown:
    """A POST without a clear answer."""

    kind: ClassVar[str] = "submit_unknown"
    session_date: date
    client_order_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """The broker rejected an order for good."""

    kind: ClassVar[str] = "order_rejected"
    session_date: date
    client_order_id: str
    status_code: int
    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class OrderObserved:
    """The broker's report of one of our orders, recorded when it differs from the one before."""

    kind: ClassVar[str] = "order_observed"
    session_date: date
    client_order_id: str
    order: BrokerOrder


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A cancel and whose it is: ours (`close`, `halt`, `reduce`, `reprice`, `lost_plan`, `symbol_barred`; `stop`,
    `breaker` or `flatten` to close what is held), or somebody else's (`outside`).

    After halt, reduce, reprice and outside the remainder is sent again when it may be; after any other it is not.
    """

    kind: ClassVar[str] = "cancel_requested"
    session_date: date
    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FillRecorded:
    """One execution; counted once by its broker id. `client_order_id` is empty for a trade that is not ours."""

    kind: ClassVar[str] = "fill_recorded"
    session_date: date
    client_order_id: str
    fill: Fill


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Every order of the plan is terminal."""

    kind: ClassVar[str] = "session_ended"
    session_date: date
    orders: int
    filled: int


@dataclass(frozen=True, slots=True)
class BreakFound:
    """Ledger and broker disagree; recorded by reconcile, never repaired by inventing a trade.

    `symbol` is the one it is about, empty when it is about the account.
    """

    kind: ClassVar[str] = "break_found"
    session_date: date
    code: str
    subject: str
    ours: str
    broker: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class BreakResolved:
    """The open breaks of a symbol (empty: of the account) are no more: a person explained them, or both sides agree.

    `by` is then `reconcile`. Breaks found after this entry are open again.
    """

    kind: ClassVar[str] = "break_resolved"
    session_date: date
    symbol: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A difference the broker's own records explain, taken into the book: no trade, and no invention.

    `cause` is split, symbol_change, dividend, fee, interest or transfer, or `resolved` when a person explained it (a
    trade by hand is a FillRecorded). `quantity` (shares), `cash_usd` and `cost_usd` (of those shares) are what is
    added; `new_symbol` is what `symbol` is called from now on; `evidence` is the broker's activity id, each once.
    """

    kind: ClassVar[str] = "adjusted"
    session_date: date
    cause: str
    symbol: str
    quantity: Decimal
    cash_usd: Decimal
    evidence: str
    detail: str
    new_symbol: str = ""
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class BreakerTripped:
    """A watched limit was reached: what was measured, and what was done (alert, reduce, halt, flatten, close).

    `subject` is a symbol or `account`. `passing` is for one that ends by itself; `over` says that it has, or that the
    broker no longer holds what was to be closed.
    """

    kind: ClassVar[str] = "breaker_tripped"
    session_date: date
    code: str
    subject: str
    measured: str
    limit: str
    action: str
    passing: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class EquityPeak:
    """The highest equity (USD) a session has seen so far, in small steps: a restart measures its drawdown from it."""

    kind: ClassVar[str] = "equity_peak"
    session_date: date
    equity_usd: Decimal


@dataclass(frozen=True, slots=True)
class DayClosed:
    """End of day, reconciled: the book after the day's fills, FIFO lots in it, and the marks (USD) it was valued at.

    A checkpoint: a later book is computed from the newest of these and the fills after it.
    """

    kind: ClassVar[str] = "day_closed"
    session_date: date
    book: Book
    marks: tuple[tuple[str, Decimal], ...]
    equity_usd: Decimal
    realised_usd: Decimal
    breaks: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The trading state was changed by a person or a limit; `flattens`: everything held was to be closed with it."""

    kind: ClassVar[str] = "state_changed"
    session_date: date
    state: TradingState
    reason: str
    by: str
    flattens: bool = False


Event = (
    AccountOpened
    | ConfigRecorded
    | PreflightPassed
    | PreflightFailed
    | PlanCommitted
    | OrderIntended
    | OrderDenied
    | SubmitUnknown
    | OrderRefused
    | OrderObserved
    | CancelRequested
    | FillRecorded
    | SessionEnded
    | BreakFound
    | BreakResolved
    | Adjusted
    | BreakerTripped
    | EquityPeak
    | DayClosed
    | StateChanged
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place: `seq` from 1 without gaps, `hash` over the one before, `at` (UTC), kind and body."""

    seq: int
    at: datetime
    event: Event
    hash: str

"""The broker and its market data."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from trader.domain.market import Asset, Quote, SessionDay
from trader.domain.orders import BrokerOrder, Fill
from trader.domain.portfolio import Account, Activity, Position

if TYPE_CHECKING:
    import pandas as pd

    from trader.decision.admission import ApprovedOrder


class BrokerReader(Protocol):
    """What may be asked of the account; every call is retried and ends in BrokerUnavailable."""

    @property
    def paper(self) -> bool:
        """Whether requests go to a paper account or a simulated exchange; told by the address, without asking."""
        ...

    def account(self) -> Account:
        """Cash, equity and the account's blocks."""
        ...

    def positions(self) -> tuple[Position, ...]:
        """All positions, sorted by symbol."""
        ...

    def order_by_client_id(self, client_order_id: str) -> BrokerOrder | None:
        """The order of this id; None when the broker knows none (right after a POST that proves nothing)."""
        ...

    def orders_of(self, session: SessionDay) -> tuple[BrokerOrder, ...]:
        """Every order submitted for this session, ours and others, oldest first."""
        ...

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Every order of the account that may still fill, ours and others, of whatever day, oldest first."""
        ...

    def fills_of(self, session: SessionDay) -> tuple[Fill, ...]:
        """Every execution of this session, oldest first."""
        ...

    def activities(self, start: date, end: date) -> tuple[Activity, ...]:
        """What was booked from start to end, both included, and is no trade; oldest first."""
        ...

    def assets(self) -> tuple[Asset, ...]:
        """The active US equities."""
        ...

    def calendar(self, start: date, end: date) -> tuple[SessionDay, ...]:
        """The broker's sessions from start to end, both included."""
        ...

    def now(self) -> datetime:
        """The broker's clock, UTC."""
        ...


class Broker(BrokerReader, Protocol):
    """The reader, and the three calls that change something. None of them is ever sent twice by itself."""

    def submit(self, order: "ApprovedOrder") -> BrokerOrder:
        """POST once. Raises OrderRejected, DuplicateOrder, SubmitOutcomeUnknown; BrokerUnavailable for refused keys."""
        ...

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancel; it has happened only when the order is read back terminal. Raises CancelRefused."""
        ...

    def suspend(self, suspended: bool) -> None:
        """Set the broker's own stop: while suspended it accepts no order of this account."""
        ...


class MarketData(Protocol):
    """Bars and quotes."""

    def daily_bars(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Split-adjusted daily bars in long form: symbol, date, open, high, low, close, volume; both ends included."""
        ...

    def quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        """The latest quote of each symbol; one without a quote is absent."""
        ...

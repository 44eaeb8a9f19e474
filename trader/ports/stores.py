"""What is kept on disk."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol

from trader.domain.bars import BarPanel
from trader.domain.journal import Entry, Event, TradingState
from trader.domain.market import SessionDay
from trader.domain.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

    from trader.decision.model import Ranker


class LedgerReader(Protocol):
    """The journal for those who only look."""

    def entries(
        self, session_date: date | None = None, kinds: Sequence[type[Event]] = (), since: Entry | None = None
    ) -> Iterator[Entry]:
        """The entries in order, all of them or those of one session date and of some kinds.

        `since`, a DayClosed, leaves out what it stands for: earlier entries of its session date or before.
        """
        ...

    def latest(self, kind: type[Event], before: date | None = None) -> Entry | None:
        """The newest entry of a kind, optionally of a session date earlier than `before`."""
        ...


class Ledger(LedgerReader, Protocol):
    """The append-only, hash-chained journal."""

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """Write the events in one durable transaction; when this returns they survive a power loss."""
        ...

    def verify(self, whole: bool = True) -> int:
        """Check chain and projections, from the last checkpoint or whole; entries checked. Raises InvariantViolated."""
        ...

    def schema_version(self) -> str:
        """The schema's revision."""
        ...


class PlanFiles(Protocol):
    """The plan as a file beside the ledger, so that either can be lost alone."""

    def write(self, plan: Plan) -> str:
        """Write the canonical JSON, fsynced; the path. Raises InvariantViolated when another plan is there."""
        ...

    def read(self, session_date: date) -> Plan | None:
        """The plan of that date, or None."""
        ...


class StateFile(Protocol):
    """ACTIVE, REDUCE or HALT as a file that outlives the ledger."""

    def read(self) -> tuple[TradingState, str]:
        """State and reason; a file that cannot be read is a HALT."""
        ...

    def write(self, state: TradingState, reason: str) -> None:
        """Replace the state, fsynced."""
        ...


class Lease(Protocol):
    """The right to send orders for an account: one process at a time."""

    def hold(self, role: str = "trader", right: str = "orders") -> AbstractContextManager[None]:
        """Hold it for the block as `role`; raises LeaseHeld at once when another process has it.

        `right` plan is a lease of its own: one process decides the day.
        """
        ...

    def seen(self) -> tuple[bool, str]:
        """Whether another process holds the orders lease, and the line of its newest holder, empty before the first."""
        ...


class Calendar(Protocol):
    """Exchange sessions by our own reckoning."""

    def session(self, day: date) -> SessionDay | None:
        """The session of that date, None when the exchange is closed."""
        ...

    def sessions(self, start: date, end: date) -> tuple[SessionDay, ...]:
        """The sessions from start to end, both included."""
        ...

    def previous(self, day: date) -> SessionDay:
        """The last session before that date."""
        ...


class BarArchive(Protocol):
    """Daily bars on disk."""

    def panel(self, symbols: Sequence[str], end: date, sessions: int) -> BarPanel:
        """The last `sessions` session dates up to `end`; a symbol without any bar has a column of NaN."""
        ...

    def symbols(self) -> tuple[str, ...]:
        """Every symbol that has bars, sorted."""
        ...

    def last_dates(self) -> dict[str, date]:
        """The newest bar's date of each symbol."""
        ...

    def merge(self, bars: "pd.DataFrame") -> int:
        """Add or replace bars (long form); how many rows changed. Atomic: either all are stored or none."""
        ...


class ModelStore(Protocol):
    """Model artifacts; only a promoted one trades."""

    def promoted(self) -> "Ranker":
        """The promoted model. Raises ConfigurationError when there is none or its hash does not match."""
        ...

    def load(self, model_hash: str) -> "Ranker":
        """The artifact of this hash. Raises ConfigurationError."""
        ...

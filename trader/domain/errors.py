"""Every error the program raises on purpose; each carries fields and says what to do next.

The class decides the exit code, in one place: `TraderError.exit_code`.
"""

from dataclasses import dataclass
from typing import ClassVar


class TraderError(Exception):
    """Base of all deliberate errors; `str()` is the line an operator reads, `remedy` the next step."""

    exit_code: ClassVar[int] = 5
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.problem()} {self.remedy}".strip()

    def problem(self) -> str:
        """What is wrong, in one sentence."""
        return self.args[0] if self.args else type(self).__name__


@dataclass(eq=False)
class ConfigurationError(TraderError):
    """A setting, file, key or row that cannot be used (exit code 2)."""

    where: str
    what: str
    remedy: str

    exit_code: ClassVar[int] = 2

    def problem(self) -> str:
        return f"{self.where}: {self.what}."


@dataclass(eq=False)
class BadData(ConfigurationError):
    """Rows of an input file that no run may use; `rows` are (row number, reason) pairs, first ones only."""

    rows: tuple[tuple[int, str], ...] = ()

    def problem(self) -> str:
        shown = "; ".join(f"row {row}: {reason}" for row, reason in self.rows)
        return f"{self.where}: {self.what}{': ' + shown if shown else ''}."


@dataclass(eq=False)
class NotPaper(ConfigurationError):
    """A live-trading host or mode was asked for; there is no such thing in this program."""


@dataclass(eq=False)
class ChecksFailed(TraderError):
    """A check, a halt or a break stands in the way (exit code 1)."""

    what: str
    remedy: str

    exit_code: ClassVar[int] = 1

    def problem(self) -> str:
        return f"{self.what}."


@dataclass(eq=False)
class BrokerUnavailable(TraderError):
    """The broker cannot be reached or refuses the account (exit code 3)."""

    operation: str
    cause: str
    remedy: str = "Nothing was sent by this call; run the command again when the broker answers."

    exit_code: ClassVar[int] = 3

    def problem(self) -> str:
        return f"{self.operation} failed: {self.cause}."


@dataclass(eq=False)
class OrderRejected(TraderError):
    """The broker refused an order for good: 4xx other than 429 and duplicate ids."""

    client_order_id: str
    status_code: int
    code: int | None
    reason: str

    exit_code: ClassVar[int] = 1

    def problem(self) -> str:
        return f"{self.client_order_id} rejected by the broker ({self.status_code}/{self.code}): {self.reason}."


@dataclass(eq=False)
class DuplicateOrder(TraderError):
    """The broker holds an order of this id already: look it up, never treat it as a failure."""

    client_order_id: str

    def problem(self) -> str:
        return f"{self.client_order_id} is at the broker already."


@dataclass(eq=False)
class SubmitOutcomeUnknown(TraderError):
    """A POST got no clear answer (429, 5xx, time-out, dropped, unreadable): look up by client id, then decide."""

    client_order_id: str
    cause: str
    remedy: str = "Run `trader session` again: it looks the order up before anything is sent."

    exit_code: ClassVar[int] = 4

    def problem(self) -> str:
        return f"{self.client_order_id}: outcome unknown ({self.cause})."


@dataclass(eq=False)
class CancelRefused(TraderError):
    """The broker does not cancel this order (422 or 404); read the order back."""

    broker_order_id: str
    reason: str

    def problem(self) -> str:
        return f"cancel of {self.broker_order_id} refused: {self.reason}."


@dataclass(eq=False)
class LeaseHeld(TraderError):
    """Another process may send orders for this account; this one may not."""

    account: str
    holder: str
    remedy: str = "Only one process sends orders for an account; this one has sent nothing."

    exit_code: ClassVar[int] = 1

    def problem(self) -> str:
        return f"the orders lease of account {self.account} is held by {self.holder}."


@dataclass(eq=False)
class InvariantViolated(TraderError):
    """Something that can never be was seen: a broken hash chain, an unapproved order (exit code 5)."""

    what: str
    remedy: str

    exit_code: ClassVar[int] = 5

    def problem(self) -> str:
        return f"{self.what}."

"""The plan: the day's decision as a document."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.domain.orders import OrderIntent
from trader.domain.portfolio import Book


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which release, config, model and data made a decision (hashes, hex; release is a name)."""

    release: str
    config: str
    model: str
    data: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A symbol left out for the day, with a coded reason."""

    symbol: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Denial:
    """An order our own gate refused, with the limit that was reached."""

    symbol: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Target:
    """What shall be held of a symbol: `signal` is a cross-sectional rank in [0, 1], `weight` a share of equity."""

    symbol: str
    signal: Decimal
    weight: Decimal
    quantity: Decimal
    reference_price: Decimal


@dataclass(frozen=True, slots=True)
class Trait:
    """What the gate must know of a symbol through the day, as of the plan's data.

    `reference_price` is the newest close (USD), `adv_shares` the average daily volume (0: not known), `correlated` the
    other symbols of the plan that move with it.
    """

    symbol: str
    sector: str
    reference_price: Decimal
    adv_shares: Decimal
    correlated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided for one (account, strategy, session date); it fits into one canonical JSON text.

    `book` is the start of the day, so that a lost ledger can be begun again from the plan alone. `traits` are those of
    every symbol of the targets, the intents and the holdings.
    """

    account: str
    strategy: str
    session_date: date
    data_as_of: date
    provenance: Provenance
    equity_usd: Decimal
    book: Book
    targets: tuple[Target, ...]
    intents: tuple[OrderIntent, ...]
    denials: tuple[Denial, ...]
    exclusions: tuple[Exclusion, ...]
    traits: tuple[Trait, ...] = ()

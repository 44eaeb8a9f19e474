"""What an exchange is started with, and the one error it ends with when that makes no sense."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

ClockMode = Literal["lockstep", "speed"]
Subscription = Literal["basic", "plus"]


class ExchangeStartError(Exception):
    """The exchange cannot start as asked; the text says what to change."""


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """One exchange: where its state lives, its market, its opening account and its clock.

    The market is either a Parquet file of bars, or `symbols` synthetic symbols between the two history dates.
    `at` sets a new exchange's clock; for an existing state it only moves the clock forward. `cash_usd`, `shorting` and
    `margin_multiplier` (1, 2 or 4) are for a new account alone. `rate_limit` is requests per simulated minute and key,
    0 for none. `partial_fills` is the probability that an order fills in two parts. A `basic`
    subscription has no SIP data of the last 15 minutes.
    """

    state: Path
    at: datetime
    bars: Path | None = None
    symbols: int = 0
    history_start: date | None = None
    history_end: date | None = None
    cash_usd: Decimal = Decimal(1_000_000)
    clock: ClockMode = "lockstep"
    speed: float = 60.0
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    rate_limit: int = 200
    partial_fills: float = 0.1
    with_parent: bool = False
    shorting: bool = False
    margin_multiplier: int = 1
    subscription: Subscription = "plus"

    def __post_init__(self) -> None:
        """Refuse what cannot run, naming the option."""
        synthetic = self.symbols > 0 and self.history_start is not None and self.history_end is not None
        if (self.bars is None) != synthetic:
            raise ExchangeStartError(
                "give either --bars FILE or all of --symbols, --history-start and --history-end (not both)"
            )
        if self.at.tzinfo is None:
            raise ExchangeStartError("--at needs an offset, for example 2022-03-16T08:00:00-04:00")
        if not 0 <= self.partial_fills <= 1:
            raise ExchangeStartError("--partial-fills is a probability: 0 to 1")
        if self.speed <= 0:
            raise ExchangeStartError("--speed must be above 0")
        if self.margin_multiplier not in {1, 2, 4}:
            raise ExchangeStartError("--margin-multiplier is 1, 2 or 4")
        if self.cash_usd < 0 or self.cash_usd != round(self.cash_usd, 2):
            raise ExchangeStartError("--cash is in whole cents, 0 or more")

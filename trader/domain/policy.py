"""The knobs: one frozen model per section of config/execution.yaml, each key with its unit, bounds and default.

These models are the only definition of a key; `settings` composes them into the file's schema.
Numbers are Decimal, so that a configuration has one canonical text and one hash.
"""

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[Decimal, Field(ge=0, le=1)]
Positive = Annotated[Decimal, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]


class Section(BaseModel):
    """A section of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ExecutionPolicy(Section):
    """How orders are sent and followed."""

    mode: Literal["paper"] = "paper"
    """There is no other mode in this program."""
    account: Name = "main"
    """Name of the account in order ids; letters and digits."""
    strategy: Name = "xgb"
    """Name of the strategy in order ids; letters and digits."""
    open_delay_s: Annotated[int, Field(ge=0, le=3600)] = 30
    """Seconds after the open before the first order."""
    latest_start_s: Annotated[int, Field(ge=60, le=23_400)] = 5400
    """Seconds after the open after which a session opens nothing new."""
    collar_bps: Annotated[Decimal, Field(gt=0, le=500)] = Decimal(50)
    """How far beyond the touch a marketable limit may reach, in basis points."""
    max_quote_age_s: Annotated[int, Field(ge=1, le=3600)] = 120
    """A quote older than this at sending denies the order."""
    reducers_wait_s: Annotated[int, Field(ge=0, le=7200)] = 300
    """How long openers wait for the reducing orders to end."""
    cancel_before_close_s: Annotated[int, Field(ge=30, le=7200)] = 600
    """Working orders are cancelled this long before the close."""
    poll_interval_s: Annotated[Decimal, Field(ge=Decimal("0.1"), le=60)] = Decimal(2)
    """Time between two looks at the broker while orders work."""
    unknown_grace_s: Annotated[int, Field(ge=10, le=120)] = 10
    """How long an order of unknown outcome is looked for before the same id is posted again."""


class SizingPolicy(Section):
    """From signals to share counts."""

    signal_threshold: Fraction = Decimal("0.5")
    """Cross-sectional rank (0 worst, 1 best) a symbol needs to be held."""
    max_positions: Annotated[int, Field(ge=1, le=5000)] = 50
    """At most so many symbols are held, best signals first."""
    weighting: Literal["equal", "inverse_volatility"] = "inverse_volatility"
    """Equal weights, or weights in inverse proportion to volatility."""
    volatility_sessions: Annotated[int, Field(ge=10, le=252)] = 60
    """Sessions over which a symbol's volatility is measured."""
    target_exposure: Fraction = Decimal("0.95")
    """Share of equity to invest when every position is filled."""
    rebalance_band: Fraction = Decimal("0.2")
    """A holding within this share of its target size is left alone."""
    price_headroom: Fraction = Decimal("0.05")
    """Room left below the position and order caps for the price to move between the close and the order."""
    min_trade_usd: Annotated[Decimal, Field(ge=0)] = Decimal(500)
    """Smaller trades are not worth their spread; closing a holding is never too small."""


class RiskPolicy(Section):
    """Limits of the gate. Shares of equity at the start of the day unless the name says otherwise."""

    max_position_size: Fraction = Decimal("0.05")
    """Largest holding of one symbol."""
    max_total_exposure: Fraction = Decimal("0.98")
    """Largest sum of all holdings."""
    order_notional_cap_usd: Positive = Decimal(100_000)
    """Largest value of one order."""
    max_orders_per_day: Annotated[int, Field(ge=1, le=5000)] = 600
    """Largest number of orders in one plan."""
    max_adverse_open: Fraction = Decimal("0.15")
    """An opener is denied when the quote stands further than this from the close it was sized with."""
    max_spread_bps: Positive = Decimal(200)
    """An order is denied when the quoted spread is wider."""


class ModelPolicy(Section):
    """What is trained and what may trade."""

    name: Name = "ranker"
    """Name of the model line; `trader model promote` chooses the artifact that trades."""
    train_sessions: Annotated[int, Field(ge=120, le=5000)] = 750
    """Sessions of history to learn from."""
    rounds: Annotated[int, Field(ge=1, le=5000)] = 120
    """Boosting rounds."""
    max_depth: Annotated[int, Field(ge=1, le=12)] = 5
    """Depth of each tree."""
    learning_rate: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.05")
    """Shrinkage of each round."""
    seed: Annotated[int, Field(ge=0)] = 7
    """Seed of the training's sampling."""
    max_age_days: Annotated[int, Field(ge=1, le=3650)] = 120
    """A model whose last training bar is older than this may not trade."""


class DataPolicy(Section):
    """Bars and the universe."""

    universe: Path | None = None
    """CSV file with the columns symbol, sector; relative to the configuration file. None: every symbol with bars."""
    feed: Literal["iex", "sip"] = "iex"
    """Alpaca's data feed; the free plan has iex in real time."""
    lookback_sessions: Annotated[int, Field(ge=251, le=1000)] = 280
    """Sessions of bars a decision reads."""
    min_history_sessions: Annotated[int, Field(ge=30, le=1000)] = 260
    """A symbol with fewer bars in the look-back is excluded for the day (short_history)."""
    max_stale_sessions: Annotated[int, Field(ge=0, le=10)] = 0
    """A symbol whose last bar is older than this many sessions is excluded (stale)."""
    split_tolerance: Fraction = Decimal("0.02")
    """How near to a common split ratio a jump must be to exclude the symbol (split_like); docs/data-and-model.md."""
    min_price_usd: Positive = Decimal(3)
    """A symbol whose last close is lower is excluded (low_price)."""
    max_excluded_share: Fraction = Decimal("0.2")
    """Preflight fails when a larger share of the universe is excluded."""


class SimulationPolicy(Section):
    """The simulated exchange a command starts for itself when `venue` is simulated and no `url` is given."""

    cash_usd: Positive = Decimal(1_000_000)
    """Cash of the account when it is opened."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Seed of the synthetic market, the intraday paths and the fills."""
    symbols: Annotated[int, Field(ge=3, le=2000)] = 500
    """Number of synthetic symbols."""
    history_sessions: Annotated[int, Field(ge=300, le=3000)] = 600
    """Sessions of synthetic bars before the first day."""
    partial_fills: Fraction = Decimal("0.1")
    """Share of orders that are filled in two parts."""


class BrokerPolicy(Section):
    """Where orders go: Alpaca's paper service, or a simulated exchange on this machine."""

    venue: Literal["alpaca", "simulated"] = "alpaca"
    """alpaca: paper-api.alpaca.markets; simulated: an exchange on this machine."""
    url: str | None = None
    """Address of a simulated exchange that is running already; refused for alpaca."""
    requests_per_minute: Annotated[int, Field(ge=10, le=10_000)] = 190
    """Request budget of the account, shared by all processes; Alpaca allows 200."""
    connect_timeout_s: Annotated[Decimal, Field(gt=0, le=60)] = Decimal(5)
    """Time to reach the broker."""
    read_timeout_s: Annotated[Decimal, Field(gt=0, le=120)] = Decimal(15)
    """Time the broker has to answer."""
    simulation: SimulationPolicy = SimulationPolicy()
    """The embedded exchange."""


class CalendarPolicy(Section):
    """When the day's work is done, for people in `timezone`; the program itself thinks in exchange sessions."""

    timezone: str = "America/Chicago"
    """Zone of the times below."""
    preflight_at: time = time(8, 0)
    """Checks before the open."""
    session_at: time = time(8, 30)
    """The session; it waits for the open and its delay."""
    eod_at: time = time(15, 10)
    """Reconcile and report; never before the close."""


class ReportingPolicy(Section):
    """The end-of-day report."""

    plots: bool = True
    """Draw the plots into the HTML report."""
    top: Annotated[int, Field(ge=1, le=500)] = 10
    """Rows of the best and worst tables."""

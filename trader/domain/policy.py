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
Multiple = Annotated[Decimal, Field(ge=0, le=4)]
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
    integration: Literal["integrated", "monitored", "split"] = "integrated"
    """integrated: the session does everything; monitored: execution-monitor takes over when it dies; split: the
    session records the plan, execution-monitor sends it."""
    takeover_after_s: Annotated[int, Field(ge=10, le=3600)] = 90
    """monitored: how long the orders lease must have been free before execution-monitor takes it."""
    order_type: Literal["limit", "market", "stop", "stop_limit"] = "limit"
    """Type of the orders that open. What reduces never waits for a stop: it is a limit order, or market with market."""
    stop_offset_bps: Annotated[Decimal, Field(ge=0, le=1000)] = Decimal(10)
    """stop and stop_limit: how far beyond the touch the market must go before the order wakes, in basis points."""
    slices: Annotated[int, Field(ge=1, le=50)] = 1
    """An opener is sent in so many parts of nearly equal size, evenly in time (TWAP)."""
    slice_interval_s: Annotated[int, Field(ge=10, le=3600)] = 300
    """Time between two parts."""
    reprice_after_s: Annotated[int, Field(ge=0, le=7200)] = 120
    """An order unfilled for so long is cancelled and sent again at the new price; 0: never."""
    max_reprices: Annotated[int, Field(ge=0, le=50)] = 5
    """At most so many new prices for one order."""
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
    fractional_shares: bool = False
    """Size in fractions of a share (9 decimals, rounded down) where the broker allows it."""
    short_threshold: Fraction = Decimal(0)
    """Rank at or below which a symbol is held short; 0: nothing is. Needs risk_management.allow_shorts."""


class RiskPolicy(Section):
    """Limits of the gate. Shares of equity at the start of the day unless the name says otherwise."""

    max_position_size: Fraction = Decimal("0.05")
    """Largest holding of one symbol."""
    max_total_exposure: Fraction = Decimal("0.98")
    """Largest sum of what is held long."""
    max_gross_exposure: Multiple = Decimal(1)
    """Largest sum of what is held long and what is held short, both positive."""
    max_net_exposure: Multiple = Decimal(1)
    """Largest difference between long and short, either way."""
    max_sector_exposure: Fraction = Decimal("0.4")
    """Largest gross sum in one sector; `unclassified` is one, too."""
    max_correlation_exposure: Multiple = Decimal("0.6")
    """Largest gross sum of a symbol and all that move with it."""
    correlation_threshold: Fraction = Decimal("0.85")
    """Correlation of daily log returns from which symbols move together."""
    correlation_sessions: Annotated[int, Field(ge=20, le=252)] = 60
    """Sessions the correlation is measured over."""
    portfolio_heat: Fraction = Decimal("0.2")
    """Largest loss if every holding fell to its stop at once: the sum of holdings times stop_loss."""
    order_notional_cap_usd: Positive = Decimal(100_000)
    """Largest value of one order."""
    max_trade_size_usd: Positive = Decimal(500_000)
    """Largest value opened in one symbol in one day."""
    min_trade_size_usd: Annotated[Decimal, Field(ge=0)] = Decimal(1)
    """Smallest value of an order that opens."""
    min_shares: Annotated[Decimal, Field(ge=0)] = Decimal("0.001")
    """Smallest quantity of an order that opens, in shares."""
    max_orders_per_execution: Annotated[int, Field(ge=1, le=5000)] = 600
    """Largest number of lines in one plan."""
    max_orders_per_day: Annotated[int, Field(ge=1, le=50_000)] = 2000
    """Largest number of orders sent in one day, parts and new prices included."""
    max_orders_per_symbol: Annotated[int, Field(ge=1, le=1000)] = 30
    """Largest number of orders sent for one symbol in one day."""
    price_collar_bps: Positive = Decimal(200)
    """An order's price may stand no further than this from the arrival price, in basis points."""
    max_signal_age_sessions: Annotated[int, Field(ge=1, le=10)] = 1
    """An opener is denied when its signal is from bars older than so many sessions."""
    max_adv_participation: Fraction = Decimal("0.05")
    """Largest share of a symbol's average daily volume traded in one day."""
    adv_sessions: Annotated[int, Field(ge=5, le=252)] = 20
    """Sessions the average daily volume is measured over."""
    capital_utilization_factor: Fraction = Decimal(1)
    """Share of the broker's buying power that may be used."""
    allow_shorts: bool = False
    """Whether anything may be sold short; the broker must allow and lend it, too."""
    max_adverse_open: Fraction = Decimal("0.15")
    """An opener is denied when the quote stands further than this from the close it was sized with."""
    max_spread_bps: Positive = Decimal(200)
    """An order is denied when the quoted spread is wider."""
    trade_around_breaks: bool = True
    """A symbol with an open break is frozen and the rest is traded; false: nothing is opened until it is resolved."""


Breaker = Literal["alert", "reduce", "halt", "flatten"]


class WatchPolicy(Section):
    """Limits watched through the day and what is done at each: alert, reduce, halt, or halt and flatten.

    Shares of equity at the start of the day unless the name says otherwise; a limit of 1 is never reached.
    """

    interval_s: Annotated[int, Field(ge=5, le=1800)] = 60
    """Time between two looks at account, holdings and quotes."""
    max_daily_loss: Fraction = Decimal("0.03")
    """Loss since the start of the day."""
    on_max_daily_loss: Breaker = "halt"
    """Done at max_daily_loss."""
    max_drawdown: Fraction = Decimal("0.2")
    """Loss since the highest equity of any close."""
    on_max_drawdown: Breaker = "halt"
    """Done at max_drawdown."""
    session_drawdown: Fraction = Decimal("0.02")
    """Loss since the highest equity of the session."""
    on_session_drawdown: Breaker = "reduce"
    """Done at session_drawdown."""
    stop_loss: Fraction = Decimal("0.2")
    """Loss of a holding since its average entry, as a share of that; the holding is closed."""
    max_position_risk: Fraction = Decimal("0.02")
    """Loss of one holding since its average entry, as a share of equity; the holding is closed."""
    max_slippage_bps: Positive = Decimal(50)
    """Cost of the day's fills against their arrival prices, weighted by value, in basis points."""
    min_slippage_fills: Annotated[int, Field(ge=1, le=1000)] = 5
    """Fills needed before slippage is judged."""
    on_slippage: Breaker = "reduce"
    """Done at max_slippage_bps."""
    max_symbol_move: Fraction = Decimal("0.1")
    """Move of a holding's price between two looks, either way; its openers are denied for the day."""
    on_symbol_move: Breaker = "alert"
    """Done at max_symbol_move, and when a holding's trading is halted."""
    max_stale_s: Annotated[int, Field(ge=10, le=7200)] = 300
    """Age of the newest of all quotes."""
    on_stale_data: Breaker = "reduce"
    """Done at max_stale_s; reduce: nothing is opened while it lasts."""
    max_silence_s: Annotated[int, Field(ge=10, le=7200)] = 180
    """Time since the first call that the broker has left unanswered."""
    on_silence: Breaker = "reduce"
    """Done at max_silence_s; reduce: nothing is opened while it lasts."""


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
    min_distinct_predictions: Fraction = Decimal("0.02")
    """Predictions are degenerate, and nothing is decided, when a smaller share of them is distinct."""


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

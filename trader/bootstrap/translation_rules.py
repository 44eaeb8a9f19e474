"""What becomes of each key of a hand-made set-up's execution.yaml. A pure table, with the conversions it names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

Value = object
"""A scalar as the file's reader gives it: text, int, bool or None; a decimal is text."""


class NotClear(ValueError):
    """A value that may mean more than one thing: `str()` says which, `remedy` how to say it clearly."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Carry:
    """The key goes on as `to`, its value converted."""

    to: str
    convert: Callable[[Value], Value]


@dataclass(frozen=True, slots=True)
class Drop:
    """The key has no counterpart, and `why` none is needed; a value that `needs` names is refused instead."""

    why: str
    needs: Callable[[Value], str] = lambda _: ""
    mock: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """The key's old meaning is not that of `to`: a person decides."""

    to: str
    why: str


Rule = Carry | Drop | Ask


def same(value: Value) -> Value:
    """The value as it is."""
    return value


def number(value: Value) -> Decimal | None:
    """The value as a number, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def text(found: Decimal) -> str:
    """A number as the file's reader gives it."""
    return format(found.normalize(), "f")


def share(value: Value) -> Value:
    """A share of 1; above 1 it may be a percentage, and is not guessed."""
    found = number(value)
    if found is not None and found > 1:
        remedy = f"Write a share of 1, for example {text(found / 100)} for {text(found)} %."
        raise NotClear(f"{text(found)} is more than all of it, and may be meant in percent", remedy)
    return value


def basis_points(value: Value) -> Value:
    """A share of 1 in basis points."""
    found = number(share(value))
    return value if found is None else text(found * 10_000)


def whole(value: Value) -> Value:
    """A whole number, written as one."""
    found = number(value)
    return int(found) if found is not None and found == found.to_integral_value() else value


def rank(value: Value) -> Value:
    """A rank a symbol needs; a low one is rather an old threshold for the signal itself."""
    found = number(value)
    if found is not None and found < Decimal("0.5"):
        what = f"{text(found)} as a rank, 0 worst and 1 best, would let more than half of all symbols in"
        raise NotClear(what, "The old one was a signal's strength: leave it out for the new default, or name a rank.")
    return share(value)


def unborrowed(value: Value) -> Value:
    """A share of the account's own means."""
    found = number(value)
    if found is not None and found > 1:
        raise NotClear("this program does not borrow", "Set it to 1 or less in the inventory.")
    return value


def weighting(value: Value) -> Value:
    """Whether volatility counts."""
    return {True: "inverse_volatility", False: "equal"}.get(value, value) if isinstance(value, bool) else value


def _not_true(what: str) -> Callable[[Value], str]:
    return lambda value: what if value is True else ""


def _not_false(what: str) -> Callable[[Value], str]:
    return lambda value: what if value is False else ""


def _only_day(value: Value) -> str:
    return "" if str(value).lower() == "day" else "orders here are good for the day"


def _not_above_one(value: Value) -> str:
    found = number(value)
    return "this program does not borrow" if found is None or found > 1 else ""


_PAPER = Drop("there is nothing but paper")
_HOURS = Drop("orders are sent in regular hours alone", _not_true("nothing is traded outside regular hours"))
_TIMING = Drop("time-outs and retries are built in")
_ALERTS = Drop("alerts are the inventory's")
_REDUCING = Drop("closing is never too small or too large here")
_RATE = Drop("broker.requests_per_minute bounds the rate of orders")
_MODEL = Drop("models are trained and promoted by `trader model`")
_MOCK = Drop("without a model nothing is decided, and nothing is made up", mock=True)
_SIGNAL = Carry("position_sizing.signal_threshold", rank)
_LIST = Ask("data.universe", "a file of the old host; ours is a CSV file with the columns symbol and sector")
_CAP = Carry("risk_management.order_notional_cap_usd", same)

IN_SECTIONS: Mapping[str, Rule] = {
    "execution.enabled": Drop(
        "timers decide what runs", _not_false("the set-up was switched off: make the host a standby")
    ),
    "execution.signal_threshold": _SIGNAL,
    "execution.max_orders_per_execution": Carry("risk_management.max_orders_per_execution", whole),
    "execution.execution_timeout": _TIMING,
    "execution.reconciliation_interval": _TIMING,
    "execution.allow_extended_hours": _HOURS,
    "model.enabled": Drop("a model always decides", _not_false("nothing is decided without a model")),
    "model.model_path": _MODEL,
    "model.features_path": _MODEL,
    "model.fallback_to_external_signals": _MOCK,
    "position_sizing.max_position_size": Carry("risk_management.max_position_size", share),
    "position_sizing.max_total_exposure": Carry("risk_management.max_total_exposure", share),
    "position_sizing.min_trade_size": Carry("position_sizing.min_trade_usd", same),
    "position_sizing.max_trade_size": Carry("risk_management.max_trade_size_usd", same),
    "position_sizing.signal_threshold": _SIGNAL,
    "position_sizing.volatility_adjustment": Carry("position_sizing.weighting", weighting),
    "position_sizing.portfolio_heat": Ask(
        "risk_management.portfolio_heat", "the old one is of one trade, the new one of all holdings at once"
    ),
    "position_sizing.order_notional_cap": _CAP,
    "position_sizing.min_shares": Carry("risk_management.min_shares", same),
    "position_sizing.capital_utilization_factor": Carry("risk_management.capital_utilization_factor", unborrowed),
    "position_sizing.buffer_band_pct": Carry("position_sizing.rebalance_band", share),
    "risk_management.max_daily_loss": Carry("watch.max_daily_loss", share),
    "risk_management.max_position_risk": Carry("watch.max_position_risk", share),
    "risk_management.max_drawdown": Carry("watch.max_drawdown", share),
    "risk_management.stop_loss_pct": Carry("watch.stop_loss", share),
    "risk_management.max_leverage": Drop("risk_management.max_gross_exposure bounds it", _not_above_one),
    "risk_management.max_daily_orders": Carry("risk_management.max_orders_per_day", whole),
    "risk_management.max_orders_per_symbol_per_day": Carry("risk_management.max_orders_per_symbol", whole),
    "risk_management.max_pos_pct": Carry("risk_management.max_position_size", share),
    "risk_management.max_order_notional": _CAP,
    "risk_management.max_notional_opener": _CAP,
    "risk_management.backstop_max_ticket": _CAP,
    "risk_management.max_notional_reducer": _REDUCING,
    "risk_management.min_notional_reducer": _REDUCING,
    "risk_management.allow_dust_close": _REDUCING,
    "risk_management.min_order_notional": Carry("risk_management.min_trade_size_usd", same),
    "risk_management.min_notional_opener": Carry("risk_management.min_trade_size_usd", same),
    "risk_management.max_submits_per_window": _RATE,
    "risk_management.max_submits_window_sec": _RATE,
    "risk_management.per_symbol_cooldown_sec": _RATE,
    "risk_management.max_submits_per_bar": _RATE,
    "risk_management.stale_signal_secs": Drop("signals are of the day's bars: risk_management.max_signal_age_sessions"),
    "risk_management.max_slip_pct": Ask(
        "risk_management.price_collar_bps", "it may be a share or a percentage; the new one is in basis points"
    ),
    "risk_management.session_drawdown_limit": Carry("watch.session_drawdown", share),
    "risk_management.symbol_move_limit": Carry("watch.max_symbol_move", share),
    "risk_management.spread_limit_bps": Carry("risk_management.max_spread_bps", same),
    "risk_management.sector_exposure_checks": Drop("sectors are always checked: risk_management.max_sector_exposure"),
    "order_management.default_order_type": Carry("execution.order_type", same),
    "order_management.limit_price_offset": Carry("execution.collar_bps", basis_points),
    "order_management.time_in_force": Drop("orders are good for the day", _only_day),
    "order_management.extended_hours": _HOURS,
    "order_management.max_retries": _TIMING,
    "order_management.retry_delay": _TIMING,
    "order_management.reconciliation_interval": _TIMING,
    "portfolio_management.update_interval": Carry("watch.interval_s", whole),
    "portfolio_management.history_days": Drop("the ledger keeps everything"),
    "portfolio_management.rebalancing_threshold": Carry("position_sizing.rebalance_band", share),
    "monitoring.health_check_interval": _ALERTS,
    "monitoring.performance_report_interval": _ALERTS,
    "data.universe": _LIST,
    "broker.name": Carry("broker.venue", same),
    "schedule.preflight": Carry("calendar.preflight_at", same),
    "schedule.session": Carry("calendar.session_at", same),
    "schedule.trading": Carry("calendar.session_at", same),
    "schedule.eod": Carry("calendar.eod_at", same),
    "schedule.timezone": Carry("calendar.timezone", same),
}
"""By section and key."""

ANYWHERE: Mapping[str, Rule] = {
    "max_positions": Carry("position_sizing.max_positions", whole),
    "order_type": Carry("execution.order_type", same),
    "timezone": Carry("calendar.timezone", same),
    "account": Carry("execution.account", same),
    "strategy": Carry("execution.strategy", same),
    "feed": Carry("data.feed", same),
    "data_feed": Carry("data.feed", same),
    "capital": Drop("sizes are shares of the account's equity"),
    "initial_capital": Drop("sizes are shares of the account's equity"),
    "dry_run": Drop("`trader plan` looks without sending", _not_true("orders were not sent: make the host a standby")),
    "paper": _PAPER,
    "is_paper": _PAPER,
    "paper_trading": _PAPER,
    "broker": Carry("broker.venue", same),
    "universe": _LIST,
    "universe_file": _LIST,
    "universe_path": _LIST,
    "symbols_file": _LIST,
    "fallback_to_mock": _MOCK,
    "mock_signals": _MOCK,
    "use_mock": _MOCK,
    "use_mock_signals": _MOCK,
    "mock": _MOCK,
    "max_daily_loss": Carry("watch.max_daily_loss", share),
    "max_daily_loss_pct": Carry("watch.max_daily_loss", share),
    "max_position_size": Carry("risk_management.max_position_size", share),
    "max_position_pct": Carry("risk_management.max_position_size", share),
    "max_drawdown": Carry("watch.max_drawdown", share),
    "stop_loss": Carry("watch.stop_loss", share),
    "stop_loss_pct": Carry("watch.stop_loss", share),
    "max_orders_per_day": Carry("risk_management.max_orders_per_day", whole),
    "allow_shorts": Carry("risk_management.allow_shorts", same),
    "max_gross_exposure": Carry("risk_management.max_gross_exposure", same),
    "max_total_exposure": Carry("risk_management.max_total_exposure", share),
}
"""By key alone, at the file's edge or in a section that is none of ours."""

WITHOUT_RULES = {"monitoring.alert_thresholds": _ALERTS}
"""Sections whose keys are all treated alike."""

SYMBOLS = ("symbols", "tickers", "watchlist", "universe", "universe.symbols", "data.symbols", "data.universe")
SECTORS = ("sector_mapping", "sectors", "sector_map", "universe.sectors")
ADDRESSES = ("base_url", "api_base_url", "url", "endpoint")

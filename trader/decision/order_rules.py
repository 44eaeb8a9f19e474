"""The rules an order must pass when it is sent, each named by the code of its denial.

A rule answers with the number and the limit when it refuses, None when it does not. docs/risk.md lists them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from trader.decision.exposure import MEASURES, Exposure, Limits, Measure
from trader.decision.gate_state import ACCOUNT, GateState
from trader.decision.pricing import BPS
from trader.domain.journal import TradingState
from trader.domain.market import Quote
from trader.domain.orders import OrderRequest, Side

SHORT_MARGIN = Decimal("1.03")
"""A short sale binds buying power at the ask and 3 % (Alpaca, margin and short selling)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order with the quote it would go out on.

    `worst_price` (USD) is what it may cost a share, or be worth when sold short; `after` is the exposure with it.
    """

    order: OrderRequest
    quote: Quote
    limit_price: Decimal
    worst_price: Decimal
    after: Exposure

    @property
    def value_usd(self) -> Decimal:
        """Quantity at the worst price."""
        return self.order.quantity * self.worst_price


Rule = Callable[[Candidate, GateState], str | None]


def candidate(order: OrderRequest, quote: Quote, limit_price: Decimal, state: GateState) -> Candidate:
    """The order as the rules see it. A buy costs its limit at worst, beyond the ask; a short may be filled at it."""
    worst = max(limit_price, quote.ask)
    after = state.exposure.joined(order.symbol, order.side, order.quantity, worst)
    return Candidate(order, quote, limit_price, worst, after)


def may_open(state: GateState) -> str | None:
    """Why nothing new may be opened now; None when it may. Reducing never waits for these."""
    latest = state.session.open_at + timedelta(seconds=state.execution.latest_start_s)
    bars = (
        (state.trading_state is not TradingState.ACTIVE, f"trading state is {state.trading_state.value}"),
        (not state.preflight_passed, "no passed preflight for this date, release, config and model"),
        (state.flattened, "positions were flattened today: the next session decides anew"),
        (state.now > latest, f"later than the latest start, {latest:%H:%M:%S} UTC"),
        (ACCOUNT in state.frozen, "a break of the account is open"),
        (
            bool(state.frozen) and not state.risk.trade_around_breaks,
            f"a break is open: {', '.join(sorted(state.frozen))}",
        ),
    )
    return next((why for barred, why in bars if barred), None)


def _paper_host(_it: Candidate, state: GateState) -> str | None:
    return None if state.paper else "the connection is not to a paper account"


def _trading_state(it: Candidate, state: GateState) -> str | None:
    if state.trading_state is TradingState.HALT:
        return "trading is halted"
    return None if it.order.reduces else may_open(state)


def _market_open(_it: Candidate, state: GateState) -> str | None:
    last = state.session.close_at - timedelta(seconds=state.execution.cancel_before_close_s)
    if state.session.open_at <= state.now < last:
        return None
    return f"{state.now:%H:%M:%S} UTC is outside {state.session.open_at:%H:%M:%S}..{last:%H:%M:%S}"


def _duplicate(it: Candidate, state: GateState) -> str | None:
    order_id = it.order.client_order_id
    if order_id in state.known_ids:
        return f"{order_id} was sent before"
    line, _, _ = order_id.rpartition(".")  # an id ends in its generation
    return f"a generation of {line} still works" if line in state.working_lines else None


def _open_break(it: Candidate, state: GateState) -> str | None:
    return "a break is open in this symbol" if it.order.symbol in state.frozen else None


def _tradable(it: Candidate, state: GateState) -> str | None:
    if it.order.symbol in state.halted:
        return "its trading is halted"
    return None if state.asset and state.asset.tradable else "the broker does not trade it"


def _wash_trade(it: Candidate, state: GateState) -> str | None:
    other = Side.SELL if it.order.side is Side.BUY else Side.BUY
    return f"an own {other.value} order works" if other in state.symbol_day.working_sides else None


def _quote_age(it: Candidate, state: GateState) -> str | None:
    age_s, most = (state.now - it.quote.at).total_seconds(), state.execution.max_quote_age_s
    return f"quote is {age_s:.0f} s old, at most {most}" if age_s > most else None


def _spread(it: Candidate, state: GateState) -> str | None:
    spread_bps, most = (it.quote.ask - it.quote.bid) / it.quote.mid * BPS, state.risk.max_spread_bps
    return f"spread is {spread_bps:.1f} bps, at most {most}" if spread_bps > most else None


def _price_collar(it: Candidate, state: GateState) -> str | None:
    away_bps, most = abs(it.limit_price / it.quote.mid - 1) * BPS, state.risk.price_collar_bps
    return f"its limit is {away_bps:.1f} bps from the arrival price, at most {most}" if away_bps > most else None


def _reduce_only(it: Candidate, state: GateState) -> str | None:
    stake, held = state.exposure.of(it.order.symbol), state.held_quantity
    closable = stake.low if held > 0 else -stake.high
    closing = Side.SELL if held > 0 else Side.BUY
    if not it.order.reduces or (it.order.side is closing and it.order.quantity <= closable):
        return None
    return f"{it.order.side.value} {it.order.quantity} of {held} held, {max(closable, Decimal(0))} not being closed"


def _position(it: Candidate, state: GateState) -> str | None:
    """Somebody else may have traded it since: what the broker lacks is not sold, what it has too much is not added to.

    A holding that the broker tells late, before a fill of ours, passes.
    """
    theirs, stake, sells = state.broker_quantity, state.exposure.of(it.order.symbol), it.order.side is Side.SELL
    if theirs is None:
        return None
    if it.order.reduces:
        differs = it.order.quantity > (theirs if sells else -theirs)
    else:
        differs = theirs < stake.low if sells else theirs > stake.high
    return f"the broker holds {theirs}, the ledger {state.held_quantity}" if differs else None


def _crosses_zero(it: Candidate, state: GateState) -> str | None:
    sign = 1 if it.order.side is Side.BUY else -1
    return f"{state.held_quantity} are to be closed first" if sign * state.held_quantity < 0 else None


def _symbol_barred(it: Candidate, state: GateState) -> str | None:
    return "nothing is opened in it today" if it.order.symbol in state.barred else None


def _allow_shorts(it: Candidate, state: GateState) -> str | None:
    return "selling short is not allowed" if it.order.side is Side.SELL and not state.risk.allow_shorts else None


def _borrowable(it: Candidate, state: GateState) -> str | None:
    lent = state.asset is not None and state.asset.shortable
    return "the broker does not lend it" if it.order.side is Side.SELL and not lent else None


def _signal_age(_it: Candidate, state: GateState) -> str | None:
    age, most = state.signal_age_sessions, state.risk.max_signal_age_sessions
    return f"bars end {age} sessions before this one, at most {most}" if age > most else None


def _adverse_open(it: Candidate, state: GateState) -> str | None:
    move, most = abs(it.quote.mid / state.reference_price - 1), state.risk.max_adverse_open
    return f"moved {move:.2%} from the close it was sized with, at most {most:.2%}" if move > most else None


def _order_notional(it: Candidate, state: GateState) -> str | None:
    return _beyond(it.value_usd, state.risk.order_notional_cap_usd)


def _trade_size(it: Candidate, state: GateState) -> str | None:
    return _beyond(state.symbol_day.opened_usd + it.value_usd, state.risk.max_trade_size_usd)


def _min_trade_size(it: Candidate, state: GateState) -> str | None:
    least = state.risk.min_trade_size_usd
    return f"{it.value_usd:.2f} USD, at least {least}" if it.value_usd < least else None


def _min_shares(it: Candidate, state: GateState) -> str | None:
    least = state.risk.min_shares
    return f"{it.order.quantity} shares, at least {least}" if it.order.quantity < least else None


def _orders_per_day(_it: Candidate, state: GateState) -> str | None:
    most = state.risk.max_orders_per_day
    return f"{state.orders_today} orders sent today, at most {most}" if state.orders_today >= most else None


def _orders_per_symbol(_it: Candidate, state: GateState) -> str | None:
    sent, most = state.symbol_day.orders, state.risk.max_orders_per_symbol
    return f"{sent} orders sent in it today, at most {most}" if sent >= most else None


def _participation(it: Candidate, state: GateState) -> str | None:
    """A volume that is not known counts as none."""
    trait = state.exposure.traits.get(it.order.symbol)
    volume = trait.adv_shares if trait else Decimal(0)
    shares, most = state.symbol_day.traded_shares + it.order.quantity, state.risk.max_adv_participation * volume
    return f"{shares} shares today, at most {most:.0f} of {volume} traded in a day" if shares > most else None


def _buying_power(it: Candidate, state: GateState) -> str | None:
    """Buying power left, less the share of the whole that is not to be used."""
    cost_usd = it.value_usd if it.order.side is Side.BUY else it.value_usd * SHORT_MARGIN
    unused = 1 - state.risk.capital_utilization_factor
    left_usd = state.buying_power_usd - unused * (state.buying_power_usd + state.opened_usd)
    return _beyond(cost_usd, left_usd)


def _beyond(value_usd: Decimal, most_usd: Decimal) -> str | None:
    return f"{value_usd:.2f} USD, at most {most_usd:.2f}" if value_usd > most_usd else None


def _measured(measure: Measure, it: Candidate, state: GateState) -> str | None:
    limits = Limits(state.risk, state.equity_usd, state.stop_loss)
    return _beyond(*measure(it.after, it.order.symbol, it.order.side, limits))


EVERY: Mapping[str, Rule] = {
    "paper_host": _paper_host,
    "trading_state": _trading_state,
    "market_open": _market_open,
    "duplicate": _duplicate,
    "open_break": _open_break,
    "tradable": _tradable,
    "wash_trade": _wash_trade,
    "quote_age": _quote_age,
    "max_spread_bps": _spread,
    "price_collar_bps": _price_collar,
    "reduce_only": _reduce_only,
    "position": _position,
}
"""What every order must pass, also one that only reduces."""

OPENING: Mapping[str, Rule] = {
    "crosses_zero": _crosses_zero,
    "symbol_barred": _symbol_barred,
    "allow_shorts": _allow_shorts,
    "borrowable": _borrowable,
    "max_signal_age_sessions": _signal_age,
    "max_adverse_open": _adverse_open,
    "order_notional_cap_usd": _order_notional,
    "max_trade_size_usd": _trade_size,
    "min_trade_size_usd": _min_trade_size,
    "min_shares": _min_shares,
    "max_orders_per_day": _orders_per_day,
    "max_orders_per_symbol": _orders_per_symbol,
    "max_adv_participation": _participation,
    **{code: partial(_measured, measure) for code, measure in MEASURES.items()},
    "buying_power": _buying_power,
}
"""What an order must pass, too, that opens or adds."""

RULES: Mapping[str, Rule] = {**EVERY, **OPENING}
"""All of them, in the order they are asked."""

STANDING = frozenset(
    {"paper_host", "trading_state", "market_open", "open_break", "tradable", "symbol_barred", "position"}
)
"""What is asked again of an approved order whose POST did not arrive; its prices and sums stand."""


def refusal(it: Candidate, state: GateState, rules: Mapping[str, Rule]) -> tuple[str, str] | None:
    """Code and detail of the first rule that refuses; None when all pass."""
    for code, rule in rules.items():
        detail = rule(it, state)
        if detail is not None:
            return code, detail
    return None

"""The rules a plan must pass before the open, at the closes it was sized with, each named by the code of its denial.

A rule says how many shares of an opener it leaves; what is cut is recorded as a denial, never lost in silence. What
reduces always passes, and is taken as done: openers wait for it when the orders are sent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from functools import partial

from trader.decision.exposure import MEASURES, Exposure, Limits, Measure, Stake, exposure
from trader.domain.orders import OrderIntent, Side
from trader.domain.plan import Denial, Trait
from trader.domain.policy import RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book

Gated = tuple[tuple[OrderIntent, ...], tuple[Denial, ...]]

_NONE, _ALL = Decimal(0), Decimal("Infinity")
_FRACTION = Decimal("0.000000001")
_WITH_HEADROOM = (
    "max_position_size",
    "max_sector_exposure",
    "max_correlation_exposure",
    "order_notional_cap_usd",
    "max_trade_size_usd",
)


@dataclass(frozen=True, slots=True)
class PlanState:
    """What the plan holds with the openers kept so far; `lines` counts its orders, `barred` says why none may open."""

    limits: Limits
    exposure: Exposure
    lines: int = 0
    barred: str = ""


PlanRule = Callable[[OrderIntent, PlanState], tuple[Decimal, str]]
"""How many shares of an opener may stay, and the limit in words."""


def limits(sizing: SizingPolicy, risk: RiskPolicy, equity_usd: Decimal, stop_loss: Decimal) -> Limits:
    """The limits a plan is cut to: those that bind single symbols and groups less price_headroom."""
    left = 1 - sizing.price_headroom
    return Limits(
        risk.model_copy(update={key: getattr(risk, key) * left for key in _WITH_HEADROOM}), equity_usd, stop_loss
    )


def gate(
    drafts: Sequence[OrderIntent],
    book: Book,
    traits: Mapping[str, Trait],
    to: Limits,
    barred: str = "",
) -> Gated:
    """The intents within the limits, and what was denied. Openers are judged in their order, the best signal first."""
    reducers = [draft for draft in drafts if draft.reduces]
    state = PlanState(to, _after(reducers, book, traits), len(reducers), barred)
    kept, denials = list(reducers), list[Denial]()
    for draft in drafts:
        if not draft.reduces:
            cut, denied = _cut(draft, state)
            denials += denied
            if cut.quantity:
                kept.append(cut)
                after = state.exposure.joined(cut.symbol, cut.side, cut.quantity, cut.reference_price)
                state = replace(state, exposure=after, lines=state.lines + 1)
    return tuple(kept), tuple(denials)


def _after(reducers: Sequence[OrderIntent], book: Book, traits: Mapping[str, Trait]) -> Exposure:
    """The morning's holdings at their closes, less what is to be reduced."""
    held = {h.symbol: h.quantity for h in book.holdings if h.quantity}
    for order in reducers:
        held[order.symbol] += order.quantity if order.side is Side.BUY else -order.quantity
    stakes = {symbol: Stake(shares, shares, traits[symbol].reference_price) for symbol, shares in held.items()}
    return exposure(stakes, traits)


def _cut(draft: OrderIntent, state: PlanState) -> tuple[OrderIntent, list[Denial]]:
    """What every rule leaves of an opener, and one denial for each that cuts."""
    denials = []
    for code, rule in PLAN_RULES.items():
        room, limit = rule(draft, state)
        if room < draft.quantity:
            left = _in_units(draft, max(room, _NONE))
            cut = f"{draft.quantity - left} of {draft.quantity} shares: {limit}"
            denials.append(Denial(draft.symbol, code, cut))
            draft = replace(draft, quantity=left)
        if not draft.quantity:
            break
    return draft, denials


def _in_units(draft: OrderIntent, shares: Decimal) -> Decimal:
    whole = draft.quantity == draft.quantity.to_integral_value()
    return shares.quantize(Decimal(1) if whole else _FRACTION, ROUND_FLOOR)


def _open_break(_draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    return (_NONE if state.barred else _ALL), state.barred


def _allow_shorts(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    allowed = draft.side is Side.BUY or state.limits.risk.allow_shorts
    return (_ALL if allowed else _NONE), "selling short is not allowed"


def _order_notional(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    cap_usd = state.limits.risk.order_notional_cap_usd
    return cap_usd * draft.slices / draft.reference_price, f"at most {cap_usd:.2f} USD an order at its close"


def _trade_size(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    cap_usd = state.limits.risk.max_trade_size_usd
    return cap_usd / draft.reference_price, f"at most {cap_usd:.2f} USD a day in one symbol at its close"


def _participation(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    """A volume that is not known counts as none."""
    volume = state.exposure.traits[draft.symbol].adv_shares
    most = volume * state.limits.risk.max_adv_participation
    return most, f"at most {most:.0f} shares a day, of {volume} traded on average"


def _min_trade_size(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    least_usd, value_usd = state.limits.risk.min_trade_size_usd, draft.quantity * draft.reference_price
    return (_ALL if value_usd >= least_usd else _NONE), f"{value_usd:.2f} USD, at least {least_usd}"


def _min_shares(draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    least = state.limits.risk.min_shares
    return (_ALL if draft.quantity >= least else _NONE), f"at least {least} shares"


def _orders_per_execution(_draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    most = state.limits.risk.max_orders_per_execution
    return (_ALL if state.lines < most else _NONE), f"at most {most} lines a plan"


def _measured(measure: Measure, draft: OrderIntent, state: PlanState) -> tuple[Decimal, str]:
    """Every sum grows by the order's own value, so what is beyond its limit is cut from the order."""
    price = draft.reference_price
    after = state.exposure.joined(draft.symbol, draft.side, draft.quantity, price)
    value_usd, cap_usd = measure(after, draft.symbol, draft.side, state.limits)
    return draft.quantity - max(value_usd - cap_usd, _NONE) / price, f"{value_usd:.2f} USD, at most {cap_usd:.2f}"


PLAN_RULES: Mapping[str, PlanRule] = {
    "open_break": _open_break,
    "allow_shorts": _allow_shorts,
    "max_orders_per_execution": _orders_per_execution,
    "order_notional_cap_usd": _order_notional,
    "max_trade_size_usd": _trade_size,
    "max_adv_participation": _participation,
    **{code: partial(_measured, measure) for code, measure in MEASURES.items()},
    "min_trade_size_usd": _min_trade_size,
    "min_shares": _min_shares,
}
"""All of them, in the order they cut."""

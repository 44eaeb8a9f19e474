"""The gate a plan passes as a whole; what it cuts is recorded as a denial, never lost in silence."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from trader.domain.orders import OrderIntent
from trader.domain.plan import Denial
from trader.domain.policy import RiskPolicy, SizingPolicy

Gated = tuple[tuple[OrderIntent, ...], tuple[Denial, ...]]


def gate(intents: Iterable[OrderIntent], sizing: SizingPolicy, risk: RiskPolicy) -> Gated:
    """The intents within the caps on one order and on the number of orders, and what was denied. Reducers pass."""
    kept: list[OrderIntent] = []
    denials: list[Denial] = []
    for intent in intents:
        if intent.reduces:
            kept.append(intent)
        elif len(kept) >= risk.max_orders_per_day:
            denials.append(Denial(intent.symbol, "max_orders_per_day", f"{risk.max_orders_per_day} orders a day"))
        else:
            cut, denial = _within_notional(intent, sizing, risk)
            kept += [cut] if cut.quantity else []
            denials += [denial] if denial else []
    return tuple(kept), tuple(denials)


def _within_notional(intent: OrderIntent, sizing: SizingPolicy, risk: RiskPolicy) -> tuple[OrderIntent, Denial | None]:
    cap_usd = risk.order_notional_cap_usd * (1 - sizing.price_headroom)
    most = (cap_usd / intent.reference_price).to_integral_value(ROUND_FLOOR)
    if intent.quantity <= most:
        return intent, None
    detail = f"{intent.quantity - most} of {intent.quantity} shares are over {risk.order_notional_cap_usd} USD an order"
    return replace(intent, quantity=max(most, Decimal(0))), Denial(intent.symbol, "order_notional_cap_usd", detail)

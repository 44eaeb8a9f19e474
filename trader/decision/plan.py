"""From target weights to order intents: the one place where float64 becomes Decimal."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise

import numpy as np

from trader.decision.sizing import strength
from trader.domain.bars import BarPanel
from trader.domain.orders import OrderIntent, Side
from trader.domain.plan import Target
from trader.domain.policy import RiskPolicy, SizingPolicy
from trader.domain.portfolio import Book

_PRICE = Decimal("0.0001")
_NONE, _SHARE, _FRACTION = Decimal(0), Decimal(1), Decimal("0.000000001")


def reference_prices(panel: BarPanel, book: Book) -> dict[str, Decimal]:
    """The newest close (USD) of each symbol; a holding without any bar stands at what it cost."""
    prices: dict[str, Decimal] = {}
    for column, symbol in enumerate(panel.symbols):
        closes = panel.close[:, column]
        known = closes[np.isfinite(closes)]
        if known.size:
            prices[symbol] = Decimal(float(known[-1])).quantize(_PRICE)
    for holding in book.holdings:
        if holding.symbol not in prices and holding.quantity:
            prices[holding.symbol] = (holding.cost_usd / holding.quantity).quantize(_PRICE)
    return prices


def equity(book: Book, prices: Mapping[str, Decimal]) -> Decimal:
    """Cash plus holdings at the reference prices, to the cent."""
    held = sum((h.quantity * prices[h.symbol] for h in book.holdings), Decimal(0))
    return (book.cash_usd + held).quantize(Decimal("0.01"))


def targets(
    weights: Mapping[str, Decimal],
    signals: Mapping[str, Decimal],
    prices: Mapping[str, Decimal],
    equity_usd: Decimal,
    fractionable: frozenset[str] = frozenset(),
) -> tuple[Target, ...]:
    """Shares for each weight, rounded towards zero, best signal first. Longs in `fractionable` count in 1e-9 shares."""
    found = []
    for symbol, weight in weights.items():
        unit = _FRACTION if symbol in fractionable and weight > 0 else _SHARE
        quantity = (weight * equity_usd / prices[symbol]).quantize(unit, ROUND_DOWN).normalize() + 0
        found.append(Target(symbol, signals[symbol], weight, quantity, prices[symbol]))
    return tuple(sorted(found, key=lambda t: (-strength(t.signal, t.weight < 0), t.symbol)))


def trades(
    wanted: Iterable[Target],
    book: Book,
    prices: Mapping[str, Decimal],
    frozen: frozenset[str],
    sizing: SizingPolicy,
) -> tuple[OrderIntent, ...]:
    """The orders from what is held to what is wanted, reducers first, then the best signal; `frozen` symbols are left.

    From long to short, or back, are two orders: one to zero and one from there.
    """
    target = {t.symbol: t for t in wanted}
    held = {h.symbol: h.quantity for h in book.holdings if h.quantity}
    drafts: list[OrderIntent] = []
    for symbol in sorted((target.keys() | held.keys()) - frozen):
        goal = target[symbol].quantity if symbol in target else _NONE
        drafts += _legs(symbol, held.get(symbol, _NONE), goal, prices[symbol], sizing)
    order_of = {symbol: n for n, symbol in enumerate(target)}
    return renumbered(sorted(drafts, key=lambda o: (not o.reduces, 0 if o.reduces else order_of[o.symbol], o.symbol)))


def renumbered(intents: Iterable[OrderIntent]) -> tuple[OrderIntent, ...]:
    """The intents counted from 0."""
    return tuple(replace(intent, sequence=n) for n, intent in enumerate(intents))


def sliced(intent: OrderIntent, slices: int, risk: RiskPolicy) -> OrderIntent:
    """An opener in `slices` parts, or in the most that leave none below min_shares and min_trade_size_usd."""
    if intent.reduces:
        return intent
    unit = _SHARE if intent.quantity == intent.quantity.to_integral_value() else _FRACTION

    def is_worth_it(parts: int) -> bool:
        part = (intent.quantity / parts).quantize(unit, ROUND_DOWN)
        return part > 0 and part >= risk.min_shares and part * intent.reference_price >= risk.min_trade_size_usd

    return replace(intent, slices=next((n for n in range(slices, 1, -1) if is_worth_it(n)), 1))


def _legs(symbol: str, held: Decimal, goal: Decimal, price: Decimal, sizing: SizingPolicy) -> list[OrderIntent]:
    stops = (held, _NONE, goal) if held * goal < 0 else (held, goal)
    legs = (_leg(symbol, before, after, price) for before, after in pairwise(stops))
    return [leg for leg in legs if leg.quantity and _is_worth_it(leg, held, goal, sizing)]


def _leg(symbol: str, before: Decimal, after: Decimal, price: Decimal) -> OrderIntent:
    side = Side.BUY if after > before else Side.SELL
    return OrderIntent(0, symbol, side, abs(after - before), price, reduces=abs(after) < abs(before))


def _is_worth_it(leg: OrderIntent, held: Decimal, goal: Decimal, sizing: SizingPolicy) -> bool:
    """To leave a holding always is; to change one is from the band on; and every other trade from a least value on."""
    if leg.reduces and held * goal <= 0:
        return True
    if held * goal > 0 and leg.quantity <= sizing.rebalance_band * abs(goal):
        return False
    return leg.quantity * leg.reference_price >= sizing.min_trade_usd

"""From target weights to order intents: the one place where float64 becomes Decimal."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from trader.domain.bars import BarPanel
from trader.domain.orders import OrderIntent, Side
from trader.domain.plan import Target
from trader.domain.policy import SizingPolicy
from trader.domain.portfolio import Book

_PRICE = Decimal("0.0001")


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
    weights: Mapping[str, Decimal], signals: Mapping[str, Decimal], prices: Mapping[str, Decimal], equity_usd: Decimal
) -> tuple[Target, ...]:
    """Whole shares for each weight, best signal first."""
    found = (
        Target(
            symbol,
            signals[symbol],
            weight,
            (weight * equity_usd / prices[symbol]).to_integral_value(ROUND_FLOOR),
            prices[symbol],
        )
        for symbol, weight in weights.items()
    )
    return tuple(sorted(found, key=lambda t: (-t.signal, t.symbol)))


def trades(
    wanted: Iterable[Target],
    book: Book,
    prices: Mapping[str, Decimal],
    frozen: frozenset[str],
    sizing: SizingPolicy,
) -> tuple[OrderIntent, ...]:
    """The orders from what is held to what is wanted, reducers first; `frozen` symbols are left alone."""
    target = {t.symbol: t for t in wanted}
    held = {h.symbol: h.quantity for h in book.holdings if h.quantity}
    drafts = [
        _trade(
            symbol, target[symbol].quantity if symbol in target else Decimal(0), held.get(symbol, Decimal(0)), prices
        )
        for symbol in sorted((target.keys() | held.keys()) - frozen)
    ]
    worth = [draft for draft in drafts if draft and _is_worth_it(draft, target, held, sizing)]
    ranked = sorted(worth, key=lambda o: (not o.reduces, -target[o.symbol].signal if not o.reduces else 0, o.symbol))
    return renumbered(ranked)


def renumbered(intents: Iterable[OrderIntent]) -> tuple[OrderIntent, ...]:
    """The intents counted from 0."""
    return tuple(
        OrderIntent(n, o.symbol, o.side, o.quantity, o.reference_price, o.reduces) for n, o in enumerate(intents)
    )


def _trade(symbol: str, wanted: Decimal, held: Decimal, prices: Mapping[str, Decimal]) -> OrderIntent | None:
    if wanted == held:
        return None
    side = Side.BUY if wanted > held else Side.SELL
    return OrderIntent(
        0, symbol, side, abs(wanted - held), prices[symbol], reduces=wanted * held >= 0 and abs(wanted) < abs(held)
    )


def _is_worth_it(
    draft: OrderIntent, target: Mapping[str, Target], held: Mapping[str, Decimal], sizing: SizingPolicy
) -> bool:
    wanted = target[draft.symbol].quantity if draft.symbol in target else Decimal(0)
    if not wanted:
        return True
    if draft.symbol in held and draft.quantity <= sizing.rebalance_band * wanted:
        return False
    return draft.quantity * draft.reference_price >= sizing.min_trade_usd

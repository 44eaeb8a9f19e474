"""Where the day stands while orders work: what is held, what may still be traded, what was opened."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trader.domain.orders import Purpose, Side
from trader.domain.plan import Plan
from trader.execution.order_state import OrderView

ZERO = Decimal(0)


@dataclass(slots=True)
class Commitment:
    """One symbol: the morning's holding brought forward by the day's orders. Shares; prices and amounts in USD.

    `buying` and `selling` are what working orders may still trade, `traded` what all orders have traded or still may,
    `opened_usd` what openers were or may be filled for. Openers count at their worst price, a buy's limit and a short's
    ask, so that nothing here is rosier than the truth; `price` is the higher of that and the plan's close. `asked_usd`
    is the worst value of every opener ever sent, `answered_usd` of those whose POST the broker has answered; `ended`
    counts the orders at their end, which bind nothing any more.
    """

    price: Decimal = ZERO
    held: Decimal = ZERO
    buying: Decimal = ZERO
    selling: Decimal = ZERO
    traded: Decimal = ZERO
    opened_usd: Decimal = ZERO
    asked_usd: Decimal = ZERO
    answered_usd: Decimal = ZERO
    orders: int = 0
    ended: int = 0
    known_ids: set[str] = field(default_factory=set)
    working_lines: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sums:
    """Over all symbols: see Commitment."""

    opened_usd: Decimal
    asked_usd: Decimal
    answered_usd: Decimal
    orders: int
    ended: int


def morning(plan: Plan) -> dict[str, Commitment]:
    """Every symbol the plan speaks of or the book holds, before the first order."""
    held = {h.symbol: h.quantity for h in plan.book.holdings}
    return {symbol: Commitment(close, held.get(symbol, ZERO)) for symbol, close in closes(plan).items()}


def reducing(plan: Plan) -> frozenset[int]:
    """The sequences of the lines that reduce."""
    return frozenset(intent.sequence for intent in plan.intents if intent.reduces)


def brought_forward(start: Commitment, views: Iterable[OrderView], reducers: Container[int]) -> Commitment:
    """A symbol's morning and its orders of the day, all of them, together."""
    now = replace(start, known_ids=set(), working_lines=set())
    for view in views:
        if view.intended is not None or view.broker_order_id is not None:
            _take(now, view)
            if view.key.purpose is Purpose.PLAN and view.key.sequence not in reducers:
                _take_opener(now, view)
    return now


def sums(commitments: Iterable[Commitment]) -> Sums:
    """What these come to together."""
    found = tuple(commitments)
    return Sums(
        sum((one.opened_usd for one in found), ZERO),
        sum((one.asked_usd for one in found), ZERO),
        sum((one.answered_usd for one in found), ZERO),
        sum(one.orders for one in found),
        sum(one.ended for one in found),
    )


def closes(plan: Plan) -> Mapping[str, Decimal]:
    """The close (USD) the plan was made with, by symbol; a holding the plan says nothing of stands at its cost."""
    return {
        **{h.symbol: abs(h.cost_usd / h.quantity) for h in plan.book.holdings if h.quantity},
        **{target.symbol: target.reference_price for target in plan.targets},
        **{intent.symbol: intent.reference_price for intent in plan.intents},
        **{trait.symbol: trait.reference_price for trait in plan.traits},
    }


def _take(now: Commitment, view: OrderView) -> None:
    buys, remaining = view.key.side is Side.BUY, _remaining(view)
    now.held += view.filled_quantity if buys else -view.filled_quantity
    if buys:
        now.buying += remaining
    else:
        now.selling += remaining
    now.traded += view.filled_quantity + remaining
    now.orders += 1
    now.known_ids.add(view.client_order_id)
    if view.status.terminal:
        now.ended += 1
    else:
        now.working_lines.add(view.client_order_id.rpartition(".")[0])


def _take_opener(now: Commitment, view: OrderView) -> None:
    worst = _worst_price(view, now.price)
    now.opened_usd += (view.filled_quantity + _remaining(view)) * worst
    now.price = max(now.price, worst)
    now.asked_usd += view.quantity * worst
    if view.broker_order_id is not None or view.status.terminal:
        now.answered_usd += view.quantity * worst


def _remaining(view: OrderView) -> Decimal:
    return ZERO if view.status.terminal else view.quantity - view.filled_quantity


def _worst_price(view: OrderView, close: Decimal) -> Decimal:
    """What a share costs at worst, or is worth when sold short (USD); the close for an order without a record."""
    if view.intended is None:
        return close
    return view.intended.limit_price if view.key.side is Side.BUY else max(view.intended.ask, view.intended.limit_price)

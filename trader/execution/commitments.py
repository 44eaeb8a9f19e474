"""Where the day stands while orders work: what is held, what may still be traded, what was opened."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trader.domain.orders import Purpose, Side
from trader.domain.plan import Plan
from trader.execution.order_state import OrderView

ZERO = Decimal(0)
Amounts = defaultdict[str, Decimal]


def _amounts() -> Amounts:
    return defaultdict(Decimal)


@dataclass(slots=True)
class Commitments:
    """The morning's book brought forward by the day's orders. Shares by symbol, prices and amounts in USD.

    `buying` and `selling` are what working orders may still trade, `traded` what all orders have traded or still may,
    `opened_usd` what openers were or may be filled for. Openers count at their worst price, a buy's limit and a short's
    ask, so that nothing here is rosier than the truth; `price` is the higher of that and the plan's close. `asked_usd`
    is the worst value of every opener ever sent, `answered_usd` of those whose POST the broker has answered.
    """

    held: Amounts = field(default_factory=_amounts)
    buying: Amounts = field(default_factory=_amounts)
    selling: Amounts = field(default_factory=_amounts)
    price: Amounts = field(default_factory=_amounts)
    traded: Amounts = field(default_factory=_amounts)
    opened_usd: Amounts = field(default_factory=_amounts)
    orders: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    known_ids: set[str] = field(default_factory=set)
    working_lines: set[str] = field(default_factory=set)
    asked_usd: Decimal = ZERO
    answered_usd: Decimal = ZERO


def commitments(plan: Plan, views: Iterable[OrderView]) -> Commitments:
    """The morning's book and the day's orders together."""
    now = Commitments()
    now.price.update(closes(plan))
    now.held.update({h.symbol: h.quantity for h in plan.book.holdings})
    reducing = {intent.sequence for intent in plan.intents if intent.reduces}
    for view in views:
        if view.intended is not None or view.broker_order_id is not None:
            _take(now, view)
            if view.key.purpose is Purpose.PLAN and view.key.sequence not in reducing:
                _take_opener(now, view)
    return now


def closes(plan: Plan) -> Mapping[str, Decimal]:
    """The close (USD) the plan was made with, by symbol; a holding the plan says nothing of stands at its cost."""
    return {
        **{h.symbol: abs(h.cost_usd / h.quantity) for h in plan.book.holdings if h.quantity},
        **{target.symbol: target.reference_price for target in plan.targets},
        **{intent.symbol: intent.reference_price for intent in plan.intents},
        **{trait.symbol: trait.reference_price for trait in plan.traits},
    }


def _take(now: Commitments, view: OrderView) -> None:
    symbol, buys, remaining = view.key.symbol, view.key.side is Side.BUY, _remaining(view)
    now.held[symbol] += view.filled_quantity if buys else -view.filled_quantity
    (now.buying if buys else now.selling)[symbol] += remaining
    now.traded[symbol] += view.filled_quantity + remaining
    now.orders[symbol] += 1
    now.known_ids.add(view.client_order_id)
    if not view.status.terminal:
        now.working_lines.add(view.client_order_id.rpartition(".")[0])


def _take_opener(now: Commitments, view: OrderView) -> None:
    symbol = view.key.symbol
    worst = _worst_price(view, now.price[symbol])
    now.opened_usd[symbol] += (view.filled_quantity + _remaining(view)) * worst
    now.price[symbol] = max(now.price[symbol], worst)
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

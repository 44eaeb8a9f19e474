"""Where ledger and broker disagree: a comparison, never a repair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from trader.domain.journal import BreakFound
from trader.domain.orders import BrokerOrder, Fill, OrderStatus
from trader.domain.portfolio import Account, Book, Position

ABSENT = "none"

REMEDIES: Mapping[str, str] = {
    "missed_fill": "A trade that no order of ours made: look in the broker's activity who made it.",
    "phantom_fill": "The broker does not list a fill we recorded: run `trader audit ORDER`, then ask the broker.",
    "fill_differs": "The broker corrected a fill after we recorded it: compare both in the broker's activity.",
    "filled_quantity": "The broker's filled quantity is not the sum of its fills: compare both in its activity.",
    "order_status": "The broker reports another end of this order than before: run `trader audit ORDER`.",
    "order_missing": "The broker no longer lists this order: was the paper account reset? Then start a new ledger.",
    "order_foreign": "Somebody else sends orders on this account: keep it for this program alone.",
    "order_open": "The order still works after the close: cancel it at the broker, then look again.",
    "position": "Find the trade, split or transfer behind the difference in the broker's activity.",
    "cash": "Find the trade, dividend, fee or transfer behind the difference in the broker's activity.",
    "equity": "Cash and market values do not add up to the broker's equity: marks may still move; look again later.",
}
"""What a person does next, by the code of a break."""


@dataclass(frozen=True, slots=True)
class Break:
    """One disagreement: `subject` is a symbol, an order id, a fill id or `account`; both sides in words."""

    code: str
    subject: str
    ours: str
    broker: str

    def event(self, day: date) -> BreakFound:
        """The ledger's record of it."""
        return BreakFound(day, self.code, self.subject, self.ours, self.broker)

    @staticmethod
    def recorded(event: BreakFound) -> "Break":
        """The break that was recorded so."""
        return Break(event.code, event.subject, event.ours, event.broker)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What the ledger says: the book after the day's fills and its equity (USD), our orders by id, the day's fills."""

    book: Book
    equity_usd: Decimal
    orders: Mapping[str, OrderStatus]
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker says of the account now, and of this session's orders and fills."""

    account: Account
    positions: tuple[Position, ...]
    orders: tuple[BrokerOrder, ...]
    fills: tuple[Fill, ...]


def reconcile(ours: LedgerView, broker: BrokerView) -> tuple[Break, ...]:
    """Every disagreement, over the union of what both sides know; money is compared to the cent."""
    return (
        *_fills(ours.fills, broker.fills),
        *_orders(ours, broker),
        *_differences("position", _held(ours.book), _positions(broker.positions)),
        *_differences("cash", {"account": _cents(ours.book.cash_usd)}, {"account": _cents(broker.account.cash_usd)}),
        *_differences("equity", {"account": _cents(ours.equity_usd)}, {"account": _cents(broker.account.equity_usd)}),
    )


def _differences(code: str, ours: Mapping[str, str], broker: Mapping[str, str]) -> Iterator[Break]:
    for subject in sorted(ours.keys() | broker.keys()):
        mine, theirs = ours.get(subject, ABSENT), broker.get(subject, ABSENT)
        if mine != theirs:
            yield Break(code, subject, mine, theirs)


def _fills(ours: tuple[Fill, ...], broker: tuple[Fill, ...]) -> Iterator[Break]:
    for found in _differences("fill_differs", _described(ours), _described(broker)):
        code = {found.ours: "missed_fill", found.broker: "phantom_fill"}.get(ABSENT, found.code)
        yield Break(code, found.subject, found.ours, found.broker)


def _described(fills: tuple[Fill, ...]) -> dict[str, str]:
    return {f.fill_id: f"{f.side} {_plain(f.quantity)} {f.symbol} at {_plain(f.price)}" for f in fills}


def _orders(ours: LedgerView, broker: BrokerView) -> Iterator[Break]:
    """An order intended but never seen at the broker is no break: nothing was traded."""
    listed = {order.client_order_id for order in broker.orders}
    for order_id, status in sorted(ours.orders.items()):
        if order_id not in listed and status not in _NEVER_LISTED:
            yield Break("order_missing", order_id, status, ABSENT)
    for order in broker.orders:
        yield from _order(order, ours)


_NEVER_LISTED = frozenset({OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.DENIED, OrderStatus.REJECTED})


def _order(order: BrokerOrder, ours: LedgerView) -> Iterator[Break]:
    known = ours.orders.get(order.client_order_id)
    if known is None:
        yield Break("order_foreign", order.client_order_id, ABSENT, f"{order.side} {order.symbol} {order.status}")
        return
    if known.terminal and known != order.status:
        yield Break("order_status", order.client_order_id, known, order.status)
    elif not order.status.terminal:
        yield Break("order_open", order.client_order_id, known, order.status)
    filled = sum((f.quantity for f in ours.fills if f.broker_order_id == order.broker_order_id), Decimal(0))
    if filled != order.filled_quantity:
        yield Break("filled_quantity", order.client_order_id, _plain(filled), _plain(order.filled_quantity))


def _held(book: Book) -> dict[str, str]:
    return {h.symbol: _plain(h.quantity) for h in book.holdings if h.quantity}


def _positions(positions: tuple[Position, ...]) -> dict[str, str]:
    return {p.symbol: _plain(p.quantity) for p in positions if p.quantity}


def _cents(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.01"), ROUND_HALF_UP), "f")


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")

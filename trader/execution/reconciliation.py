"""Where ledger and broker disagree: a comparison, never a repair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from trader.domain.journal import BreakFound
from trader.domain.orders import BrokerOrder, Fill, OrderStatus
from trader.domain.portfolio import Account, Activity, Book, Position
from trader.execution.identifiers import parse

ABSENT = "none"

REMEDIES: Mapping[str, str] = {
    "account_reset": "The broker has another account now: `trader ledger adopt --reason TEXT` begins with its book.",
    "missed_fill": "A trade that no order of ours made: look in the broker's activity who made it.",
    "phantom_fill": "The broker does not list a fill we recorded: run `trader audit ORDER`, then ask the broker.",
    "fill_differs": "The broker corrected a fill after we recorded it: compare both in the broker's activity.",
    "filled_quantity": "The broker's filled quantity is not the sum of its fills: compare both in its activity.",
    "order_status": "The broker reports another end of this order than before: run `trader audit ORDER`.",
    "order_missing": "The broker no longer lists this order: was the paper account reset? Then start a new ledger.",
    "order_foreign": "Somebody else's order works on this account: let it end, or cancel it; its trades are recorded.",
    "order_open": "The order still works after the close: cancel it at the broker, then look again.",
    "position": "Find what is behind it in the broker's activity, then `trader breaks resolve SYMBOL --reason TEXT`.",
    "cash": "Find what is behind it in the broker's activity, then `trader breaks resolve account --reason TEXT`.",
    "equity": "Cash and market values do not add up to the broker's equity: marks may still move; look again later.",
}
"""What a person does next, by the code of a break."""

ABOUT_ORDERS = frozenset(
    {"missed_fill", "phantom_fill", "fill_differs", "filled_quantity", "order_status", "order_missing"}
)
"""Codes of breaks that no adjustment of the book can end."""


@dataclass(frozen=True, slots=True)
class Break:
    """One disagreement: `subject` is a symbol, an order id, a fill id or `account`; both sides in words.

    `symbol` is the one it is about, empty for the account.
    """

    code: str
    subject: str
    ours: str
    broker: str
    symbol: str = ""

    @property
    def remedy(self) -> str:
        """What a person does next about this one."""
        return REMEDIES[self.code].replace("SYMBOL", self.symbol or self.subject)

    def event(self, day: date) -> BreakFound:
        """The ledger's record of it."""
        return BreakFound(day, self.code, self.subject, self.ours, self.broker, self.symbol)

    @staticmethod
    def recorded(event: BreakFound) -> "Break":
        """The break that was recorded so; early records of positions have no symbol but the subject."""
        symbol = event.symbol or (event.subject if event.code == "position" else "")
        return Break(event.code, event.subject, event.ours, event.broker, symbol)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What the ledger says: the book after the day's fills and its equity (USD), our orders by id, the day's fills.

    `equity_usd` is None while prices move, and is not compared. `account_number` is empty when none was recorded.
    """

    book: Book
    equity_usd: Decimal | None
    orders: Mapping[str, OrderStatus]
    fills: tuple[Fill, ...]
    account_number: str = ""


@dataclass(frozen=True, slots=True)
class BrokerView:
    """What the broker says of the account now, and of this session's orders and fills."""

    account: Account
    positions: tuple[Position, ...]
    orders: tuple[BrokerOrder, ...]
    fills: tuple[Fill, ...]
    activities: tuple[Activity, ...] = ()

    @property
    def shares(self) -> Mapping[str, Decimal]:
        """Shares held by symbol."""
        return {position.symbol: position.quantity for position in self.positions if position.quantity}


def reconcile(ours: LedgerView, broker: BrokerView, over: bool = True) -> tuple[Break, ...]:
    """Every disagreement, over the union of what both sides know; money is compared to the cent.

    Until the session is `over`, our orders may work. Another account than before has nothing to compare with.
    """
    if ours.account_number and ours.account_number != broker.account.account_number:
        return (Break("account_reset", "account", ours.account_number, broker.account.account_number),)
    cash_usd, equity_usd = broker.account.cash_usd, broker.account.equity_usd
    return (
        *_fills(ours.fills, broker.fills),
        *_orders(ours, broker, over),
        *_positions(ours.book, broker),
        *_money("cash", ours.book.cash_usd, cash_usd),
        *(() if ours.equity_usd is None else _money("equity", ours.equity_usd, equity_usd)),
    )


def _differences(ours: Mapping[str, str], broker: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for subject in sorted(ours.keys() | broker.keys()):
        mine, theirs = ours.get(subject, ABSENT), broker.get(subject, ABSENT)
        if mine != theirs:
            yield subject, mine, theirs


def _positions(book: Book, broker: BrokerView) -> Iterator[Break]:
    ours = {held.symbol: _plain(held.quantity) for held in book.holdings if held.quantity}
    theirs = {symbol: _plain(quantity) for symbol, quantity in broker.shares.items()}
    for symbol, mine, other in _differences(ours, theirs):
        yield Break("position", symbol, mine, other, symbol)


def _money(code: str, ours: Decimal, theirs: Decimal) -> Iterator[Break]:
    if _cents(ours) != _cents(theirs):
        yield Break(code, "account", _cents(ours), _cents(theirs))


def _fills(ours: tuple[Fill, ...], broker: tuple[Fill, ...]) -> Iterator[Break]:
    symbols = {fill.fill_id: fill.symbol for fill in (*ours, *broker)}
    for fill_id, mine, theirs in _differences(_described(ours), _described(broker)):
        code = {mine: "missed_fill", theirs: "phantom_fill"}.get(ABSENT, "fill_differs")
        yield Break(code, fill_id, mine, theirs, symbols[fill_id])


def _described(fills: tuple[Fill, ...]) -> dict[str, str]:
    return {f.fill_id: f"{f.side} {_plain(f.quantity)} {f.symbol} at {_plain(f.price)}" for f in fills}


def _orders(ours: LedgerView, broker: BrokerView, over: bool) -> Iterator[Break]:
    """An order intended but never seen at the broker is no break: nothing was traded."""
    listed = {order.client_order_id for order in broker.orders}
    for order_id, status in sorted(ours.orders.items()):
        if order_id not in listed and status not in _NEVER_LISTED:
            key = parse(order_id)
            yield Break("order_missing", order_id, status, ABSENT, key.symbol if key else "")
    for order in broker.orders:
        yield from _order(order, ours, over)


_NEVER_LISTED = frozenset({OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.DENIED, OrderStatus.REJECTED})


def _order(order: BrokerOrder, ours: LedgerView, over: bool) -> Iterator[Break]:
    """Somebody else's order is a break while it works; what it has traded is in the fills."""
    name, symbol, known = order.client_order_id, order.symbol, ours.orders.get(order.client_order_id)
    if known is None:
        if not order.status.terminal:
            yield Break("order_foreign", name, ABSENT, f"{order.side} {symbol} {order.status}", symbol)
        return
    if known.terminal and known != order.status:
        yield Break("order_status", name, known, order.status, symbol)
    elif over and not order.status.terminal:
        yield Break("order_open", name, known, order.status, symbol)
    filled = sum((f.quantity for f in ours.fills if f.broker_order_id == order.broker_order_id), Decimal(0))
    if filled != order.filled_quantity:
        yield Break("filled_quantity", name, _plain(filled), _plain(order.filled_quantity), symbol)


def _cents(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.01"), ROUND_HALF_UP), "f")


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")

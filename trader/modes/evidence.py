"""What both sides say at the end of a day: the broker's word gathered, its news recorded, the ledger's view made."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import structlog

from trader.accounting import valuation
from trader.accounting.book import BOOK_KINDS, close_of_day, opening_book
from trader.accounting.postings import apply_fill
from trader.domain.journal import AccountOpened, DayClosed, FillRecorded
from trader.domain.market import SessionDay
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding
from trader.execution.reconciliation import Break, BrokerView, LedgerView, reconcile
from trader.modes.desk import Desk
from trader.modes.following import record_fills
from trader.modes.planning import begin_again
from trader.modes.tape import Tape

log = structlog.get_logger()
_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def read_broker(desk: Desk, sessions: Sequence[SessionDay]) -> BrokerView:
    """The account now, and the orders and fills of these sessions."""
    orders = tuple(order for session in sessions for order in desk.broker.orders_of(session))
    fills = tuple(fill for session in sessions for fill in desk.broker.fills_of(session))
    return BrokerView(desk.broker.account(), desk.broker.positions(), orders, fills)


def ensure_account(desk: Desk, day: date, broker: BrokerView) -> None:
    """Open the account of a ledger that was lost or is new: with the book of the plan's file, else the broker's.

    The book is that before every fill the ledger does not have yet, so that each of them counts once.
    """
    if desk.ledger.latest(AccountOpened) is not None:
        return
    recorded = {fill.fill_id for fill in _recorded_fills(desk, day)}
    plan = desk.plans.read(day)
    number = broker.account.account_number
    if plan is not None and not recorded:
        begin_again(desk, plan, number)
        log.warning("PORTFOLIO the ledger was lost; it begins again with the book of today's plan file")
        return
    missing = [fill for fill in broker.fills if fill.fill_id not in recorded]
    desk.ledger.append(AccountOpened(day, number, _book_before(missing, broker, day)))
    log.info("PORTFOLIO account opened from the broker's cash, positions and fills")


def record_news(tapes: Sequence[Tape], broker: BrokerView) -> None:
    """Record what is new of our orders, and every fill of theirs that is not in the ledger yet."""
    for tape in tapes:
        tape.observe(broker.orders)
        record_fills(tape, broker.fills)


def judge(desk: Desk, day: date, tapes: Sequence[Tape], broker: BrokerView) -> tuple[DayClosed, tuple[Break, ...]]:
    """The end of the day as the ledger has it, and where the broker disagrees."""
    book, realised = close_of_day(desk.ledger.entries(kinds=BOOK_KINDS), day)
    fills = tuple(fill for tape in tapes for fill in _recorded_fills(desk, tape.day))
    marks = _marks(desk, book, fills, broker)
    equity_usd = valuation.equity_usd(book, marks)
    statuses = {view.client_order_id: view.status for tape in tapes for view in tape.views.values()}
    breaks = reconcile(LedgerView(book, equity_usd, statuses, fills), broker)
    realised_usd = sum((lot.realised_usd for lot in realised), Decimal(0))
    return DayClosed(day, book, tuple(sorted(marks.items())), equity_usd, realised_usd, len(breaks)), breaks


def _recorded_fills(desk: Desk, day: date) -> list[Fill]:
    entries = desk.ledger.entries(day, (FillRecorded,))
    return [entry.event.fill for entry in entries if isinstance(entry.event, FillRecorded)]


def _marks(desk: Desk, book: Book, fills: Sequence[Fill], broker: BrokerView) -> dict[str, Decimal]:
    """The broker's price of each holding; for one that the broker does not have, the last price we know."""
    before = desk.ledger.latest(DayClosed)
    known = dict(before.event.marks) if before and isinstance(before.event, DayClosed) else {}
    known |= {fill.symbol: fill.price for fill in fills}
    known |= {position.symbol: position.price for position in broker.positions}
    return {held.symbol: known.get(held.symbol, _cost(held)) for held in book.holdings}


def _book_before(fills: Sequence[Fill], broker: BrokerView, day: date) -> Book:
    """What the broker holds, with these fills undone; lots at the broker's average cost."""
    book = opening_book(broker.account.cash_usd, broker.positions, day)
    for fill in reversed(fills):
        book, _ = apply_fill(book, replace(fill, side=_OPPOSITE[fill.side]), day)
    return book


def _cost(holding: Holding) -> Decimal:
    return (holding.cost_usd / holding.quantity).quantize(Decimal("0.0001"))

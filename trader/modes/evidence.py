"""What both sides say: the broker's word gathered, its news recorded, the ledger's view made and compared with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import structlog

from trader.accounting import valuation
from trader.accounting.book import BOOK_KINDS, close_of_day, opening_book, posted
from trader.accounting.postings import apply_fill
from trader.domain.journal import AccountOpened, Adjusted, DayClosed, FillRecorded
from trader.domain.market import SessionDay, exchange_date
from trader.domain.orders import Fill, Side
from trader.domain.portfolio import Book, Holding
from trader.execution.breaks import BREAK_KINDS, explained
from trader.execution.classification import explain
from trader.execution.reconciliation import Break, BrokerView, LedgerView, reconcile
from trader.modes.desk import Desk
from trader.modes.following import record_fills
from trader.modes.opening import LATE, begin_again, open_with
from trader.modes.tape import Tape

log = structlog.get_logger()
_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
_LISTED_AFTER = timedelta(minutes=5)  # an order of ours is listed by then: what has traded without one is not ours


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the ledger would close the day with, after these adjustments, and where the broker disagrees even so."""

    closed: DayClosed
    adjustments: tuple[Adjusted, ...]
    breaks: tuple[Break, ...]


def unclosed_sessions(desk: Desk, session: SessionDay) -> tuple[SessionDay, ...]:
    """The sessions since the last closed day, so that a day whose end was missed is made good by the next."""
    closed, opened = desk.ledger.latest(DayClosed), desk.ledger.latest(AccountOpened)
    since = opened.event.session_date if opened else session.date
    if closed is not None:
        since = max(since, closed.event.session_date + timedelta(days=1))
    return desk.calendar.sessions(min(since, session.date), session.date)


def read_broker(desk: Desk, sessions: Sequence[SessionDay]) -> BrokerView:
    """The account now, the orders and fills of these sessions, and what was booked until then."""
    orders = tuple(order for session in sessions for order in desk.broker.orders_of(session))
    fills = tuple(fill for session in sessions for fill in desk.broker.fills_of(session))
    booked = desk.broker.activities(sessions[0].date - LATE, sessions[-1].date)
    return BrokerView(desk.broker.account(), desk.broker.positions(), orders, fills, booked)


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
    open_with(desk, day, number, _book_before(missing, broker, day), "broker", broker.activities)
    log.info("PORTFOLIO account opened from the broker's cash, positions and fills")


def record_news(desk: Desk, tapes: Sequence[Tape], broker: BrokerView) -> None:
    """Record what is new of our orders, and every fill that the ledger does not have, those of others among them."""
    for tape in tapes:
        tape.observe(broker.orders)
        record_fills(tape, broker.fills)
        _record_trades_by_hand(desk, tape, broker)


def _record_trades_by_hand(desk: Desk, tape: Tape, broker: BrokerView) -> None:
    """A fill of an order that is not ours is a fact, too; one whose order is not listed yet may still be ours."""
    foreign = {o.broker_order_id for o in broker.orders if o.client_order_id not in tape.views}
    ours = {view.broker_order_id for view in tape.views.values()}
    known = {fill.fill_id for fill in _recorded_fills(desk, tape.day)}
    unlisted_before = desk.clock.now() - _LISTED_AFTER
    for fill in broker.fills:
        today = exchange_date(fill.at) == tape.day
        if not today or fill.fill_id in known or fill.broker_order_id in ours:
            continue
        if fill.broker_order_id in foreign or fill.at < unlisted_before:
            desk.ledger.append(FillRecorded(tape.day, "", fill))
            log.warning(
                "PORTFOLIO trade by hand recorded",
                symbol=fill.symbol,
                side=fill.side.value,
                quantity=str(fill.quantity),
                price=str(fill.price),
            )


def judge(desk: Desk, day: date, tapes: Sequence[Tape], broker: BrokerView, over: bool) -> Judgement:
    """The ledger's word for the day, what the broker's records explain of the difference, and what nothing explains."""
    book, realised = close_of_day(desk.ledger.entries(kinds=BOOK_KINDS, since=desk.ledger.latest(DayClosed)), day)
    number = _account_number(desk)
    adjustments = _explanations(desk, day, book, broker) if number == broker.account.account_number else ()
    book, earned = posted(book, adjustments)
    fills = tuple(fill for tape in tapes for fill in _recorded_fills(desk, tape.day))
    marks = _marks(desk, book, fills, broker)
    equity_usd = valuation.equity_usd(book, marks)
    statuses = {view.client_order_id: view.status for tape in tapes for view in tape.views.values()}
    ours = LedgerView(book, equity_usd if over else None, statuses, fills, number)
    settled = explained(entry.event for entry in desk.ledger.entries(kinds=BREAK_KINDS))
    breaks = tuple(each for each in reconcile(ours, broker, over) if each not in settled)
    realised_usd = sum((lot.realised_usd for lot in (*realised, *earned)), Decimal(0))
    closed = DayClosed(day, book, tuple(sorted(marks.items())), equity_usd, realised_usd, len(breaks))
    return Judgement(closed, adjustments, breaks)


def _explanations(desk: Desk, day: date, book: Book, broker: BrokerView) -> tuple[Adjusted, ...]:
    known = _known_activities(desk)
    groups = {activity.group_id for activity in broker.activities if activity.activity_id in known}
    news = [activity for activity in broker.activities if activity.group_id not in groups]
    held = {holding.symbol: holding.quantity for holding in book.holdings if holding.quantity}
    return explain(day, held, book.cash_usd, broker.shares, broker.account.cash_usd, news)


def _known_activities(desk: Desk) -> set[str]:
    """The broker's activities that the book has in it."""
    known: set[str] = set()
    for entry in desk.ledger.entries(kinds=(AccountOpened, Adjusted)):
        match entry.event:
            case AccountOpened(contains=contains):
                known |= set(contains)
            case Adjusted(evidence=evidence):
                known.add(evidence)
            case _:
                pass
    return known


def _account_number(desk: Desk) -> str:
    opened = desk.ledger.latest(AccountOpened)
    return opened.event.account_number if opened and isinstance(opened.event, AccountOpened) else ""


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

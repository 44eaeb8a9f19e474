"""A person's word on an open break: the broker's side is taken over into the book, and the symbol is traded again."""

from decimal import Decimal

import structlog

from trader.accounting.adjustments import ACCOUNT, cost_of
from trader.accounting.postings import lots_of
from trader.domain.errors import ChecksFailed
from trader.domain.journal import Adjusted, BreakResolved
from trader.domain.portfolio import Book
from trader.execution.reconciliation import REMEDIES
from trader.modes.desk import Desk
from trader.modes.evidence import unclosed_sessions
from trader.modes.reconcile import current_session, record, settle

log = structlog.get_logger()


def resolve(desk: Desk, subject: str, reason: str, by: str) -> Adjusted | None:
    """Resolve the open breaks of a symbol, or of `account`; what was taken over, None when nothing had to be.

    Both sides are compared once more before. Raises ChecksFailed when nothing is open there, or the account is another.
    """
    session, symbol = current_session(desk), "" if subject == ACCOUNT else subject
    judgement = settle(desk, unclosed_sessions(desk, session), over=False)
    left = [each for each in record(desk, session.date, judgement).open if each.symbol == symbol]
    if not left:
        raise ChecksFailed(f"no break of {subject} is open", "`trader breaks` lists those that are.")
    if any(each.code == "account_reset" for each in left):
        raise ChecksFailed("the broker has another account than the ledger", REMEDIES["account_reset"])
    quantity, cash_usd, cost_usd = _difference(desk, judgement.closed.book, symbol)
    detail = f"{reason} ({by})"
    adjusted = Adjusted(session.date, "resolved", symbol, quantity, cash_usd, "", detail, cost_usd=cost_usd)
    taken_over = adjusted if quantity or cash_usd else None
    resolved = BreakResolved(session.date, symbol, reason, by)
    desk.ledger.append(*((taken_over,) if taken_over else ()), resolved)
    log.warning("PORTFOLIO break resolved", subject=subject, reason=reason, by=by)
    return taken_over


def _difference(desk: Desk, book: Book, symbol: str) -> tuple[Decimal, Decimal, Decimal]:
    """Shares, cash and cost that the book lacks; shares that come count with the broker's average price."""
    if not symbol:
        return Decimal(0), desk.broker.account().cash_usd - book.cash_usd, Decimal(0)
    held = next((each for each in desk.broker.positions() if each.symbol == symbol), None)
    quantity = (held.quantity if held else Decimal(0)) - book.quantity_of(symbol)
    price = held.average_entry_price if held else Decimal(0)
    return quantity, Decimal(0), cost_of(lots_of(book, symbol), quantity, price)

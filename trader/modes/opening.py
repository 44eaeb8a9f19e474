"""Beginning a ledger: with the broker's book, or with that of a plan's file."""

from collections.abc import Iterable
from datetime import date, timedelta

from trader.accounting.book import opening_book
from trader.domain.canonical import digest
from trader.domain.journal import AccountOpened, PlanCommitted
from trader.domain.plan import Plan
from trader.domain.portfolio import Activity, Book
from trader.modes.desk import Desk

LATE = timedelta(days=7)
"""How long after its date the broker may still book something."""


def open_with(desk: Desk, day: date, account_number: str, book: Book, source: str, booked: Iterable[Activity]) -> None:
    """Write the account's first entry; what the broker has `booked` is in the book already, and never counts again."""
    contains = tuple(activity.activity_id for activity in booked)
    desk.ledger.append(AccountOpened(day, account_number, book, source, contains))


def open_from_broker(desk: Desk, day: date, book: Book | None = None, source: str = "broker") -> Book:
    """Begin, or begin anew, with what the broker holds now, or with `book` in which lots are known; that book."""
    account, booked = desk.broker.account(), desk.broker.activities(day - LATE, day)
    begun = book or opening_book(account.cash_usd, desk.broker.positions(), day)
    open_with(desk, day, account.account_number, begun, source, booked)
    return begun


def begin_again(desk: Desk, plan: Plan, account_number: str) -> None:
    """Commit a plan file's plan to a ledger without it, after the book the day began with."""
    day = plan.session_date
    if desk.ledger.latest(AccountOpened) is None:
        booked = desk.broker.activities(day - LATE, day - timedelta(days=1))
        open_with(desk, day, account_number, plan.book, "plan_file", booked)
    desk.ledger.append(PlanCommitted(day, digest(plan), plan))

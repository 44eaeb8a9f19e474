"""What was compared at the end of the day, as rows: a check that found a break shows both sides."""

from collections.abc import Sequence
from decimal import Decimal

from trader.domain.journal import DayClosed
from trader.execution.reconciliation import Break
from trader.reporting.day_report import Check
from trader.reporting.formats import usd

_MONEY = frozenset({"cash", "equity"})


def checks_of(closed: DayClosed, breaks: Sequence[Break], fills: int, orders: int) -> tuple[Check, ...]:
    """One row for each thing that was compared."""
    held = len(closed.book.holdings)
    return (
        _check("Cash", ("cash",), usd(closed.book.cash_usd, 2), breaks),
        _check("Positions", ("position",), f"{held} symbols", breaks),
        _check("Equity", ("equity",), usd(closed.equity_usd, 2), breaks),
        _check("Fills", ("missed_fill", "phantom_fill", "fill_differs", "filled_quantity"), str(fills), breaks),
        _check("Orders", ("order_status", "order_missing", "order_foreign", "order_open"), str(orders), breaks),
        _check("Account", ("account_reset",), "the same", breaks),
    )


def _check(name: str, codes: Sequence[str], ours: str, breaks: Sequence[Break]) -> Check:
    found = [each for each in breaks if each.code in codes]
    if not found:
        return Check(name, True, ours, ours)
    theirs = usd(Decimal(found[0].broker), 2) if found[0].code in _MONEY else f"{len(found)} different"
    return Check(name, False, ours, theirs)

"""What `trader audit` shows: a day's orders in a table, or one order with its POST and the answer as rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trader.cli.output import Row, print_facts, print_table

if TYPE_CHECKING:
    from trader.modes.audit import AuditLine, DayAudit, OrderAudit

_ANSWERS: Mapping[str, str] = {"order_observed": "accepted", "order_rejected": "refused", "submit_unknown": "unclear"}
"""The journal entries that tell how a POST went; the first of an order stands for its answer."""
_ORDERS = ("order", "signal", "limits passed", "POST", "shares", "filled", "fills", "status")


def print_day(found: "DayAudit") -> None:
    """A row an order, then what is about no single one."""
    print_facts(f"Session {found.session_date}", _made_by(found))
    if found.orders:
        print_table("Orders", _ORDERS, [_order(each) for each in found.orders])
    _print_trail(found.trail)


def print_order(found: "OrderAudit") -> None:
    """From signal to last fill."""
    target = [("signal", found.target.signal), ("target weight", found.target.weight)] if found.target else []
    print_facts(
        found.client_order_id,
        [
            *_made_by(found),
            *target,
            ("limits passed", "; ".join(found.checks) or None),
            ("shares", found.quantity),
            ("filled", found.filled_quantity),
            ("status", found.status),
        ],
    )
    _print_trail(found.trail)


def _made_by(found: "DayAudit | OrderAudit") -> list[tuple[str, object]]:
    names = ("release", "config", "model", "data")
    made = [(name, getattr(found.provenance, name)) for name in names] if found.provenance else []
    return [("plan", found.plan_hash or None), *made]


def _order(found: "OrderAudit") -> Row:
    answer = _answer(found.trail)
    fills = sum(line.what == "fill_recorded" for line in found.trail)
    signal = found.target.signal if found.target else None
    posted = _ANSWERS[answer.what] if answer else None
    shares = (found.quantity, found.filled_quantity)
    return (found.client_order_id, signal, len(found.checks), posted, *shares, fills, found.status)


def _answer(trail: "Sequence[AuditLine]") -> "AuditLine | None":
    return next((line for line in trail if line.what in _ANSWERS), None)


def _print_trail(trail: "Sequence[AuditLine]") -> None:
    answer = _answer(trail)
    rows = [(line.seq, f"{line.at:%Y-%m-%d %H:%M:%S}", _words(line, answer), line.detail) for line in trail]
    print_table("Journal", ("", "at, UTC", "what", ""), rows)


def _words(line: "AuditLine", answer: "AuditLine | None") -> str:
    if line is answer:
        return f"POST answered: {_ANSWERS[line.what]}"
    return "intent committed" if line.what == "order_intended" else line.what.replace("_", " ")

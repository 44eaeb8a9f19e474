"""Following orders to their end: look, record what is new, cancel what must not work on."""

from collections.abc import Iterable
from datetime import timedelta

import structlog

from trader.domain.errors import CancelRefused
from trader.domain.journal import BreakerTripped, CancelRequested, FillRecorded
from trader.domain.market import SessionDay
from trader.domain.orders import Fill, OrderStatus
from trader.execution.order_state import OrderView
from trader.execution.submission import REPRICE
from trader.modes.desk import Desk
from trader.modes.tape import Tape

log = structlog.get_logger()
_HANGING = timedelta(seconds=60)


def look(desk: Desk, session: SessionDay, tape: Tape) -> None:
    """Record every change of our orders, and the fills behind them; say so when a cancel hangs."""
    tape.observe(desk.broker.orders_of(session))
    if any(view.fills_missing for view in tape.views.values()):
        record_fills(tape, desk.broker.fills_of(session))
    _report_hanging(desk, tape)


def working(tape: Tape) -> tuple[OrderView, ...]:
    """Our orders that the broker has and that are not at their end."""
    return tuple(v for v in tape.views.values() if v.broker_order_id and not v.status.terminal)


def cancel_all(desk: Desk, tape: Tape, reason: str) -> None:
    """Ask for the cancel of every working order the broker has not begun to cancel; the end is seen by looking."""
    cancel(desk, tape, working(tape), reason)


def cancel(desk: Desk, tape: Tape, views: Iterable[OrderView], reason: str) -> None:
    """Ask for the cancel of these; `reason` decides what becomes of the remainder, see CancelRequested."""
    for view in views:
        if view.status is OrderStatus.PENDING_CANCEL or view.broker_order_id is None:
            continue
        if view.cancel_reason is None or (view.cancel_reason == REPRICE and reason != REPRICE):
            tape.record(CancelRequested(tape.day, view.client_order_id, reason))
        try:
            desk.broker.cancel(view.broker_order_id)
        except CancelRefused as error:
            log.info("ORDER cancel refused", client_order_id=view.client_order_id, reason=error.reason)
        else:
            log.info("ORDER cancel requested", client_order_id=view.client_order_id, reason=reason)


def _report_hanging(desk: Desk, tape: Tape) -> None:
    """A cancel that the broker neither carries out nor refuses: no order may take its place, and a person must know."""
    now = desk.clock.now()
    for view in working(tape):
        place = ("cancel_hangs", view.key.symbol)
        if view.cancel_asked_at is None or now < view.cancel_asked_at + _HANGING or place in tape.tripped:
            continue
        waited, limit = (f"{span.total_seconds():.0f} s" for span in (now - view.cancel_asked_at, _HANGING))
        tape.record(BreakerTripped(tape.day, *place, waited, limit, "alert"))
        log.error("RISK a cancel hangs; nothing takes the order's place", client_order_id=view.client_order_id)


def record_fills(tape: Tape, fills: Iterable[Fill]) -> None:
    """Record the fills of our orders that the ledger does not have yet."""
    ours = {view.broker_order_id: view for view in tape.views.values() if view.broker_order_id}
    for fill in fills:
        view = ours.get(fill.broker_order_id)
        if view is not None and fill.fill_id not in tape.views[view.client_order_id].fills:
            tape.record(FillRecorded(tape.day, view.client_order_id, fill))
            log.info(
                "EXECUTION fill",
                client_order_id=view.client_order_id,
                quantity=str(fill.quantity),
                price=str(fill.price),
            )

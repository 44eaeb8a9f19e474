"""Sending orders: the gate, the intent on disk, one POST, and what to make of the answer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import structlog

from trader.decision.admission import ApprovedOrder, admit, intended, may_open, readmit
from trader.domain.errors import DuplicateOrder, OrderRejected, SubmitOutcomeUnknown
from trader.domain.journal import OrderDenied, OrderRefused, SubmitUnknown
from trader.domain.market import Quote
from trader.domain.orders import OrderKey
from trader.domain.plan import Denial
from trader.execution.identifiers import client_order_id
from trader.execution.submission import NextStep, key_of
from trader.modes.work import Work, gate_state

log = structlog.get_logger()
_CHUNK = 20  # orders sent on one set of quotes, so that none of them is old when its turn comes


def opening_is_barred(work: Work) -> str | None:
    """Why no opener may be sent now; None when it may."""
    return may_open(gate_state(work, Decimal(1), ""))


def send_all(work: Work, steps: Sequence[NextStep]) -> None:
    """Send these, a few at a time on fresh quotes; ends early on a halt, a stop, or an answer that is unclear."""
    for start in range(0, len(steps), _CHUNK):
        chunk = steps[start : start + _CHUNK]
        quotes = work.desk.market.quotes([step.intent.symbol for step in chunk])
        for step in chunk:
            if work.desk.stop.requested() or not _send(work, step, quotes):
                return
            work.desk.progress("orders sent", step.intent.sequence + 1, len(work.plan.intents))


def look_up(work: Work, step: NextStep) -> bool:
    """Ask whether an order of unknown outcome is there; POST the same id again once its absence is proved.

    True when the answer is clear: it is there, or it is absent and may not be sent now.
    """
    desk, view = work.desk, step.view
    assert view is not None
    found = desk.broker.order_by_client_id(view.client_order_id)
    if found is not None:
        work.tape.observe([found])
        return True
    proved_at = view.unsure_since + timedelta(seconds=desk.policies.execution.unknown_grace_s)
    if desk.clock.now() < proved_at or view.intended is None:
        return False
    state = gate_state(work, step.intent.reference_price, view.key.symbol)
    verdict = readmit(view.intended, step.intent.reduces, state)
    if _is_held_back(verdict):
        return True
    if isinstance(verdict, ApprovedOrder):
        _unclear(work, view.client_order_id, "absent at the broker, the same id is sent again")
    return _post(work, verdict, view.key, view.quantity)


def _send(work: Work, step: NextStep, quotes: Mapping[str, Quote]) -> bool:
    request = step.request
    assert request is not None
    verdict = admit(request, quotes.get(request.symbol), gate_state(work, step.intent.reference_price, request.symbol))
    key = key_of(work.plan, step.intent, step.generation)
    if _is_held_back(verdict):
        return False
    if isinstance(verdict, ApprovedOrder):
        work.tape.record(intended(work.session.date, key, verdict, work.plan.provenance))
    return _post(work, verdict, key, request.quantity)


def _is_held_back(verdict: ApprovedOrder | Denial) -> bool:
    """Whether trading is barred for now: the order is not denied, it is sent when trading is resumed."""
    return isinstance(verdict, Denial) and verdict.code == "trading_state"


def _post(work: Work, verdict: ApprovedOrder | Denial, key: OrderKey, quantity: Decimal) -> bool:
    """One POST at most; whether its outcome is known."""
    day, tape, order_id = work.session.date, work.tape, client_order_id(key)
    bound = log.bind(client_order_id=order_id)
    if isinstance(verdict, Denial):
        tape.record(OrderDenied(day, order_id, key.side, quantity, verdict))
        bound.warning("RISK order denied", code=verdict.code, detail=verdict.detail)
        return True
    try:
        order = work.desk.broker.submit(verdict)
    except OrderRejected as error:
        tape.record(OrderRefused(day, order_id, error.status_code, error.code, error.reason))
        bound.warning("ORDER rejected", reason=error.reason)
    except DuplicateOrder:
        return _unclear(work, order_id, "the broker holds this id already")
    except SubmitOutcomeUnknown as error:
        return _unclear(work, order_id, error.cause)
    else:
        bound.info("ORDER sent", quantity=str(quantity), limit=str(verdict.limit_price))
        tape.observe([order])
    return True


def _unclear(work: Work, client_order_id: str, cause: str) -> bool:
    work.tape.record(SubmitUnknown(work.session.date, client_order_id, cause))
    log.warning("ORDER outcome unknown", client_order_id=client_order_id, cause=cause)
    return False

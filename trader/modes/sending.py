"""Sending orders: the gate, the intent on disk, one POST, and what to make of the answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from trader.decision.admission import ApprovedOrder, admit, intended, readmit
from trader.decision.gate_state import ACCOUNT
from trader.decision.order_rules import may_open
from trader.domain.errors import DuplicateOrder, OrderRejected, SubmitOutcomeUnknown
from trader.domain.journal import OrderDenied, OrderRefused, SubmitUnknown
from trader.domain.market import Quote
from trader.domain.orders import OrderRequest
from trader.domain.plan import Denial
from trader.execution.submission import REPRICE, NextStep, Step, key_of
from trader.modes.tape import Refusal
from trader.modes.work import Work, gate_state

log = structlog.get_logger()
_CHUNK = 20  # orders sent on one set of quotes, so that none of them is old when its turn comes
_AGAIN = timedelta(seconds=15)  # how long after a refusal that may pass the gate is asked again
_PASSING = frozenset(
    {
        "no_quote",
        "quote_age",
        "max_spread_bps",
        "price_collar_bps",
        "tradable",
        "wash_trade",
        "crosses_zero",
        "position",
        "buying_power",  # orders that end free what they bound, and sales bring money
    }
)


def opening_is_barred(work: Work) -> str | None:
    """Why no opener may be sent now; None when it may."""
    return may_open(gate_state(work, Decimal(1), ACCOUNT))


def is_ready(work: Work, step: NextStep) -> bool:
    """Whether an order may be put to the gate: never refused, or long enough ago."""
    refusal = _refusal(work, step)
    return refusal is None or work.desk.clock.now() >= ready_at(refusal)


def ready_at(refusal: Refusal) -> datetime:
    """When the gate is asked again."""
    return refusal.at + _AGAIN


def send_all(work: Work, steps: Sequence[NextStep]) -> None:
    """Send these, a few at a time on fresh quotes; ends early on a halt, a stop, or an answer that is unclear.

    A refusal that may pass is noted and the order tried again later.
    """
    for start in range(0, len(steps), _CHUNK):
        chunk = steps[start : start + _CHUNK]
        quotes = work.desk.market.quotes([step.intent.symbol for step in chunk])
        for step in chunk:
            if work.desk.stop.requested() or not _send(work, step, quotes):
                return
            work.desk.progress("orders sent", step.intent.sequence + 1, len(work.plan.intents))


def give_up(work: Work, steps: Sequence[NextStep], closing: bool) -> None:
    """Deny for good what was refused so far, or waits for its new price, and whose time is over.

    That is the latest start for what opens, the closing for what reduces.
    """
    policy, opened = work.desk.policies.execution, work.session.open_at
    late = work.desk.clock.now() > opened + timedelta(seconds=policy.latest_start_s)
    for step in steps:
        if step.step is Step.SEND and (closing or (late and not step.intent.reduces)):
            refusal = _refusal(work, step)
            if refusal is not None:
                _deny(work, step.request, refusal.denial)
            elif step.view is not None and step.view.cancel_reason == REPRICE:
                _deny(work, step.request, Denial(step.intent.symbol, "latest_start_s", "no time left for a new price"))


def _refusal(work: Work, step: NextStep) -> Refusal | None:
    return work.tape.refusals.get(step.request.client_order_id) if step.request else None


def _deny(work: Work, request: OrderRequest | None, denial: Denial, passing: bool = False) -> None:
    assert request is not None
    name, side, quantity = request.client_order_id, request.side, request.quantity
    work.tape.record(OrderDenied(work.session.date, name, side, quantity, denial, passing))
    what = "RISK order held back, to be tried again" if passing else "RISK order denied"
    log.warning(what, client_order_id=name, code=denial.code, detail=denial.detail)


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
    if isinstance(verdict, ApprovedOrder):
        _unclear(work, view.client_order_id, "absent at the broker, the same id is sent again")
        return _post(work, verdict)
    if not _is_held_back(verdict) and verdict.code not in _PASSING:
        key = view.key
        _deny(
            work, OrderRequest(view.client_order_id, key.symbol, key.side, view.quantity, step.intent.reduces), verdict
        )
    return True


def _send(work: Work, step: NextStep, quotes: Mapping[str, Quote]) -> bool:
    request = step.request
    assert request is not None
    verdict = admit(request, quotes.get(request.symbol), gate_state(work, step.intent.reference_price, request.symbol))
    if isinstance(verdict, ApprovedOrder):
        key = key_of(work.plan, step.part, step.generation)
        work.tape.record(intended(work.session.date, key, verdict, work.plan.provenance))
        return _post(work, verdict)
    if _is_held_back(verdict):
        return False
    if verdict.code not in _PASSING:
        _deny(work, request, verdict)
    elif _refusal(work, step) is None:
        _deny(work, request, verdict, passing=True)
    else:
        work.tape.refuse(request.client_order_id, verdict)
    return True


def _is_held_back(denial: Denial) -> bool:
    """Whether trading is barred for now: the order is not denied, it is sent when trading is resumed."""
    return denial.code == "trading_state"


def _post(work: Work, order: ApprovedOrder) -> bool:
    """One POST; whether its outcome is known."""
    day, tape, order_id = work.session.date, work.tape, order.client_order_id
    bound = log.bind(client_order_id=order_id)
    try:
        placed = work.desk.broker.submit(order)
    except OrderRejected as error:
        tape.record(OrderRefused(day, order_id, error.status_code, error.code, error.reason))
        bound.warning("ORDER rejected", reason=error.reason)
    except DuplicateOrder:
        return _unclear(work, order_id, "the broker holds this id already")
    except SubmitOutcomeUnknown as error:
        return _unclear(work, order_id, error.cause)
    else:
        bound.info(
            "ORDER sent", type=order.order_type.value, quantity=str(order.quantity), limit=str(order.limit_price)
        )
        tape.observe([placed])
    return True


def _unclear(work: Work, client_order_id: str, cause: str) -> bool:
    work.tape.record(SubmitUnknown(work.session.date, client_order_id, cause))
    log.warning("ORDER outcome unknown", client_order_id=client_order_id, cause=cause)
    return False

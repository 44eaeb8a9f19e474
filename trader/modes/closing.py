"""Closing positions: cancel, wait for the end, sell out of what the broker says is held, and look again.

Nothing is remembered between two steps but the day's tape, so a step after a SIGKILL is an ordinary step. Closing
orders are numbered by symbol after those the broker knows: a process that starts again arrives at the id of an order
that may be on its way, and the broker accepts an id once. The caller holds the orders lease.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from trader.decision.admission import approve_flatten, intended
from trader.domain.errors import (
    BrokerUnavailable,
    CancelRefused,
    DuplicateOrder,
    OrderRejected,
    SubmitOutcomeUnknown,
)
from trader.domain.journal import CancelRequested, OrderRefused, SubmitUnknown
from trader.domain.market import Quote, SessionDay
from trader.domain.orders import FLATTENING, BrokerOrder, OrderKey, OrderRequest, OrderStatus, Purpose, Side
from trader.domain.plan import Provenance
from trader.domain.portfolio import Position
from trader.execution.identifiers import belongs, client_order_id, parse
from trader.execution.order_state import OrderView
from trader.execution.submission import REPRICE, UNCLEAR
from trader.modes.desk import Desk
from trader.modes.tape import Tape

log = structlog.get_logger()
CLOSING = FLATTENING | {Purpose.STOP}
"""Purposes of orders that only close."""
WIDEST_BPS = Decimal(500)
"""No closing order reaches further beyond the touch than this, in basis points."""
_PATIENCE = timedelta(seconds=10)  # with a symbol's first closing order; with each further one twice as much
_DOUBLINGS = 5
_SETTLING = timedelta(seconds=5)  # positions may be told later than the fills behind them
_LONGEST_PAUSE_S = 5


@dataclass(frozen=True, slots=True)
class Flattened:
    """Symbols that were closed, those that are left (held or with a working order), and how often was looked."""

    closed: tuple[str, ...]
    left: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the broker says of some symbols: orders, read before the positions."""

    now: datetime
    orders: tuple[BrokerOrder, ...]
    positions: tuple[Position, ...]

    @property
    def working(self) -> tuple[BrokerOrder, ...]:
        """The orders that may still fill."""
        return tuple(order for order in self.orders if not order.status.terminal)


def flatten(
    desk: Desk,
    session: SessionDay,
    tape: Tape,
    purpose: Purpose,
    symbols: frozenset[str] | None = None,
    at_most: int | None = None,
) -> Flattened:
    """Step after step until the broker proves flat in these symbols (None: in all), to the close or `at_most` times.

    What a breaker has begun gives way to a person's emergency stop, which bars the broker and then closes.
    An outage of the broker is waited out. Raises BrokerUnavailable when it lasts to the end.
    """
    touched: set[str] = set()
    rounds = 0
    while True:
        rounds += 1
        outage, left, barred = None, frozenset[str](), False
        try:
            left = close_step(desk, session, tape, purpose, symbols)
            barred = bool(left) and purpose is Purpose.BREAKER and desk.broker.account().suspended_by_user
        except BrokerUnavailable as error:
            log.warning("ALPACA not answering while positions are closed, trying again", cause=error.cause)
            outage = error
        touched |= left
        if outage is None and not left:
            return Flattened(tuple(sorted(touched)), (), rounds)
        if barred or desk.stop.requested() or rounds == at_most or desk.clock.now() >= session.close_at:
            break
        desk.clock.wait_until(desk.clock.now() + timedelta(seconds=min(2 * rounds, _LONGEST_PAUSE_S)))
    if outage is not None:
        raise outage
    return Flattened(tuple(sorted(touched - left)), tuple(sorted(left)), rounds)


def close_step(
    desk: Desk, session: SessionDay, tape: Tape, purpose: Purpose, symbols: frozenset[str] | None = None
) -> frozenset[str]:
    """Look once and do what can be done now; the symbols that are not proved flat yet (of all, when None).

    Waits for nothing: while something is left, call it again after some seconds. Raises BrokerUnavailable.
    """
    scene = _look_around(desk, session, tape, symbols)
    ending = [order for order in scene.working if not _may_work_on(desk, tape, order, scene.now)]
    cancel(desk, tape, ending, purpose.name.lower())
    waiting = {order.symbol for order in scene.working} | _unsure(desk, scene, tape, symbols)
    free = tuple(p for p in scene.positions if p.symbol not in waiting and not _too_soon(tape, p.symbol, scene.now))
    if free and session.open_at <= scene.now < session.close_at:
        close_positions(desk, session, tape, free, purpose)
    return frozenset(waiting | {position.symbol for position in scene.positions})


def _look_around(desk: Desk, session: SessionDay, tape: Tape, symbols: frozenset[str] | None) -> _Scene:
    """Orders first, positions after them: a fill between the two readings is never taken for a holding."""
    found = orders_now(desk, session, tape)
    orders = tuple(order for order in found if symbols is None or order.symbol in symbols)
    held = tuple(p for p in desk.broker.positions() if p.quantity and (symbols is None or p.symbol in symbols))
    return _Scene(desk.clock.now(), orders, held)


def orders_now(desk: Desk, session: SessionDay, tape: Tape) -> tuple[BrokerOrder, ...]:
    """The session's orders and every open one, as the broker has them; ours are recorded. Raises BrokerUnavailable."""
    found = {order.broker_order_id: order for order in desk.broker.open_orders()}
    found |= {order.broker_order_id: order for order in desk.broker.orders_of(session)}
    tape.observe(found.values())
    return tuple(found.values())


def cancel(desk: Desk, tape: Tape, orders: Iterable[BrokerOrder], reason: str) -> None:
    """Ask for the cancel of each whose cancel is not under way; one that is not taken is asked for the next time.

    `reason` decides what becomes of the remainder, see CancelRequested; a new price under way is called off by it.
    """
    for order in orders:
        view, under_way = tape.views.get(order.client_order_id), order.status is OrderStatus.PENDING_CANCEL
        if view is not None and (view.cancel_reason == REPRICE or not (view.cancel_reason or under_way)):
            tape.record(CancelRequested(tape.day, order.client_order_id, reason))
        if under_way:
            continue
        try:
            desk.broker.cancel(order.broker_order_id)
        except (CancelRefused, BrokerUnavailable) as error:
            log.warning("ORDER cancel not taken", client_order_id=order.client_order_id, cause=str(error))


def close_positions(
    desk: Desk, session: SessionDay, tape: Tape, positions: Sequence[Position], purpose: Purpose
) -> None:
    """One closing order for each of these, at the quotes of now. In none of their symbols may an order work."""
    quotes = desk.market.quotes([position.symbol for position in positions])
    for position in positions:
        if desk.stop.requested():
            return
        quote = quotes.get(position.symbol)
        if quote is None or quote.bid <= 0 or quote.ask < quote.bid:
            log.error("RISK no quote to close with", symbol=position.symbol)
        else:
            _close(desk, session, tape, position, quote, purpose)


def _close(desk: Desk, session: SessionDay, tape: Tape, position: Position, quote: Quote, purpose: Purpose) -> None:
    policy, side = desk.policies.execution, Side.SELL if position.quantity > 0 else Side.BUY
    number = _next_number(tape, position.symbol, purpose)
    key = OrderKey(policy.account, policy.strategy, session.date, position.symbol, side, purpose, number, 0, 0)
    request = OrderRequest(client_order_id(key), position.symbol, side, abs(position.quantity), reduces=True)
    order = approve_flatten(request, position, quote, collar_bps(policy.collar_bps, number))
    tape.record(intended(session.date, key, order, Provenance(desk.release, desk.config_hash, "", "")))
    bound = log.bind(client_order_id=order.client_order_id)
    try:
        tape.observe([desk.broker.submit(order)])
    except OrderRejected as error:
        tape.record(OrderRefused(tape.day, order.client_order_id, error.status_code, error.code, error.reason))
        bound.error("ORDER to close a position rejected", reason=error.reason)
    except (SubmitOutcomeUnknown, DuplicateOrder) as error:
        tape.record(SubmitUnknown(tape.day, order.client_order_id, str(error)))
        bound.warning("ORDER to close a position: outcome unknown", cause=str(error))


def collar_bps(first_bps: Decimal, number: int) -> Decimal:
    """How far beyond the touch a symbol's closing order may reach: doubled with each that did not fill, at most 500."""
    return max(first_bps, min(first_bps * (1 << min(number, 16)), WIDEST_BPS))


def _may_work_on(desk: Desk, tape: Tape, order: BrokerOrder, now: datetime) -> bool:
    """Whether it is a closing order of today that has not had its time yet; the later ones are given more of it."""
    key, policy = parse(order.client_order_id), desk.policies.execution
    if key is None or key.purpose not in CLOSING or not belongs(key, policy.account, policy.strategy, tape.day):
        return False
    return now < order.submitted_at + _patience(key.sequence)


def _patience(number: int) -> timedelta:
    return _PATIENCE * (1 << min(number, _DOUBLINGS))


def _closing_views(tape: Tape, symbol: str) -> list[OrderView]:
    return [view for view in tape.views.values() if view.key.symbol == symbol and view.key.purpose in CLOSING]


def _next_number(tape: Tape, symbol: str, purpose: Purpose) -> int:
    """One more than those known, or that of an order whose absence is proved: it is sent again under its own id."""
    views = [view for view in _closing_views(tape, symbol) if view.key.purpose is purpose]
    absent = [view.key.sequence for view in views if view.status in UNCLEAR]
    return min(absent) if absent else max((view.key.sequence for view in views), default=-1) + 1


def _too_soon(tape: Tape, symbol: str, now: datetime) -> bool:
    """Whether the broker has just rejected a closing order: it is asked again, at growing intervals."""
    rejected = [view for view in _closing_views(tape, symbol) if view.status is OrderStatus.REJECTED]
    return any(now < view.unsure_since + _patience(view.key.sequence) for view in rejected)


def _unsure(desk: Desk, scene: _Scene, tape: Tape, symbols: frozenset[str] | None) -> set[str]:
    """Symbols in which an order may have come or gone since the broker was asked."""
    grace = timedelta(seconds=desk.policies.execution.unknown_grace_s)
    unclear = [view for view in tape.views.values() if view.status in UNCLEAR]
    found = {view.key.symbol for view in unclear if _may_be_there(desk, tape, view, scene.now - grace)}
    settling = {
        order.symbol
        for order in scene.orders
        if order.status.terminal and order.filled_quantity and abs(scene.now - order.updated_at) < _SETTLING
    }
    return {symbol for symbol in found | settling if symbols is None or symbol in symbols}


def _may_be_there(desk: Desk, tape: Tape, view: OrderView, long_enough: datetime) -> bool:
    """Whether an order of unknown outcome may yet turn up; asked for by its id once it had time to."""
    if view.unsure_since > long_enough:
        return True
    order = desk.broker.order_by_client_id(view.client_order_id)
    if order is not None:
        tape.observe([order])
    return order is not None

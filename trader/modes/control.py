"""The stop controls: halt, resume, and the emergency stop."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from trader.decision.admission import approve_flatten, intended
from trader.domain.errors import BrokerUnavailable, CancelRefused, ChecksFailed, LeaseHeld, TraderError
from trader.domain.journal import CancelRequested, Event, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import BrokerOrder, OrderKey, OrderRequest, OrderStatus, Purpose, Side
from trader.domain.plan import Provenance
from trader.domain.portfolio import Position
from trader.execution.identifiers import belongs, client_order_id, parse
from trader.modes.desk import Desk
from trader.ports.stores import Ledger, StateFile

log = structlog.get_logger()
_ROUND = timedelta(seconds=30)
_ROUNDS = 10
_PAUSE = timedelta(seconds=2)
_LEASE_TRIES = 30


@dataclass(frozen=True, slots=True)
class StopReport:
    """What an emergency stop did, and what it left open (nothing, when all went well)."""

    cancelled: int
    closed: int
    open_orders: tuple[str, ...]
    open_positions: tuple[str, ...]
    suspended: bool


def halt(state: StateFile, ledger: Ledger | None, now: datetime, reason: str, by: str) -> None:
    """Stop sending: a running session cancels its orders and ends. The file counts, the ledger has a copy."""
    state.write(TradingState.HALT, reason)
    _mirror(ledger, StateChanged(now.date(), TradingState.HALT, reason, by))
    log.warning("RISK halted", reason=reason, by=by)


def resume(state: StateFile, ledger: Ledger | None, now: datetime, by: str) -> None:
    """Trade again."""
    state.write(TradingState.ACTIVE, "")
    _mirror(ledger, StateChanged(now.date(), TradingState.ACTIVE, "resumed", by))
    log.warning("RISK resumed", by=by)


def emergency_stop(desk: Desk, reason: str, by: str, flatten: bool) -> StopReport:
    """Halt, cancel every open order, close every position if asked, and have the broker refuse new orders."""
    unwritten: TraderError | None = None
    try:
        halt(desk.state, desk.ledger, desk.clock.now(), reason, by)
    except TraderError as error:  # a state that cannot be written must not keep us from the broker
        unwritten = error
    report = _stop_at_broker(desk, flatten)
    if unwritten is not None:
        raise unwritten
    return report


def _stop_at_broker(desk: Desk, flatten: bool) -> StopReport:
    session = _session(desk)
    try:
        cancelled, left = _cancel_until_gone(desk, session)
        closed = _flatten(desk, session) if flatten else 0
    finally:  # whatever failed before, the broker is barred
        _bar(desk)
    positions = tuple(p.symbol for p in desk.broker.positions()) if flatten else ()
    return StopReport(cancelled, closed, tuple(o.client_order_id for o in left), positions, suspended=True)


def _bar(desk: Desk) -> None:
    """Have the broker refuse new orders; asked for until it is confirmed. Raises BrokerUnavailable in the end."""
    for _ in range(_ROUNDS):
        with suppress(BrokerUnavailable):
            return desk.broker.suspend(True)
        desk.clock.wait_until(desk.clock.now() + _PAUSE)
    return desk.broker.suspend(True)


def _mirror(ledger: Ledger | None, event: Event) -> None:
    """The copy of a stop in the ledger must never hinder the stop."""
    try:
        if ledger is not None:
            ledger.append(event)
    except TraderError as error:
        log.error("RISK the ledger did not take the change of state; the STATE file has it", cause=str(error))


def _session(desk: Desk) -> SessionDay:
    """The session that orders sent now are for: the next to close."""
    now = desk.clock.now()
    coming = desk.calendar.sessions(now.date() - timedelta(days=1), now.date() + timedelta(days=10))
    return next(session for session in coming if now < session.close_at)


def _cancel_until_gone(desk: Desk, session: SessionDay) -> tuple[int, list[BrokerOrder]]:
    asked: set[str] = set()
    working: list[BrokerOrder] = []
    for _ in range(_ROUNDS):
        working = [order for order in desk.broker.orders_of(session) if not order.status.terminal]
        for order in working:
            if order.status is not OrderStatus.PENDING_CANCEL:  # asked for again when the asking got lost
                _cancel(desk, session, order, first=order.broker_order_id not in asked)
                asked.add(order.broker_order_id)
        if not working or desk.stop.requested():
            break
        desk.clock.wait_until(desk.clock.now() + _PAUSE)
    return len(asked), working


def _cancel(desk: Desk, session: SessionDay, order: BrokerOrder, first: bool) -> None:
    policy = desk.policies.execution
    if first and belongs(parse(order.client_order_id), policy.account, policy.strategy, session.date):
        _mirror(desk.ledger, CancelRequested(session.date, order.client_order_id, "halt"))
    try:
        desk.broker.cancel(order.broker_order_id)
    except (CancelRefused, BrokerUnavailable) as error:
        log.warning("ORDER cancel not taken", client_order_id=order.client_order_id, cause=str(error))


def _flatten(desk: Desk, session: SessionDay) -> int:
    """Sell out of what the broker says we hold, round by round, until it says we hold nothing."""
    now = desk.clock.now()
    if not session.open_at <= now < session.close_at:
        raise ChecksFailed("the market is closed: orders are cancelled, positions are as they were", _FLATTEN_LATER)
    closed: set[str] = set()
    with _lease_soon(desk):
        desk.broker.suspend(False)  # barred by an earlier stop, the broker would not take the closing orders
        for _ in range(_ROUNDS):
            _, working = _cancel_until_gone(desk, session)
            busy = {order.symbol for order in working}
            positions = tuple(p for p in desk.broker.positions() if p.symbol not in busy)
            if desk.stop.requested() or not (positions or busy):
                break
            closed |= {position.symbol for position in positions}
            _sell_out(desk, session, positions)
            desk.clock.wait_until(desk.clock.now() + _ROUND)
        _cancel_until_gone(desk, session)
    return len(closed)


@contextmanager
def _lease_soon(desk: Desk) -> Iterator[None]:
    """The orders lease; a running session lets go of it when it sees the halt. Raises LeaseHeld after a minute."""
    with ExitStack() as stack:
        for _ in range(_LEASE_TRIES):
            with suppress(LeaseHeld):
                stack.enter_context(desk.lease.hold())
                break
            desk.clock.wait_until(desk.clock.now() + _PAUSE)
        else:
            stack.enter_context(desk.lease.hold())
        yield


_FLATTEN_LATER = "Run `trader emergency-stop --flatten` again after the open."


def _sell_out(desk: Desk, session: SessionDay, positions: tuple[Position, ...]) -> None:
    quotes = desk.market.quotes([position.symbol for position in positions])
    number = _next_number(desk, session)
    for offset, position in enumerate(positions):
        quote = quotes.get(position.symbol)
        if quote is None:
            log.error("RISK no quote to close with", symbol=position.symbol)
            continue
        side = Side.SELL if position.quantity > 0 else Side.BUY
        policy = desk.policies.execution
        key = OrderKey(
            policy.account, policy.strategy, session.date, position.symbol, side, Purpose.FLATTEN, number + offset, 0, 0
        )
        request = OrderRequest(client_order_id(key), position.symbol, side, abs(position.quantity), reduces=True)
        order = approve_flatten(request, position, quote, policy.collar_bps)
        none = Provenance(desk.release, desk.config_hash, "", "")
        _mirror(desk.ledger, intended(session.date, key, order, none))
        try:
            desk.broker.submit(order)
        except TraderError as error:
            log.error("ORDER to close a position not taken", client_order_id=order.client_order_id, cause=str(error))


def _next_number(desk: Desk, session: SessionDay) -> int:
    keys = (parse(order.client_order_id) for order in desk.broker.orders_of(session))
    used = [key.sequence for key in keys if key is not None and key.purpose is Purpose.FLATTEN]
    return max(used, default=-1) + 1

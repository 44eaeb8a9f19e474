"""The emergency stop: halt, cancel everything, close every position if asked, bar the broker; whatever fails meanwhile.

It needs the broker and its keys. State directory, ledger, lease and request budget are used where they can be.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import structlog

from trader.domain.errors import BrokerUnavailable, ConfigurationError, LeaseHeld, TraderError
from trader.domain.journal import Entry, Event, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import BrokerOrder, Purpose
from trader.execution.order_state import apply
from trader.modes import closing
from trader.modes.desk import Desk
from trader.modes.tape import Tape

log = structlog.get_logger()
_TRIES = 10
_PAUSE = timedelta(seconds=2)
_LETTING_GO = timedelta(seconds=90)  # beside the time between two looks of a watch, which ends at a halt
_CLOSING_ROUNDS = 75  # about six minutes; a person waits: what is left then is named, and the stop can be run again
_AGAIN = "run `trader emergency-stop --flatten` again"


@dataclass(frozen=True, slots=True)
class StopReport:
    """What an emergency stop did, and what stayed behind (nothing, when all went well).

    `took_s`: seconds by the desk's clock until the broker's orders, and positions if asked, were gone or given up;
    `troubles`: what did not go as asked, and what to do; `unrecorded`: why the ledger has no copy, empty when it has.
    """

    cancelled: int
    closed: tuple[str, ...]
    open_orders: tuple[str, ...]
    open_positions: tuple[str, ...]
    suspended: bool
    took_s: Decimal
    troubles: tuple[str, ...]
    unrecorded: str

    @property
    def clean(self) -> bool:
        """Whether everything that was asked for is done."""
        return not (self.open_orders or self.open_positions or self.troubles)


class StubbornTape(Tape):
    """The day's tape that no ledger holds up: after its first failure the events live in the views alone."""

    def __init__(self, desk: Desk, day: date) -> None:
        self.failure = ""
        try:
            super().__init__(desk, day)
        except (TraderError, ValueError) as error:
            self._give_up(error)

    def record(self, *events: Event) -> None:
        """Commit the events where that can be done, and take them into the views."""
        if not self.failure:
            try:
                return super().record(*events)
            except (TraderError, ValueError) as error:
                self._give_up(error)
        now = self._desk.clock.now()
        for event in events:
            apply(self.views, Entry(0, now, event, ""))
        return None

    def _give_up(self, error: Exception) -> None:
        self.failure = str(error)
        log.error("RISK the ledger does not take the stop, which goes on without it", cause=self.failure)


def emergency_stop(desk: Desk, reason: str, by: str, flatten: bool) -> StopReport:
    """Halt, cancel every open order, close every position if asked, and have the broker refuse new orders.

    Raises BrokerUnavailable when the broker cannot be reached in the end; it is barred whatever else failed.
    """
    troubles = _write_halt(desk, reason)
    began, session = desk.clock.now(), _coming_session(desk)
    tape = StubbornTape(desk, session.date)
    tape.record(StateChanged(session.date, TradingState.HALT, reason, by, flattens=flatten))
    closed: tuple[str, ...] = ()
    try:
        with suppress(BrokerUnavailable):  # at once: what another machine sends from now on is refused
            desk.broker.suspend(True)
        cancelled, working = _cancel_until_gone(desk, session, tape)
        if flatten:
            closed = _close_all(desk, session, tape, troubles)
            working = [order for order in closing.orders_now(desk, session, tape) if not order.status.terminal]
    finally:
        _suspend(desk, suspended=True)
    return StopReport(
        cancelled=cancelled,
        closed=closed,
        open_orders=tuple(order.client_order_id for order in working),
        open_positions=tuple(p.symbol for p in desk.broker.positions() if p.quantity) if flatten else (),
        suspended=True,
        took_s=Decimal(round((desk.clock.now() - began).total_seconds(), 1)).quantize(Decimal("0.1")),
        troubles=tuple(troubles),
        unrecorded=tape.failure,
    )


def _write_halt(desk: Desk, reason: str) -> list[str]:
    """What kept STATE from being written; a full disk must not keep us from the broker."""
    try:
        desk.state.write(TradingState.HALT, reason)
    except ConfigurationError as error:
        log.error("RISK HALT could not be written; the broker is stopped all the same", cause=str(error))
        return [f"HALT could not be written, {error}"]
    return []


def _suspend(desk: Desk, suspended: bool) -> None:
    """Set or lift the broker's own stop; asked for until it is confirmed. Raises BrokerUnavailable in the end."""
    for _ in range(_TRIES):
        with suppress(BrokerUnavailable):
            return desk.broker.suspend(suspended)
        desk.clock.wait_until(desk.clock.now() + _PAUSE)
    return desk.broker.suspend(suspended)


def _coming_session(desk: Desk) -> SessionDay:
    """The session that orders sent now are for: the next to close."""
    now = desk.clock.now()
    coming = desk.calendar.sessions(now.date() - timedelta(days=1), now.date() + timedelta(days=10))
    return next(session for session in coming if now < session.close_at)


def _cancel_until_gone(desk: Desk, session: SessionDay, tape: Tape) -> tuple[int, list[BrokerOrder]]:
    """How many orders were asked to end, and those that have not. Raises BrokerUnavailable when none can be read."""
    seen: set[str] = set()
    for _ in range(_TRIES):
        with suppress(BrokerUnavailable):
            working = [order for order in closing.orders_now(desk, session, tape) if not order.status.terminal]
            closing.cancel(desk, tape, working, "halt")
            seen |= {order.broker_order_id for order in working}
            if not working or desk.stop.requested():
                return len(seen), working
        desk.clock.wait_until(desk.clock.now() + _PAUSE)
    return len(seen), [order for order in closing.orders_now(desk, session, tape) if not order.status.terminal]


def _close_all(desk: Desk, session: SessionDay, tape: Tape, troubles: list[str]) -> tuple[str, ...]:
    """The symbols that were closed; whatever stands in the way is added to the troubles."""
    now = desk.clock.now()
    if not session.open_at <= now < session.close_at:
        opens = f"{session.open_at:%Y-%m-%d %H:%M} UTC"
        troubles.append(f"the market is closed and positions are as they were: {_AGAIN} after {opens}")
        return ()
    try:
        with _lease_soon(desk):
            _suspend(desk, suspended=False)  # barred, the broker would not take the closing orders
            return closing.flatten(desk, session, tape, Purpose.FLATTEN, at_most=_CLOSING_ROUNDS).closed
    except LeaseHeld as error:
        troubles.append(f"{error.problem()} Positions are as they were: end that process and {_AGAIN}")
        return ()


@contextmanager
def _lease_soon(desk: Desk) -> Iterator[None]:
    """The orders lease; a running session lets go of it when it sees the halt. Raises LeaseHeld in the end."""
    ends_at = desk.clock.now() + _LETTING_GO + timedelta(seconds=desk.policies.watch.interval_s)
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(desk.lease.hold("emergency-stop"))
                break
            except (ConfigurationError, OSError) as error:  # no process can take a lease here
                log.error("RISK positions are closed without the lease, which cannot be taken", cause=str(error))
                break
            except LeaseHeld:
                if desk.clock.now() >= ends_at or desk.stop.requested():
                    raise
            desk.clock.wait_until(desk.clock.now() + _PAUSE)
        yield

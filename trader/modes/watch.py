"""The watch through the day: look, judge, and do what is configured, once a day and subject.

What was tripped is in the journal, so a watch that starts again goes on where it was. The journal is written before the
STATE file: a process killed in between writes the file when it starts again.
"""

from dataclasses import replace
from datetime import timedelta

import structlog

from trader.decision.breakers import Alarm, judge, silence
from trader.decision.tripped import KINDS, WATCH, Tripped, asked_for, fold, strictness
from trader.domain.errors import BrokerUnavailable
from trader.domain.journal import BreakerTripped, EquityPeak, Event, StateChanged, TradingState
from trader.domain.market import SessionDay
from trader.domain.orders import Purpose
from trader.domain.plan import Plan
from trader.modes.closing import close_step, flatten
from trader.modes.desk import Desk
from trader.modes.following import cancel, working
from trader.modes.live import Live
from trader.modes.sight import Looks, first_look, see
from trader.modes.tape import Tape

log = structlog.get_logger()
_STEP = timedelta(seconds=5)  # between two steps of closing a symbol
_PEAK_STEP_BPS = 5  # a peak is journalled when it is so much above the one before


class Watch:
    """One session's watch; `look` is called in every pass. What it knows of symbols it writes into `live`.

    `sends`: whether this process holds the orders lease. One that does not says what it sees, and changes the trading
    state where that is configured; closing is left to the holder.
    """

    def __init__(self, desk: Desk, session: SessionDay, plan: Plan, tape: Tape, live: Live, sends: bool = True) -> None:
        self._desk, self._session, self._plan, self._tape, self._live = desk, session, plan, tape, live
        self._sends = sends
        self._openers = frozenset(intent.sequence for intent in plan.intents if not intent.reduces)
        self._looks: Looks | None = None
        self._due_at = self._step_at = session.open_at
        self._silent_since = desk.clock.now()
        self._silent = False
        self._tripped = tripped_today(desk, session)
        self._restore()

    @property
    def busy(self) -> bool:
        """Whether something is being closed, or the broker is silent: the next pass should not wait long."""
        return self._silent or bool(self._tripped.closing)

    @property
    def flat(self) -> bool:
        """Whether the last look saw no holding."""
        return self._looks is not None and self._looks.flat

    def look(self) -> None:
        """Go on with what has begun; look and judge when it is time. A silent broker is a breaker, never an error."""
        try:
            self._go_on()
            if self._silent or self._desk.clock.now() >= self._due_at:
                self._judge()
                self._go_on()
        except BrokerUnavailable:
            self.unanswered()

    def hasten(self) -> None:
        """Look in the next pass, whatever the interval: what was seen before the last fills holds no longer."""
        self._due_at = self._desk.clock.now()
        if self._looks is not None:
            self._looks.flat = False

    def unanswered(self) -> None:
        """The broker has left a call unanswered."""
        now = self._desk.clock.now()
        if not self._silent:
            self._silent, self._silent_since = True, now
        self._heed(silence(now, self._silent_since, self._desk.policies.watch))

    def _judge(self) -> None:
        desk, limits = self._desk, self._desk.policies.watch
        if not self._sends:
            self._read_again()
        if self._looks is None:
            self._looks = first_look(desk, self._session, self._plan, self._tripped.peak_usd)
        sight = see(desk, self._session, self._plan, self._tape, self._looks)
        self._silent, self._due_at = False, sight.at + timedelta(seconds=limits.interval_s)
        if sight.equity_usd * 10_000 > self._tripped.peak_usd * (10_000 + _PEAK_STEP_BPS):
            self._write(EquityPeak(self._session.date, sight.equity_usd))
        alarms = judge(sight, limits)
        self._live.halted = {alarm.subject for alarm in alarms if alarm.code == "halted"}
        self._let_pass(alarms)
        self._heed(alarms)

    def _read_again(self) -> None:
        """What the holder of the lease has done meanwhile."""
        seen = self._tripped.known
        self._tape.read_again()
        self._tripped = tripped_today(self._desk, self._session)
        self._tripped.known |= seen

    def _let_pass(self, alarms: tuple[Alarm, ...]) -> None:
        """End the passing trips whose cause is gone; a look that succeeds ends the silence."""
        standing = {(alarm.code, alarm.subject) for alarm in alarms}
        for place, trip in tuple(self._tripped.lasting.items()):
            if place not in standing:
                self._write(replace(trip, over=True))
                log.warning("RISK over", code=trip.code, subject=trip.subject)

    def _heed(self, alarms: tuple[Alarm, ...]) -> None:
        news = self._tripped.news(alarms)
        if not news:
            return
        for alarm in news:
            log.error(
                f"RISK {alarm.code}",
                subject=alarm.subject,
                measured=alarm.measured,
                limit=alarm.limit,
                action=alarm.action,
            )
        changes = self._tightened(news)
        self._write(*(alarm.event(self._session.date) for alarm in news), *changes)
        for change in changes:
            self._desk.state.write(change.state, change.reason)

    def _tightened(self, news: tuple[Alarm, ...]) -> tuple[StateChanged, ...]:
        """The change of the trading state that is asked for; never to a weaker one."""
        alarm = max(news, key=lambda each: strictness(asked_for(each)))
        wanted = asked_for(alarm)
        if strictness(wanted) <= strictness(self._desk.state.read()[0]):
            return ()
        reason = f"{alarm.code} of {alarm.subject}: {alarm.measured}, limit {alarm.limit}"
        return (StateChanged(self._session.date, wanted, reason, WATCH),)

    def _go_on(self) -> None:
        """Carry out what was tripped, as far as it can be done now."""
        state = self._desk.state.read()[0]
        if not self._sends:
            return
        if state is TradingState.HALT:
            finish_flatten(self._desk, self._session, self._tape)
        else:
            self._cancel_openers(state)
            self._close()

    def _close(self) -> None:
        symbols = frozenset(trip.subject for trip in self._tripped.closing.values())
        now = self._desk.clock.now()
        if not symbols or now < self._step_at:
            return
        self._step_at = now + _STEP
        left = close_step(self._desk, self._session, self._tape, Purpose.STOP, symbols)
        closed = [trip for trip in self._tripped.closing.values() if trip.subject not in left]
        self._write(*(replace(trip, over=True) for trip in closed))

    def _cancel_openers(self, state: TradingState) -> None:
        """Those of barred symbols for good; all of them while the state is REDUCE."""
        planned = [view for view in working(self._tape) if view.key.purpose is Purpose.PLAN]
        opening = [view for view in planned if view.key.sequence in self._openers]
        barred = self._tripped.barred
        cancel(self._desk, self._tape, [v for v in opening if v.key.symbol in barred], "symbol_barred")
        if state is TradingState.REDUCE:
            cancel(self._desk, self._tape, [v for v in opening if v.key.symbol not in barred], "reduce")

    def _restore(self) -> None:
        """Put into force what the journal says and a killed process may not have done."""
        self._tell()
        wanted = self._tripped.state
        if wanted is not None and strictness(wanted.state) > strictness(self._desk.state.read()[0]):
            self._desk.state.write(wanted.state, wanted.reason)

    def _write(self, *events: Event) -> None:
        """Into the journal and the fold. Without the lease only what changes the trading state is journalled."""
        if self._sends:
            self._tape.record(*events)
        elif any(isinstance(event, StateChanged) for event in events):
            self._tape.record(*(event for event in events if not _is_closing(event)))
        for event in events:
            self._tripped.take(event)
        self._tell()

    def _tell(self) -> None:
        """What the gate must know."""
        self._live.barred |= self._tripped.barred
        self._live.lasting = frozenset(code for code, _ in self._tripped.lasting)


def tripped_today(desk: Desk, session: SessionDay) -> Tripped:
    """The day's trips, from the journal."""
    return fold(entry.event for entry in desk.ledger.entries(session.date, KINDS))


def finish_flatten(desk: Desk, session: SessionDay, tape: Tape) -> None:
    """Close everything when a breaker has asked for it and the broker has not proved flat; the caller has the lease.

    It goes on until the broker proves flat, the close or a request to stop. Raises BrokerUnavailable.
    """
    pending = tripped_today(desk, session).flattening
    if not pending:
        return
    result = flatten(desk, session, tape, Purpose.BREAKER)
    log.warning("RISK flattened", closed=result.closed, left=result.left, rounds=result.rounds)
    if not result.left:
        tape.record(*(replace(trip, over=True) for trip in pending.values()))


def _is_closing(event: Event) -> bool:
    return isinstance(event, BreakerTripped) and event.action == "close"

"""What of a day's breakers still counts: a fold of the journal, so that a restart goes on where it was."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from trader.decision.breakers import Alarm
from trader.domain.journal import BreakerTripped, EquityPeak, Event, StateChanged, TradingState

WATCH = "watch"
"""Who changed the trading state, in the journal."""

KINDS: tuple[type[Event], ...] = (BreakerTripped, EquityPeak, StateChanged)
"""The entries the fold reads."""

_BARRING = frozenset({"stop_loss", "max_position_risk", "max_symbol_move"})
_STATES = {"reduce": TradingState.REDUCE, "halt": TradingState.HALT, "flatten": TradingState.HALT}
Place = tuple[str, str]


@dataclass(slots=True)
class Tripped:
    """Trips by (code, subject). `known`: they are not done again today; `lasting`: nothing is opened meanwhile;
    `closing` and `flattening`: the broker has not proved flat; `barred`: symbols in which nothing is opened today.

    `state` is what the watch has last asked for, None when a person has spoken since. `peak_usd` is the session's.
    """

    known: set[Place] = field(default_factory=set)
    lasting: dict[Place, BreakerTripped] = field(default_factory=dict)
    closing: dict[Place, BreakerTripped] = field(default_factory=dict)
    flattening: dict[Place, BreakerTripped] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    state: StateChanged | None = None
    peak_usd: Decimal = Decimal(0)

    def take(self, event: Event) -> None:
        """Bring the fold forward by one entry."""
        match event:
            case BreakerTripped(over=True):
                for trips in (self.lasting, self.closing, self.flattening):
                    trips.pop((event.code, event.subject), None)
            case BreakerTripped():
                self._trip(event)
            case StateChanged():
                self.state = event if event.by == WATCH else None
                if event.state is not TradingState.HALT:
                    self.flattening.clear()
            case EquityPeak(equity_usd=equity_usd):
                self.peak_usd = max(self.peak_usd, equity_usd)
            case _:
                pass

    def news(self, alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
        """The alarms that nothing has been done about yet: a breaker acts once a day and subject, a passing one each
        time that it begins.
        """
        standing = self.known | self.lasting.keys()
        return tuple(alarm for alarm in alarms if (alarm.code, alarm.subject) not in standing)

    def _trip(self, event: BreakerTripped) -> None:
        place = (event.code, event.subject)
        if event.passing:
            self.lasting[place] = event
            return
        self.known.add(place)
        if event.action == "close":
            self.closing[place] = event
        if event.action == "flatten":
            self.flattening[place] = event
        if event.code in _BARRING:
            self.barred.add(event.subject)


def fold(events: Iterable[Event]) -> Tripped:
    """The trips after these entries of one day, in their order."""
    tripped = Tripped()
    for event in events:
        tripped.take(event)
    return tripped


def asked_for(alarm: Alarm) -> TradingState:
    """The trading state that an alarm asks for; a passing one leaves it as it is."""
    return TradingState.ACTIVE if alarm.passing else _STATES.get(alarm.action, TradingState.ACTIVE)


def strictness(state: TradingState) -> int:
    """More of it allows less: ACTIVE, REDUCE, HALT."""
    return tuple(TradingState).index(state)

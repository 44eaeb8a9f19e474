"""What a test lays over the market: shocks, halts, flags, corporate actions, days against the calendar's rules."""

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time

from trader.simulated_exchange.calendar import Session, session_on
from trader.simulated_exchange.corporate import CorporateAction
from trader.simulated_exchange.timestamps import NEW_YORK, SECOND_NS, to_ns


@dataclass(frozen=True, slots=True)
class Shock:
    """A move of `bps` that builds up over `over_s` seconds from `at_ns` and lasts until the close; None: everywhere."""

    symbol: str | None
    at_ns: int
    bps: int
    over_s: int

    def within(self, session: Session) -> tuple[int, int, int] | None:
        """Second it begins at, seconds it takes, basis points; None when it belongs to another session."""
        if not session.open_ns <= self.at_ns < session.close_ns:
            return None
        return (self.at_ns - session.open_ns) // SECOND_NS, max(1, self.over_s), self.bps


@dataclass(frozen=True, slots=True)
class Halt:
    """No trade and no new quote from `from_ns` until `to_ns`."""

    symbol: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class AssetFlags:
    """What is said of an asset instead of the usual; None leaves that as it is."""

    tradable: bool | None = None
    shortable: bool | None = None
    easy_to_borrow: bool | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything laid over the market; `calendar`: ISO date to its close, "HH:MM" in New York, None when shut."""

    shocks: tuple[Shock, ...] = ()
    halts: tuple[Halt, ...] = ()
    assets: dict[str, AssetFlags] = field(default_factory=dict)
    calendar: dict[str, str | None] = field(default_factory=dict)
    actions: tuple[CorporateAction, ...] = ()

    @property
    def exceptions(self) -> dict[date, Session | None]:
        """The days that break the rules, None for one without a session."""
        days = {date.fromisoformat(day): close for day, close in self.calendar.items()}
        return {day: _shortened(day, close) for day, close in days.items()}


def _shortened(day: date, close: str | None) -> Session | None:
    session = session_on(day)
    if close is None or session is None:
        return None
    return replace(session, close_ns=to_ns(datetime.combine(day, time.fromisoformat(close), NEW_YORK)))


def dump(scenario: Scenario) -> str:
    """As JSON text."""
    return json.dumps(asdict(scenario))


def load(text: str) -> Scenario:
    """The scenario of `dump`."""
    record = json.loads(text)
    return Scenario(
        tuple(Shock(**each) for each in record["shocks"]),
        tuple(Halt(**each) for each in record["halts"]),
        {symbol: AssetFlags(**flags) for symbol, flags in record["assets"].items()},
        record["calendar"],
        tuple(CorporateAction(**each) for each in record.get("actions", [])),
    )

"""The stop controls and the present state of a place, with few imports."""

import getpass
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING

from trader.bootstrap.parts import existing_ledger, ledger_reading, state_file, wall_day, working_day
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError, TraderError
from trader.domain.journal import StateChanged, TradingState

if TYPE_CHECKING:
    from trader.modes.desk import Desk
    from trader.modes.emergency import StopReport
    from trader.status.snapshot import StatusView


@dataclass(frozen=True, slots=True)
class Status:
    """The present state, which release would trade now, and of which configuration file and state this speaks.

    `trouble`: why the ledger cannot be shown, with `exit_code`; STATE is shown all the same.
    """

    view: "StatusView"
    release: str
    config: str
    state: str
    trouble: str = ""
    exit_code: int = 0


def operator() -> str:
    """Who gives this order, for the ledger."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def halt(place: Place, reason: str) -> None:
    """Write HALT: from here on nothing new is sent."""
    state_file(place).write(TradingState.HALT, reason)


def record_halt(place: Place, reason: str) -> None:
    """The ledger's copy of a halt, where there is a ledger."""
    if ledger := existing_ledger(place):
        ledger.append(StateChanged(working_day(place), TradingState.HALT, reason, operator()))


def emergency_stop(place: Place, reason: str, flatten: bool) -> "StopReport":
    """Write HALT before anything else, then stop at the broker with as much of the configuration as can be read.

    Raises ConfigurationError, which says what was not done, when the broker cannot be asked with what there is.
    """
    from trader.bootstrap.desk import open_desk
    from trader.modes.emergency import emergency_stop as stop

    with suppress(ConfigurationError):  # tried again, and reported, below
        halt(place, reason)
    try:
        with open_desk(place, stops=True) as desk:
            return stop(desk, reason, operator(), flatten)
    except ConfigurationError as error:
        state = state_file(place).read()[0].upper()
        undone = (
            f"STATE says {state}. THE BROKER WAS NOT REACHED: its orders and positions are as they were. Mend that,"
        )
        also = "or name another file with --config, or stop the account in Alpaca's dashboard."
        raise ConfigurationError(error.where, error.what, f"{error.remedy} {undone} {also}") from error


def resume(desk: "Desk") -> None:
    """Lift the broker's own stop, if it is set, and then ours."""
    from trader.modes.control import resume as go_on

    if desk.broker.account().suspended_by_user:
        desk.broker.suspend(False)
    go_on(desk.state, desk.ledger, desk.clock.now(), operator())


def status(place: Place, day: date | None = None) -> Status:
    """The state of trading, from ledger and STATE file alone; the configuration is not read, and may be broken."""
    from trader.status.snapshot import snapshot

    named = version("trader"), str(place.config), str(place.state)
    try:
        ledger = ledger_reading(place)
        view = snapshot(ledger, state_file(place), day or working_day(place))
    except TraderError as error:
        nothing = snapshot(None, state_file(place), day or wall_day())
        return Status(nothing, *named, trouble=str(error), exit_code=error.exit_code)
    lost = ledger is None and any(place.state.glob("plans/*.json"))
    return Status(view, *named, trouble=_LOST, exit_code=1) if lost else Status(view, *named)


_LOST = (
    "there are plans but no ledger: it was lost. `trader session` or `trader eod` begins it again from today's plan."
)

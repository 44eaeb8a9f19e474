"""The stop controls and the present state of a place, with few imports."""

import getpass
import os
import socket
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from trader.bootstrap.parts import (
    existing_ledger,
    ledger_reading,
    state_file,
    system_clock,
    wall_day,
    working_day,
)
from trader.bootstrap.place import Place
from trader.bootstrap.running import running_release
from trader.domain.errors import ConfigurationError, TraderError
from trader.domain.journal import StateChanged, TradingState
from trader.domain.market import exchange_date

if TYPE_CHECKING:
    from trader.modes.desk import Desk
    from trader.modes.emergency import StopReport
    from trader.status.present import Status


def operator() -> str:
    """Who gives this order, for the ledger."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def halt(place: Place, reason: str) -> None:
    """Write HALT: from here on nothing new is sent. Raises ConfigurationError that says it was not written."""
    try:
        state_file(place).write(TradingState.HALT, reason)
    except ConfigurationError as error:
        elsewhere = "Or use `trader emergency-stop`, which stops at the broker as well."
        raise ConfigurationError(error.where, f"NOT halted: {error.what}", f"{error.remedy} {elsewhere}") from error


def record_halt(place: Place, reason: str) -> str:
    """The ledger's copy of a halt, where there is a ledger; why there is none, empty when all is well."""
    try:
        if ledger := existing_ledger(place):
            ledger.append(StateChanged(working_day(place), TradingState.HALT, reason, operator()))
    except TraderError as error:
        return str(error)
    return ""


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


def resume(desk: "Desk") -> str:
    """Lift the broker's own stop, if it is set, and then ours; what becomes of the day's plan."""
    from trader.modes.control import resume as go_on
    from trader.modes.control import what_follows

    if desk.broker.account().suspended_by_user:
        desk.broker.suspend(False)
    go_on(desk, operator())
    return what_follows(desk, exchange_date(desk.clock.now()))


def status(place: Place, day: date | None = None) -> "Status":
    """The state of trading, from ledger and STATE file alone; the configuration is not read, and may be broken."""
    from trader.bootstrap.services import unit_lines

    return replace(_status(place, day), units=unit_lines(place.environ))


def _status(place: Place, day: date | None) -> "Status":
    from trader.status.advice import next_steps
    from trader.status.present import Status
    from trader.status.snapshot import snapshot

    _require_readable(place)
    held, senders = _senders(place)
    named = running_release(), str(place.config), str(place.state), senders
    try:
        ledger = ledger_reading(place)
        view = snapshot(ledger, state_file(place), day or working_day(place))
    except TraderError as error:
        nothing = snapshot(None, state_file(place), day or wall_day())
        return Status(nothing, *named, trouble=str(error), exit_code=error.exit_code)
    if ledger is None and any(place.state.glob("plans/*.json")):
        return Status(view, *named, trouble=_LOST, exit_code=1)
    if view.unclosed and not held:
        return Status(view, *named, trouble=_UNCLOSED, exit_code=1)
    return Status(view, *named, next_steps(view))


def _require_readable(place: Place) -> None:
    if place.state.exists() and not os.access(place.state, os.R_OK | os.X_OK):
        remedy = "Type `sudo trader start`, which lets everybody ask, or `sudo trader status`."
        raise ConfigurationError(str(place.state), "this user may not read it, and nobody answers for it", remedy)


def _senders(place: Place) -> tuple[bool, tuple[str, ...]]:
    """Whether any process has a right to send orders here, and a line about each account."""
    from trader.adapters.locks import Lease

    accounts = sorted(file.name.split(".")[1] for file in place.state.glob("orders.*.lock"))
    seen = [(account, *Lease(place.state, account, system_clock()).seen()) for account in accounts]
    lines = (f"{account}: {holder if held else f'nobody, last {holder}'}" for account, held, holder in seen)
    return any(held for _, held, _ in seen), tuple(lines)


_LOST = (
    "there are plans but no ledger: it was lost. `trader session` or `trader eod` begins it again from today's plan."
)
_UNCLOSED = (
    "a breaker has asked to close holdings, the broker has not shown that they are closed, and no process is there to "
    "do it. Run `trader session`, which goes on with it (in a halt a single symbol waits for `trader resume`), or "
    "`trader emergency-stop --flatten`."
)

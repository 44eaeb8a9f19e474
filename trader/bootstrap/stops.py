"""The stop controls over a place. A halt counts from its first line on; what takes long to import comes after it."""

import getpass
import socket
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING

from trader.bootstrap.parts import existing_ledger, model_store, state_file, system_clock, working_day
from trader.bootstrap.place import Place
from trader.domain.journal import TradingState

if TYPE_CHECKING:
    from trader.modes.desk import Desk
    from trader.status.snapshot import StatusView


@dataclass(frozen=True, slots=True)
class Status:
    """The present state, and what would trade now: release, configuration and promoted model (empty when none)."""

    view: "StatusView"
    release: str
    config: str
    model: str


def operator() -> str:
    """Who gives this order, for the ledger."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def halt(place: Place, reason: str) -> None:
    """Write HALT at once, then the ledger's copy of it."""
    state = state_file(place)
    state.write(TradingState.HALT, reason)
    from trader.modes.control import halt as stop

    stop(state, existing_ledger(place), system_clock().now(), reason, operator())


def resume(desk: "Desk") -> None:
    """Lift the broker's own stop, if it is set, and then ours."""
    from trader.modes.control import resume as go_on

    if desk.broker.account().suspended_by_user:
        desk.broker.suspend(False)
    go_on(desk.state, desk.ledger, desk.clock.now(), operator())


def status(place: Place, day: date | None = None) -> Status:
    """The state of trading, from the files alone."""
    from trader.status.snapshot import snapshot

    view = snapshot(existing_ledger(place), state_file(place), day or working_day(place))
    promoted = [model_hash for _, model_hash in model_store(place).promotions()]
    return Status(view, version("trader"), place.configuration().hash, promoted[-1] if promoted else "")

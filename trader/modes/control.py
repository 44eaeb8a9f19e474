"""The stop controls: halt and resume. The STATE file counts, the ledger has a copy."""

from datetime import datetime

import structlog

from trader.domain.errors import TraderError
from trader.domain.journal import Event, StateChanged, TradingState
from trader.ports.stores import Ledger, StateFile

log = structlog.get_logger()


def halt(state: StateFile, ledger: Ledger | None, now: datetime, reason: str, by: str) -> None:
    """Stop sending: a running session cancels its orders and ends. Raises ConfigurationError."""
    state.write(TradingState.HALT, reason)
    _mirror(ledger, StateChanged(now.date(), TradingState.HALT, reason, by))
    log.warning("RISK halted", reason=reason, by=by)


def resume(state: StateFile, ledger: Ledger | None, now: datetime, by: str) -> None:
    """Trade again. Raises ConfigurationError."""
    state.write(TradingState.ACTIVE, "")
    _mirror(ledger, StateChanged(now.date(), TradingState.ACTIVE, "resumed", by))
    log.warning("RISK resumed", by=by)


def _mirror(ledger: Ledger | None, event: Event) -> None:
    """The copy in the ledger must never hinder the change itself."""
    try:
        if ledger is not None:
            ledger.append(event)
    except TraderError as error:
        log.error("RISK the ledger did not take the change of state; the STATE file has it", cause=str(error))

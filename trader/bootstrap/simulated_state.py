"""Which state directories are a simulated exchange's: only those may be forgotten."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from trader.adapters import durable
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError

_MARKER = "SIMULATED"
_MARK = b"A simulated exchange's state: `trader day --fresh` may remove what the program keeps here.\n"
_LEFT_OVER = {"calendar", "logs"}
"""What a command that was refused leaves behind; the calendar is of no exchange's state and stays."""
_FORGOTTEN = (
    *("STATE", "bars", "exchange", "ledger.db*", "logs", "models", "orders.*.lock"),
    *("plan.*.lock", "plans", "reports", "requests.*", "universe.csv"),
)


def mark(place: Place) -> None:
    """Mark a state that holds nothing yet as a simulated exchange's, before anything is put there."""
    if not _names(place) - _LEFT_OVER:
        durable.replace(place.state / _MARKER, _MARK)


def require_ours(place: Place) -> None:
    """Raise ConfigurationError when the directory holds anything but was not marked."""
    names = _names(place)
    if _MARKER not in names and names - _LEFT_OVER:
        what = "not begun as the state of a simulated exchange: --fresh does not remove it"
        raise ConfigurationError(str(place.state), what, "Name another directory with --state (make demo: STATE=DIR).")


def remove(place: Place) -> None:
    """Remove what the program keeps in a marked state; the mark and everything else stays."""
    if _MARKER not in _names(place):
        return
    with durable.explained(place.state):
        for path in _kept_by_us(place.state):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _names(place: Place) -> set[str]:
    with durable.explained(place.state):
        return {path.name for path in place.state.iterdir()} if place.state.exists() else set()


def _kept_by_us(state: Path) -> Iterator[Path]:
    for pattern in _FORGOTTEN:
        yield from state.glob(pattern)

"""The trading state as a small JSON file that outlives the ledger."""

import json
from pathlib import Path

from trader.adapters import durable
from trader.domain.journal import TradingState


class StateFile:
    """`{"reason": ..., "state": ...}` at `path`; no file means ACTIVE, a file that says nothing clear means HALT."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[TradingState, str]:
        """State and reason."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return TradingState.ACTIVE, ""
        except OSError as error:
            return TradingState.HALT, f"{self._path} cannot be read ({error.strerror})"
        try:
            return _parse(content)
        except (ValueError, TypeError, KeyError, RecursionError):
            return TradingState.HALT, f"{self._path} is not a trading state"

    def write(self, state: TradingState, reason: str) -> None:
        """Replace the state, fsynced. Raises ConfigurationError when the file cannot be written."""
        document = {"reason": reason, "state": state.value}
        content = json.dumps(document, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        with durable.explained(self._path):
            durable.replace(self._path, content)


def _parse(content: bytes) -> tuple[TradingState, str]:
    document = json.loads(content)
    if set(document) != {"reason", "state"} or not isinstance(document["reason"], str):
        raise ValueError("unexpected keys")
    return TradingState(document["state"]), document["reason"]

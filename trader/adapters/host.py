"""The machine, as far as the state directory goes."""

import shutil
from pathlib import Path

from trader.adapters import durable

_PROBE = ".writable"


class LocalHost:
    """ports.host.Host for the state in `state`, which is made when it is missing."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def free_bytes(self) -> int:
        """Room left for this user. Raises ConfigurationError when the directory cannot be read."""
        with durable.explained(self._state):
            return shutil.disk_usage(self._state).free

    def ledger_bytes(self) -> int:
        """Size of the ledger and its log."""
        return sum(path.stat().st_size for path in self._state.glob("ledger.db*"))

    def prove_writable(self) -> int:
        """Write a file in each directory, as the program would."""
        with durable.explained(self._state):
            self._state.mkdir(parents=True, exist_ok=True)
            directories = [self._state, *(path for path in sorted(self._state.iterdir()) if path.is_dir())]
        for directory in directories:
            with durable.explained(directory):
                durable.replace(directory / _PROBE, b"written by `trader preflight`\n")
                (directory / _PROBE).unlink()
        return len(directories)

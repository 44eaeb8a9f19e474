"""The machine the program runs on."""

from typing import Protocol


class Host(Protocol):
    """What the state directory stands on."""

    def free_bytes(self) -> int:
        """Room left for this user where the state lies."""
        ...

    def ledger_bytes(self) -> int:
        """Size of the ledger and its log, 0 when there is none."""
        ...

    def prove_writable(self) -> int:
        """Write, fsync and remove a file in the state directory and in each directory in it; how many directories.

        Raises ConfigurationError that names the first directory that refuses.
        """
        ...

"""Every call the exchange has seen, in memory and as lines of wire.jsonl; no header and no body ever enters it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trader.simulated_exchange.faults import Call
from trader.simulated_exchange.timestamps import zulu


class WireLog:
    """Append-only; it goes on where an earlier run ended."""

    def __init__(self, file: Path) -> None:
        """Read what is there; a line cut short by a kill is dropped."""
        self._file = file.open("a+b")
        self._file.seek(0)
        whole = b"".join(self._file.read().rpartition(b"\n")[:2])
        self._file.truncate(len(whole))
        self._entries: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]

    def add(self, call: Call, at_ns: int, status: int | None, fault: str | None) -> None:
        """Note one call; status is None when no answer was sent."""
        entry = {"n": len(self._entries) + 1, "at": zulu(at_ns), **asdict(call), "status": status, "fault": fault}
        self._entries.append(entry)
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()

    def after(self, number: int) -> list[dict[str, Any]]:
        """Entries numbered above `number`."""
        return self._entries[max(number, 0) :]

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

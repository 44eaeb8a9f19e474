"""Why a unit failed, in words for a person. Pure."""

import signal
from dataclasses import dataclass

EXIT_CODES = {
    1: "checks failed, or ledger and broker differ",
    2: "something in the configuration, a file or a key cannot be used",
    3: "the broker was not reached, or refused the keys",
    4: "the outcome of an order is not known",
    5: "something was seen that can never be",
}
"""What the program's exit codes mean."""

_RESULTS = {
    "success": "its last run ended well",
    "watchdog": "it gave no sign of life any more",
    "timeout": "it took longer than it may",
    "oom-kill": "it needed more memory than it may have",
    "protocol": "it ended before it said that it was ready",
    "start-limit-hit": "it was started again too often",
    "resources": "what it needs to start is not there: a credential, a user or a directory",
    "exec-condition": "its condition could not be looked at",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a unit's main process ended: systemd's word, and its exit code or the signal that ended it."""

    result: str = ""
    killed: bool = False
    status: int = 0


def in_words(ending: Ending) -> str:
    """A sentence's end: `exit code 3: the broker was not reached`; systemd's own word where there is no better."""
    parts = [_RESULTS[ending.result]] if ending.result in _RESULTS else []
    if ending.killed:
        parts.append(f"killed by {_signal(ending.status)}")
    elif ending.status:
        meaning = EXIT_CODES.get(ending.status, "")
        parts.append(f"exit code {ending.status}{': ' if meaning else ''}{meaning}")
    return "; ".join(parts) or ending.result or "the cause is in the journal"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

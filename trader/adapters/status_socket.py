"""Where a user who may not read the state asks how it stands: the answer is what the service's user sees."""

import socket
from pathlib import Path

STATUS_SOCKET = Path("/run/paper-trading-status.sock")
_PATIENCE_S = 10.0


def ask(path: Path) -> bytes | None:
    """The answer; None where nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(_PATIENCE_S)
            asking.connect(str(path))
            with asking.makefile("rb") as answer:
                return answer.read() or None
    except OSError:
        return None

"""What the service manager is told, by sd_notify's datagrams: that a service is ready, and that it is alive."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from trader.ports.clock import Clock, StopSignal

_BEAT = timedelta(seconds=20)


class ServiceClock:
    """A clock around `clock` that says READY=1 at its first wait and WATCHDOG=1 at every one, each 20 s while it lasts.

    Whatever the program does it waits in between, so a program that waits no more is one that hangs. Without
    NOTIFY_SOCKET in `environ` nothing is said.
    """

    def __init__(self, clock: Clock, stop: StopSignal, environ: Mapping[str, str]) -> None:
        self._clock = clock
        self._stop = stop
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._word = "READY=1\nWATCHDOG=1"

    def now(self) -> datetime:
        """This instant, UTC."""
        return self._clock.now()

    def wait_until(self, instant: datetime) -> None:
        """Wait, and say so."""
        self._say()
        while (now := self.now()) < instant and not self._stop.requested():
            self._clock.wait_until(min(instant, now + _BEAT))
            self._say()

    def _say(self) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect("\0" + self._address[1:] if self._address[0] == "@" else self._address)
            sender.send(self._word.encode())
            self._word = "WATCHDOG=1"

"""What the service manager is told, by sd_notify's datagrams: that a service is ready, and that it is alive."""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Thread

from trader.ports.clock import Clock

LONGEST_WORK = timedelta(minutes=10)
"""Work between two looks at the clock that takes longer is taken for a program that hangs."""
_BEATS = 4
"""Signs of life within the time that the manager waits for one."""


class ServiceClock:
    """A clock around `clock` that says READY=1 at its first use, and WATCHDOG=1 again and again from then on.

    A program looks at the clock, or waits, before and after whatever it does. Between two looks it works, and may do
    so for `longest_work`: the beat of a thread goes on meanwhile, then it stops. NOTIFY_SOCKET in `environ` says whom
    to tell, WATCHDOG_USEC how often; without them nothing is said.
    """

    def __init__(self, clock: Clock, environ: Mapping[str, str], longest_work: timedelta = LONGEST_WORK) -> None:
        self._clock = clock
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._longest_s = longest_work.total_seconds()
        self._beat_s = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 / _BEATS
        self._begun = False
        self._waits = False
        self._used_at = 0.0

    def now(self) -> datetime:
        """This instant, UTC."""
        self._used()
        return self._clock.now()

    def wait_until(self, instant: datetime) -> None:
        """Wait: for however long, that is no hanging."""
        self._used()
        self._waits = True
        try:
            self._clock.wait_until(instant)
        finally:
            self._waits = False
            self._used()

    def _used(self) -> None:
        self._used_at = time.monotonic()
        if self._address and not self._begun:
            self._begun = True
            self._say("READY=1\nWATCHDOG=1")
            if self._beat_s:
                Thread(target=self._beat, name="watchdog", daemon=True).start()

    def _beat(self) -> None:
        while True:
            time.sleep(self._beat_s)
            if self._waits or time.monotonic() - self._used_at < self._longest_s:
                self._say("WATCHDOG=1")

    def _say(self, words: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect("\0" + self._address[1:] if self._address[0] == "@" else self._address)
            sender.send(words.encode())

"""The service manager hears of a service that waits or works, on a real datagram socket."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clocks import ManualClock
from trader.adapters.systemd import ServiceClock

BEAT_S = 0.02
LIMIT_US = str(int(4 * BEAT_S * 1e6))


@contextmanager
def manager(name: str) -> Iterator[socket.socket]:
    """What a service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name[0] == "@" else name)
        yield listener


def heard(listener: socket.socket) -> list[str]:
    words = []
    while True:
        try:
            words.append(listener.recv(100, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return words


def beats_in_a_while(listener: socket.socket) -> int:
    """How often the watchdog was told from now on, in the time of ten beats."""
    heard(listener)
    time.sleep(10 * BEAT_S)
    return heard(listener).count("WATCHDOG=1")


@pytest.mark.parametrize("abstract", [False, True])
def test_the_first_look_says_ready_and_the_beat_begins(abstract: bool, tmp_path: Path) -> None:
    name = f"@trader-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with manager(name) as listener:
        inner = ManualClock()
        clock = ServiceClock(inner, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": LIMIT_US})
        assert beats_in_a_while(listener) == 0, "nothing is said of a program that has not come to its work"
        assert clock.now() == inner.now()
        assert heard(listener) == ["READY=1\nWATCHDOG=1"]
        assert beats_in_a_while(listener) > 2
        clock.now()
        assert all(word == "WATCHDOG=1" for word in heard(listener)), "ready is said once"


def test_work_that_takes_too_long_is_a_program_that_hangs(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with manager(name) as listener:
        environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": LIMIT_US}
        clock = ServiceClock(ManualClock(), environ, longest_work=timedelta(seconds=5 * BEAT_S))
        clock.now()
        time.sleep(10 * BEAT_S)
        assert beats_in_a_while(listener) == 0
        clock.now()
        assert beats_in_a_while(listener) > 0, "whoever looks at the clock again lives"


def test_a_wait_may_take_as_long_as_it_likes(tmp_path: Path) -> None:
    class Endless:
        """A clock whose waits end when the test says so."""

        def __init__(self) -> None:
            self.over = threading.Event()

        def now(self) -> datetime:
            return ManualClock().now()

        def wait_until(self, _instant: datetime) -> None:
            self.over.wait(60)

    name = str(tmp_path / "notify")
    with manager(name) as listener:
        inner = Endless()
        environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": LIMIT_US}
        clock = ServiceClock(inner, environ, longest_work=timedelta(seconds=BEAT_S))
        waiting = threading.Thread(target=clock.wait_until, args=(inner.now(),))
        waiting.start()
        time.sleep(5 * BEAT_S)
        assert beats_in_a_while(listener) > 2
        inner.over.set()
        waiting.join()
        time.sleep(5 * BEAT_S)
        assert beats_in_a_while(listener) == 0, "the wait is over and nothing follows it"


def test_without_a_service_manager_it_is_the_clock_alone(tmp_path: Path) -> None:
    before = threading.active_count()
    gone = {"NOTIFY_SOCKET": str(tmp_path / "gone")}
    for environ in ({}, {"WATCHDOG_USEC": LIMIT_US}, gone, {**gone, "WATCHDOG_USEC": LIMIT_US}):
        clock = ServiceClock(ManualClock(), environ)
        until = clock.now() + timedelta(hours=1)
        clock.wait_until(until)
        assert clock.now() == until
    assert threading.active_count() <= before + 1, "only the last has somebody to tell, and a limit"

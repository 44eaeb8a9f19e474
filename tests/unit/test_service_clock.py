"""The service manager hears of a service that waits, on a real datagram socket."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clocks import ManualClock
from tests.support.desk import NeverStopped
from trader.adapters.systemd import ServiceClock


def heard(listener: socket.socket) -> list[str]:
    words = []
    while True:
        try:
            words.append(listener.recv(100, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return words


@pytest.mark.parametrize("abstract", [False, True])
def test_a_long_wait_is_told_bit_by_bit(abstract: bool, tmp_path: Path) -> None:
    name = f"@trader-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if abstract else name)
        inner = ManualClock()
        clock = ServiceClock(inner, NeverStopped(), {"NOTIFY_SOCKET": name})
        until = clock.now() + timedelta(seconds=70)
        clock.wait_until(until)
        assert clock.now() == until
        assert heard(listener) == ["READY=1\nWATCHDOG=1"] + ["WATCHDOG=1"] * 4
        clock.wait_until(until)
        assert heard(listener) == ["WATCHDOG=1"], "a wait that is over is a sign of life, too"


def test_without_a_service_manager_it_is_the_clock_alone(tmp_path: Path) -> None:
    clock = ServiceClock(ManualClock(), NeverStopped(), {})
    until = clock.now() + timedelta(hours=1)
    clock.wait_until(until)
    assert clock.now() == until
    gone = ServiceClock(ManualClock(), NeverStopped(), {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.wait_until(until)
    assert gone.now() == until


def test_a_request_to_stop_ends_the_wait() -> None:
    class Stopped:
        def requested(self) -> bool:
            return True

    clock = ServiceClock(ManualClock(), Stopped(), {})
    before = clock.now()
    clock.wait_until(before + timedelta(hours=1))
    assert clock.now() == before

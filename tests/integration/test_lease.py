"""The orders lease between real processes."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.clocks import ManualClock
from trader.adapters.locks import Lease
from trader.domain.errors import LeaseHeld

HOLDER = """
import sys
import threading
from pathlib import Path
from tests.support.clocks import ManualClock
from trader.adapters.locks import Lease
with Lease(Path(sys.argv[1]), "main", ManualClock()).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_holder_frees_the_lease_at_once(tmp_path: Path) -> None:
    lease = Lease(tmp_path, "main", ManualClock())
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeld, match=f"held by trader pid {child.pid} since 2026-03-16T13:30:00"), lease.hold():
            pass
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        with lease.hold():
            assert f"pid {os.getpid()} " in (tmp_path / "orders.main.lock").read_text()


def test_the_lease_is_one_per_account_and_can_be_held_again(tmp_path: Path) -> None:
    lease, other = Lease(tmp_path, "main", ManualClock()), Lease(tmp_path, "second", ManualClock())
    with lease.hold(), other.hold(), pytest.raises(LeaseHeld), Lease(tmp_path, "main", ManualClock()).hold():
        pass
    with pytest.raises(RuntimeError), lease.hold():
        raise RuntimeError
    with lease.hold():
        pass


def test_a_look_says_who_holds_it_and_holds_nobody_up(tmp_path: Path) -> None:
    mine, other = (Lease(tmp_path, "main", ManualClock()) for _ in range(2))
    assert other.seen() == (False, "")
    with mine.hold("session"):
        assert mine.seen()[0] is False, "held by this process, not by another"
        held, holder = other.seen()
        assert held
        assert holder.startswith(f"session pid {os.getpid()} since")
        with other.hold("session", "plan"):
            assert mine.seen()[0] is False, "the right to decide is another one"
        with pytest.raises(LeaseHeld), mine.hold():
            pass
        assert mine.seen()[0] is False
    free, last = other.seen()
    assert not free
    assert last != holder, "that it was held can be seen afterwards"


def test_a_session_that_starts_while_others_look_gets_the_lease(tmp_path: Path) -> None:
    """A look takes the lock shared for an instant; here it lasts long enough to be met."""
    lease = Lease(tmp_path, "main", ManualClock())
    with lease.hold():
        pass
    looking = (tmp_path / "orders.main.lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.05, looking.close).start()
    with lease.hold("session"):
        assert Lease(tmp_path, "main", ManualClock()).seen()[0]


def test_a_disk_that_ran_full_meanwhile_does_not_undo_what_the_holder_did(tmp_path: Path) -> None:
    lease = Lease(tmp_path, "main", ManualClock())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with lease.hold("session"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert lease.seen()[0] is False

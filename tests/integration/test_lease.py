"""The orders lease between real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clocks import ManualClock
from trader.adapters.locks import Lease
from trader.domain.errors import LeaseHeld

HOLDER = """
import sys
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
        with pytest.raises(LeaseHeld, match=f"held by pid {child.pid} since 2026-03-16T13:30:00"), lease.hold():
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

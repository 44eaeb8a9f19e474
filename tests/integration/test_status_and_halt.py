"""What `trader status` and `trader halt` say when the ledger, the disk or the holder of the lease is gone."""

from pathlib import Path

import pytest

from tests.support.clocks import ManualClock
from tests.support.commands import Ended, on_a_full_disk, trader
from tests.support.days import whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.locks import Lease
from trader.adapters.state_file import StateFile
from trader.bootstrap.parts import wall_day
from trader.domain.journal import BreakerTripped, StateChanged, TradingState


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with a ledger, halted."""
    open_ledger(tmp_path / "ledger.db", ManualClock()).append(*whole_day())
    StateFile(tmp_path / "STATE").write(TradingState.HALT, "looking into it")
    return tmp_path


def status(state: Path) -> Ended:
    """`trader status` of this state."""
    return trader("--state", str(state), "status")


def test_a_lost_ledger_is_named_and_the_state_shown(state: Path) -> None:
    (state / "ledger.db").unlink()
    assert status(state).code == 0, "nothing was ever traded here"
    (state / "plans").mkdir()
    (state / "plans" / "20260316.main.xgb.json").write_text("{}")
    ended = status(state)
    assert (ended.code, "HALT: looking into it" in ended.said) == (1, True)
    assert "no ledger: it was lost" in ended.said


def test_a_damaged_ledger_is_named_and_the_state_shown(state: Path) -> None:
    (state / "ledger.db").write_bytes(b"\x5a" * 20_000)
    ended = status(state)
    assert (ended.code, "HALT: looking into it" in ended.said) == (5, True)
    assert "damaged" in ended.said


def test_who_sends_orders_is_named(state: Path) -> None:
    assert "session pid" not in status(state).said
    with Lease(state, "main", ManualClock()).hold("session"):
        assert "main: session pid" in status(state).said
    assert "main: nobody, last session pid" in status(state).said


@pytest.mark.parametrize(("action", "subject"), [("flatten", "account"), ("close", "AAPL")])
def test_what_a_breaker_has_not_closed_is_named_until_it_is(action: str, subject: str, state: Path) -> None:
    day, ledger = wall_day(), open_ledger(state / "ledger.db", ManualClock())
    ledger.append(BreakerTripped(day, "stop_loss", subject, "0.3", "0.2", action))
    ended = status(state)
    assert (ended.code, ended.said.split("to be closed")[1].split()[0]) == (1, subject)
    assert "no process is there to do it. Run `trader session`" in ended.said
    with Lease(state, "main", ManualClock()).hold("session"):
        assert (status(state).code, "to be closed" in status(state).said) == (0, True)
    ledger.append(BreakerTripped(day, "stop_loss", subject, "0.3", "0.2", action, over=True))
    assert (status(state).code, "to be closed" in status(state).said) == (0, False)


def test_a_halt_on_a_full_disk_says_that_there_is_none(state: Path) -> None:
    StateFile(state / "STATE").write(TradingState.ACTIVE, "")
    ended = on_a_full_disk("--state", str(state), "halt", "--reason", "drill")
    assert (ended.code, StateFile(state / "STATE").read()[0]) == (2, TradingState.ACTIVE)
    assert "NOT halted" in ended.said
    assert "`trader emergency-stop`, which stops at the broker" in ended.said


def test_a_halt_holds_without_its_copy_in_the_ledger(state: Path) -> None:
    StateFile(state / "STATE").write(TradingState.ACTIVE, "")
    (state / "ledger.db").write_bytes(b"\x5a" * 20_000)
    ended = trader("--state", str(state), "halt", "--reason", "drill")
    assert (ended.code, StateFile(state / "STATE").read()) == (1, (TradingState.HALT, "drill"))
    assert "the halt holds, but the ledger has no copy" in ended.said


def test_a_halt_stands_in_the_ledger(state: Path) -> None:
    assert trader("--state", str(state), "halt", "--reason", "drill").code == 0
    newest = open_ledger(state / "ledger.db", ManualClock()).latest(StateChanged)
    assert newest is not None
    assert isinstance(newest.event, StateChanged)
    assert (newest.event.state, newest.event.reason) == (TradingState.HALT, "drill")

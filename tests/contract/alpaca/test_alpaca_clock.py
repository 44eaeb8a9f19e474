"""Time, and the exchange a command starts for itself."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.alpaca.conftest import MARKET
from tests.contract.alpaca.rig import START, Answer, NoStop, Rig, approved, scripted
from trader.adapters.clock import ExchangeClock, SignalStop, SystemClock
from trader.adapters.embedded_exchange import EmbeddedExchange, fetch_sectors
from trader.adapters.exchange_control import ExchangeControl
from trader.domain.errors import BrokerUnavailable, ConfigurationError, NotPaper

TRADER = """
import sys, time
from datetime import datetime
from pathlib import Path
from trader.adapters.embedded_exchange import EmbeddedExchange
from trader.domain.policy import SimulationPolicy

at = datetime.fromisoformat("2026-03-16T09:31:00-04:00")
embedded = EmbeddedExchange(Path(sys.argv[1]), SimulationPolicy(symbols=5, history_sessions=300), at)
embedded.__enter__()
print(embedded._process.pid, flush=True)
time.sleep(600)
"""


def runs(stat: Path) -> bool:
    """Whether a process is there and no mere zombie, by its /proc/<pid>/stat."""
    return stat.exists() and ") Z " not in stat.read_text()


class Stopped:
    """Somebody asked for the end."""

    def requested(self) -> bool:
        return True


def test_lockstep_time_moves_by_waiting_alone_and_never_back(rig: Rig) -> None:
    before = rig.clock.now()
    assert rig.clock.now() == before
    rig.clock.wait_until(before + timedelta(minutes=5))
    assert rig.clock.now() == before + timedelta(minutes=5)
    rig.clock.wait_until(before)
    assert rig.clock.now() == before + timedelta(minutes=5)


def test_a_stop_ends_a_wait_before_it_moves_time(rig: Rig) -> None:
    before = rig.clock.now()
    ExchangeClock(rig.url, Stopped()).wait_until(before + timedelta(days=1))
    assert rig.clock.now() == before
    SystemClock(Stopped()).wait_until(datetime.now(UTC) + timedelta(days=1))


def test_the_systems_clock_waits_until_the_instant() -> None:
    clock = SystemClock(NoStop())
    instant = clock.now() + timedelta(milliseconds=250)
    clock.wait_until(instant)
    assert clock.now() >= instant
    clock.wait_until(instant - timedelta(days=1))


def test_a_signal_asks_for_the_end_and_a_second_ctrl_c_does_not_wait_for_it() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with SignalStop() as stop:
        assert not stop.requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_an_exchange_at_a_speed_moves_by_itself(tmp_path: Path) -> None:
    with EmbeddedExchange(tmp_path, MARKET, START, speed=3600) as url:
        clock = ExchangeClock(url, NoStop())
        instant = clock.now() + timedelta(minutes=30)
        clock.wait_until(instant)
        assert clock.now() >= instant


@pytest.mark.parametrize("body", ["{}", '{"message": "not found"}', "<html>"])
def test_a_service_that_is_no_simulated_exchange_gives_no_time(body: str) -> None:
    with scripted(Answer(404, body)) as server, pytest.raises(BrokerUnavailable, match="exchange serve"):
        ExchangeClock(server.url, NoStop())


def test_alpaca_gives_no_time() -> None:
    with pytest.raises(NotPaper):
        ExchangeClock("https://paper-api.alpaca.markets", NoStop())


def test_a_connection_that_was_closed_meanwhile_is_made_anew(rig: Rig) -> None:
    control = ExchangeControl(rig.url)
    first = control.get("/sim/clock")
    assert control._connection.sock is not None
    control._connection.sock.shutdown(2)
    assert control.get("/sim/clock") == first


def test_nobody_at_the_address_is_an_unavailable_broker() -> None:
    with scripted(Answer(200)) as server:
        url = server.url
    with pytest.raises(BrokerUnavailable, match="exchange serve"):
        ExchangeClock(url, NoStop())


def test_an_embedded_exchange_goes_on_where_it_was_without_being_told_its_market(tmp_path: Path) -> None:
    with EmbeddedExchange(tmp_path, MARKET, START) as url:
        rig = Rig(url)
        placed = rig.broker.submit(approved("pt1.kept"))
        rig.wait(minutes=1)
        stopped_at = rig.clock.now()
        assert set(fetch_sectors(url)) == {asset.symbol for asset in rig.broker.assets()}
    with EmbeddedExchange(tmp_path, MARKET, START - timedelta(days=200)) as url:
        rig = Rig(url)
        assert rig.clock.now() == stopped_at
        found = rig.broker.order_by_client_id("pt1.kept")
    assert found is not None
    assert found.broker_order_id == placed.broker_order_id


def test_a_refused_start_says_why_in_the_exchanges_words(tmp_path: Path) -> None:
    with EmbeddedExchange(tmp_path, MARKET, START):
        pass
    other = MARKET.model_copy(update={"seed": 2})
    with pytest.raises(ConfigurationError, match="seed was 1, now 2"), EmbeddedExchange(tmp_path, other, START):
        pass
    with (
        pytest.raises(ConfigurationError, match=r"nowhere\.parquet"),
        EmbeddedExchange(tmp_path / "other", MARKET, START, bars=tmp_path / "nowhere.parquet"),
    ):
        pass
    with EmbeddedExchange(tmp_path / "other", MARKET, START):
        pass  # the file that was not there is not remembered


def test_a_killed_trader_leaves_no_exchange_behind(tmp_path: Path) -> None:
    trader = subprocess.Popen([sys.executable, "-c", TRADER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert trader.stdout is not None
    exchange = Path(f"/proc/{int(trader.stdout.readline())}/stat")
    assert runs(exchange)
    trader.kill()
    trader.wait()
    trader.stdout.close()
    tries = 600
    while runs(exchange) and tries:
        tries -= 1
        time.sleep(0.05)
    assert not runs(exchange)

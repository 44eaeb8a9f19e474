"""`trader watchdog`, `trader unfinished` and `trader alert`, on ledgers as they are found in the morning."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.exchange.running import RunningExchange
from tests.support.clocks import ManualClock
from tests.support.commands import Ended, on_a_full_disk, trader
from tests.support.days import whole_day
from trader.adapters.ledger import open_ledger
from trader.adapters.ledger.migration import migrate
from trader.adapters.ledger.outbox import Outbox
from trader.adapters.state_file import StateFile
from trader.domain.journal import DayClosed, PlanCommitted, TradingState

DAY = "2026-03-16"
MARKET = {"symbols": "6", "history-start": "2026-03-02", "history-end": "2026-03-31", "at": f"{DAY}T08:00:00-04:00"}
FAILED = {
    "MONITOR_UNIT": "paper-trading-session.service",
    "MONITOR_SERVICE_RESULT": "exit-code",
    "MONITOR_EXIT_CODE": "exited",
    "MONITOR_EXIT_STATUS": "3",
}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExchange]:
    """An exchange whose time these tests move on, from the first to the last of them."""
    running = RunningExchange(tmp_path_factory.mktemp("exchange"), MARKET).start()
    yield running
    running.stop()


class Morning:
    """A host's configuration and state, on an exchange elsewhere."""

    def __init__(self, directory: Path, exchange: RunningExchange) -> None:
        self.config, self.state = directory / "execution.yaml", directory / "state"
        self.config.write_text(f"broker: {{venue: simulated, url: '{exchange.url}'}}\n")
        self.state.mkdir()
        self._exchange = exchange

    def at(self, time: str) -> "Morning":
        """The exchange's time, in New York."""
        self._exchange.advance(f"{DAY}T{time}-04:00")
        return self

    def run(self, *words: str, environ: dict[str, str] | None = None) -> Ended:
        return trader("--config", str(self.config), "--state", str(self.state), *words, environ=environ)

    def remember(self, *leaving_out: type) -> None:
        """A ledger of a whole day, without some of its events."""
        ledger = open_ledger(self.state / "ledger.db", ManualClock())
        ledger.append(*(event for event in whole_day() if not isinstance(event, leaving_out)))
        ledger.close()


@pytest.fixture
def morning(tmp_path: Path, exchange: RunningExchange) -> Morning:
    return Morning(tmp_path, exchange)


def test_the_days_watch_from_before_the_open_to_the_evening(morning: Morning) -> None:
    early = morning.at("09:00:00").run("watchdog")
    assert (early.code, early.said.strip()) == (0, f"{DAY}: nothing is due before 08:40 CDT.")
    missing = morning.at("09:40:00").run("watchdog")
    assert missing.code == 1
    assert f"MISSED: 08:30 did not happen: {DAY} has no plan." in missing.said
    assert "`trader run-now session`" in missing.said
    assert morning.run("unfinished").code == 1
    StateFile(morning.state / "STATE").write(TradingState.HALT, "drill")
    assert morning.run("watchdog").code == 0, "a person wants nothing to be traded"
    (morning.state / "STATE").unlink()

    morning.remember(DayClosed)
    assert morning.run("watchdog").code == 0
    assert (morning.run("unfinished").code, morning.at("16:00:00").run("unfinished").code) == (0, 1)
    assert morning.at("16:39:00").run("watchdog").code == 0
    late = morning.at("16:41:00").run("watchdog", "--json")
    assert late.code == 1
    assert [each["what"] for each in json.loads(late.said)["missed"]] == [f"{DAY} was not closed"]
    for words, environ in ((("--eod-at", "15:30"), {}), ((), {"TRADER_EOD_AT": "15:30"})):
        assert morning.run("watchdog", *words, environ=environ).code == 0, "as late as the timer is"


def test_a_watch_that_cannot_look_fails(morning: Morning, tmp_path: Path) -> None:
    (morning.state / "ledger.db").write_bytes(b"\x5a" * 20_000)
    damaged = morning.run("watchdog")
    assert (damaged.code, "damaged or no database" in damaged.said) == (5, True)
    morning.config.write_text("broker: {venue: simulated, url: 'http://127.0.0.1:9'}\n")
    assert morning.run("watchdog").code == 3
    for words in (("--zone", "Mars/Base"), ("--eod-at", "late")):
        assert (morning.run("watchdog", *words).code, words[1] in morning.run("watchdog", *words).said) == (2, True)


def test_a_failure_is_told_in_the_journal_and_kept(morning: Morning) -> None:
    morning.remember()
    told = morning.run("alert", "paper-trading-session", environ={**FAILED, "JOURNAL_STREAM": "8:1"})
    assert told.code == 0
    line = next(line for line in told.said.splitlines() if line.startswith("<3>"))
    event = json.loads(line.removeprefix("<3>"))
    assert (event["event"], event["unit"]) == ("ALERT", "paper-trading-session")
    assert "failed: exit code 3: the broker was not reached, or refused the keys." in event["text"]
    (kept,) = Outbox(morning.state / "ledger.db").undelivered()
    assert (kept.id, kept.alert.unit, kept.alert.severity) == (1, "paper-trading-session", "error")
    assert kept.alert.text == event["text"]
    again = morning.run("alert", "paper-trading-session.service", environ=FAILED)
    assert (again.code, "In the outbox as 2." in again.said, "<3>" in again.said) == (0, True, False)


def test_what_the_watchdog_misses_is_told_in_full(morning: Morning) -> None:
    morning.remember(DayClosed, PlanCommitted)
    told = morning.at("17:00:00").run("alert", "paper-trading-watchdog")
    assert told.code == 0
    (kept,) = Outbox(morning.state / "ledger.db").undelivered()
    assert "08:30 did not happen" in kept.alert.text
    assert f"{DAY} was not closed" in kept.alert.text


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (lambda path: None, 2, "there is no ledger"),
        (lambda path: migrate(path, "0001"), 2, "its schema 0001 has no outbox"),
        (lambda path: path.write_bytes(b"\x5a" * 20_000), 5, "damaged or no database"),
    ],
)
def test_a_ledger_that_takes_no_alert_is_told_after_it(
    morning: Morning, spoil: "object", code: int, reason: str
) -> None:
    assert callable(spoil)
    spoil(morning.state / "ledger.db")
    told = morning.run("alert", "paper-trading-session", environ=FAILED)
    assert told.code == code
    assert 0 <= told.said.index('"event": "ALERT"') < told.said.index(reason)


def test_an_alert_on_a_full_disk_stands_in_the_journal(morning: Morning) -> None:
    morning.remember()
    told = on_a_full_disk("--config", str(morning.config), "--state", str(morning.state), "alert", "paper-trading-eod")
    assert told.code != 0
    assert '"unit": "paper-trading-eod"' in told.said

"""What a timer starts on a day without a session: each command says so, and that is all."""

from pathlib import Path

import pytest

from tests.contract.exchange.running import RunningExchange
from tests.support.commands import kept, trader

SATURDAY = {
    "symbols": "3",
    "history-start": "2025-12-01",
    "history-end": "2026-03-31",
    "at": "2026-03-21T08:00:00-05:00",
}


@pytest.mark.parametrize("command", ["preflight", "session", "execution-monitor", "eod"])
def test_a_day_without_a_session_needs_nothing(tmp_path: Path, command: str) -> None:
    exchange = RunningExchange(tmp_path / "exchange", SATURDAY).start()
    config, state = tmp_path / "closed.yaml", tmp_path / "state"
    config.write_text(f"broker: {{venue: simulated, url: '{exchange.url}'}}\n")
    try:
        ended = trader("--config", str(config), "--state", str(state), command)
    finally:
        exchange.stop()
    assert (ended.code, "2026-03-21" in ended.said or "closed" in ended.said) == (0, True), ended.said
    assert "ledger.db" not in kept(state)

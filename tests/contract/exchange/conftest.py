"""Exchanges to test against: one per module, or as many as a test asks for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.exchange.running import RunningExchange

Start = Callable[..., RunningExchange]


@pytest.fixture
def start_exchange(tmp_path: Path) -> Iterator[Start]:
    """Start exchanges with options of one's own; each given state name is a directory."""
    running: list[RunningExchange] = []

    def start(state: str = "state", **options: str) -> RunningExchange:
        running.append(RunningExchange(tmp_path / state, options).start())
        return running[-1]

    yield start
    for exchange in running:
        if exchange.process.poll() is None:
            exchange.stop()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExchange]:
    """An exchange that a module's tests share: they use names and symbols of their own and only move time forward."""
    running = RunningExchange(tmp_path_factory.mktemp("exchange")).start()
    yield running
    assert running.stop() == 0

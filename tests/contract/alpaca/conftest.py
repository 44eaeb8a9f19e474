"""An exchange for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.contract.alpaca.rig import START, Rig
from trader.adapters.embedded_exchange import EmbeddedExchange
from trader.domain.policy import SimulationPolicy

MARKET = SimulationPolicy(symbols=5, history_sessions=300)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A minute after the open of an ordinary day, five synthetic symbols, a million in cash."""
    with EmbeddedExchange(tmp_path_factory.mktemp("exchange"), MARKET, START, requests_per_minute=0) as url:
        yield Rig(url)

"""Puts the clients together: official, guarded, with raw data."""

from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from pydantic import SecretStr

from trader.adapters.alpaca.data import AlpacaMarketData
from trader.adapters.alpaca.hosts import ALPACA_PAPER, simulated
from trader.adapters.alpaca.trading import AlpacaBroker
from trader.adapters.alpaca.transport import RequestBudget, Timeouts, guard
from trader.domain.errors import ConfigurationError
from trader.ports.clock import Clock


def connect(
    key_id: SecretStr,
    secret_key: SecretStr,
    *,
    clock: Clock,
    budget: RequestBudget,
    timeouts: Timeouts,
    feed: str = "iex",
    simulated_url: str | None = None,
) -> tuple[AlpacaBroker, AlpacaMarketData]:
    """Broker and market data of Alpaca's paper service, or of the simulated exchange at `simulated_url`.

    Sends nothing. Raises NotPaper for an address that is not private, ConfigurationError for keys that cannot be sent.
    """
    venue = ALPACA_PAPER if simulated_url is None else simulated(simulated_url)
    keys = _sendable("key id", key_id), _sendable("secret key", secret_key)
    trading = TradingClient(*keys, raw_data=True, url_override=venue.trading)
    data = StockHistoricalDataClient(*keys, raw_data=True, url_override=venue.data)
    for client in (trading, data):
        guard(client, venue, timeouts, budget)
    return AlpacaBroker(trading, clock), AlpacaMarketData(data, feed, clock)


def _sendable(name: str, key: SecretStr) -> str:
    """The key's text; one with a blank or a line break would fail in the header, and be quoted by that failure."""
    text = key.get_secret_value()
    if not (text and text.isascii() and text.isprintable() and " " not in text):
        raise ConfigurationError(
            "Alpaca credentials", f"the {name} is empty or holds characters no key has", "Copy the paper keys again."
        )
    return text

"""No request leaves for a live host: refused as an address, at construction, and once more on the wire."""

from typing import Any

import pytest
import requests
from alpaca.trading.client import TradingClient
from pydantic import SecretStr

from tests.contract.alpaca.rig import (
    KEY_ID,
    PATIENT,
    SECRET,
    Answer,
    CountedBudget,
    StandingClock,
    approved,
    connected,
    scripted,
)
from trader.adapters.alpaca.factory import connect
from trader.adapters.alpaca.hosts import ALPACA_PAPER, Venue, require_paper, require_private, simulated
from trader.adapters.alpaca.trading import AlpacaBroker
from trader.adapters.alpaca.transport import guard
from trader.adapters.exchange_control import ExchangeControl
from trader.domain.errors import BrokerUnavailable, NotPaper, SubmitOutcomeUnknown

LIVE = [
    "https://api.alpaca.markets",
    "https://api.alpaca.markets:443/v2/orders",
    "https://broker-api.alpaca.markets",
    "https://API.ALPACA.MARKETS",
    "http://paper-api.alpaca.markets",
    "https://paper-api.alpaca.markets:8443",
    "https://paper-api.alpaca.markets.evil.example",
    "https://paper-api.alpaca.markets@api.alpaca.markets",
    "https://api.alpaca.markets\\@paper-api.alpaca.markets",
    "https://user:word@paper-api.alpaca.markets",
    "wss://api.alpaca.markets/stream",
    "http://8.8.8.8:8080",
    "http://[::ffff:8.8.8.8]:8080",
    "http://exchange.example:8080",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1:99999",
    "http://",
    "127.0.0.1:8080",
    "file:///etc/passwd",
    "http://127.0.0.1:80\t80",
    " http://127.0.0.1:8080",
    "ws://127.0.0.1:8080/stream",
    "https://127.0.0.1:8080",
    "",
]


@pytest.mark.parametrize("url", LIVE)
def test_an_address_that_is_not_paper_is_refused_everywhere(url: str) -> None:
    for refuse in (
        require_paper,
        require_private,
        simulated,
        lambda it: Venue(trading=it, data="https://data.alpaca.markets"),
        lambda it: Venue(trading="https://paper-api.alpaca.markets", data=it),
        lambda it: connected(it, StandingClock()),
        ExchangeControl,
    ):
        with pytest.raises(NotPaper):
            refuse(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080/", "http://10.1.2.3", "http://192.168.0.9:80"],
)
def test_a_private_address_may_be_a_simulated_exchange(url: str) -> None:
    assert simulated(url).simulated


def test_the_paper_service_is_the_paper_service() -> None:
    assert not ALPACA_PAPER.simulated
    ALPACA_PAPER.require_own("https://paper-api.alpaca.markets/v2/orders")
    ALPACA_PAPER.require_own("https://data.alpaca.markets/v2/stocks/bars")
    with pytest.raises(NotPaper):
        ALPACA_PAPER.require_own("http://127.0.0.1:8080/v2/orders")


def test_a_wrong_address_is_shown_without_its_password() -> None:
    with pytest.raises(NotPaper) as caught:
        require_paper(f"https://user:{SECRET}@api.alpaca.markets/v2?token={SECRET}")
    assert SECRET not in str(caught.value)
    assert "api.alpaca.markets" in str(caught.value)


@pytest.mark.parametrize(
    "base",
    ["https://api.alpaca.markets", "https://paper-api.alpaca.markets", "https://evil.example", "http://127.0.0.1:1"],
)
def test_the_transport_sends_nothing_to_any_host_but_its_venues(base: str) -> None:
    budget = CountedBudget()
    client = TradingClient(KEY_ID, SECRET, raw_data=True, url_override=base)
    guard(client, simulated("http://127.0.0.1:2"), PATIENT, budget)
    for send in (client.get_account, client.cancel_orders, lambda: client.post("/orders", {"symbol": "AAA"})):
        with pytest.raises(NotPaper):
            send()
    assert budget.taken == []


@pytest.mark.parametrize("base", ["https://api.alpaca.markets", "http://127.0.0.1:1"])
def test_the_paper_services_transport_stays_with_it(base: str) -> None:
    client = TradingClient(KEY_ID, SECRET, raw_data=True, url_override=base)
    guard(client, ALPACA_PAPER, PATIENT, CountedBudget())
    with pytest.raises(NotPaper):
        client.get_account()


def test_a_live_host_in_the_sdk_is_not_mistaken_for_an_unclear_answer() -> None:
    broker, _ = connected("http://127.0.0.1:2", StandingClock())
    broker._client._base_url = "https://api.alpaca.markets"
    for act in (broker.account, lambda: broker.submit(approved("ours")), lambda: broker.suspend(True)):
        with pytest.raises(NotPaper):
            act()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with scripted(Answer(200, "{}")) as elsewhere:
        away = Answer(status, "", {"Location": f"{elsewhere.url}/v2/orders"})
        with scripted(away) as server:
            broker, _ = connected(server.url, StandingClock())
            with pytest.raises(SubmitOutcomeUnknown):
                broker.submit(approved("ours"))
            for ask in (broker.account, lambda: broker.cancel("5c1e5d5e-0000-4000-8000-000000000000")):
                with pytest.raises(BrokerUnavailable):
                    ask()
            with pytest.raises(requests.TooManyRedirects):
                broker._client._session.get(f"{server.url}/v2/clock", allow_redirects=True)
    assert len(server.asked) == 1 + 3 + 1 + 1
    assert elsewhere.asked == []


def test_a_proxy_of_the_environment_is_not_used_for_the_simulated_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Answer(200, "{}")) as proxy, scripted(Answer(200, '{"timestamp": "2026-03-16T13:31:00Z"}')) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        broker, _ = connected(server.url, StandingClock())
        broker.now()
    assert proxy.asked == []


def test_what_changes_something_goes_first_in_the_budget() -> None:
    budget = CountedBudget()
    with scripted(Answer(200, '{"suspend_trade": true}')) as server:
        broker, _ = connected(server.url, StandingClock(), budget)
        broker.suspend(True)
        with pytest.raises(BrokerUnavailable):
            broker.account()
    assert budget.taken == [True, False, False, False]


def test_without_an_address_the_adapter_is_alpacas() -> None:
    broker, market = connect(
        SecretStr(KEY_ID), SecretStr(SECRET), clock=StandingClock(), budget=CountedBudget(), timeouts=PATIENT
    )
    assert broker._client._base_url == "https://paper-api.alpaca.markets"
    assert market._client._base_url == "https://data.alpaca.markets"


@pytest.mark.parametrize(
    ("options", "paper"), [({}, True), ({"paper": False}, False), ({"url_override": LIVE[2]}, False)]
)
def test_the_broker_tells_by_its_own_address_whether_it_is_paper(options: dict[str, Any], paper: bool) -> None:
    client = TradingClient(KEY_ID, SECRET, raw_data=True, **options)
    assert AlpacaBroker(client, StandingClock()).paper is paper
    assert connected("http://127.0.0.1:1", StandingClock())[0].paper

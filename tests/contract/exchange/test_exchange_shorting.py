"""Short sales, margin and wash trades, by the unmodified alpaca-py."""

from decimal import Decimal
from typing import Any

import pytest
from alpaca.trading.client import TradingClient

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange

SYMBOLS = 60


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    """A margin account of 100,000 USD that may sell short, in the middle of a session."""
    exchange = start_exchange(shorting="yes", margin_multiplier="4", cash="100000", symbols=str(SYMBOLS))
    exchange.advance("2022-03-16T11:00:00-04:00")
    return exchange


@pytest.fixture
def client(exchange: RunningExchange) -> TradingClient:
    return exchange.trading()


def refusal(exchange: RunningExchange, **fields: Any) -> tuple[int, str]:
    answer = exchange.order("", **fields)
    assert answer.json()["code"] == {403: 40310000, 422: 42210000}[answer.status_code]
    return answer.status_code, answer.json()["message"]


def easy(client: TradingClient) -> list[str]:
    """Symbols that are easy to borrow."""
    assets: Any = client.get_all_assets()
    return [asset.symbol for asset in assets if asset.easy_to_borrow]


def test_a_short_sale_and_its_covering(exchange: RunningExchange, client: TradingClient) -> None:
    symbol = easy(client)[0]
    sold = exchange.order("short", symbol=symbol, qty="10", side="sell").json()
    assert sold["position_intent"] == "sell_to_open"
    exchange.advance("2022-03-16T11:00:02-04:00")
    held: Any = client.get_open_position(symbol)
    account: Any = client.get_account()
    assert (held.side.value, held.qty, held.qty_available) == ("short", "-10", "-10")
    proceeds = 10 * Decimal(held.avg_entry_price)
    assert Decimal(account.cash) == 100_000 + round(proceeds, 2)
    assert Decimal(held.unrealized_pl) == Decimal(held.market_value) + round(proceeds, 2)
    value = Decimal(account.short_market_value)
    assert value == Decimal(held.market_value) < 0 == Decimal(account.long_market_value)
    assert Decimal(account.buying_power) == 4 * Decimal(account.equity) + value
    (row,) = exchange.call("GET", "/v2/account/activities/FILL").json()
    assert row["side"] == "sell_short"
    over = exchange.order("over", symbol=symbol, qty="11")
    assert (over.status_code, over.json()["available"], over.json()["existing_qty"]) == (403, "10", "-10")
    closing: Any = client.close_position(symbol)
    assert (closing.side.value, closing.qty, closing.position_intent.value) == ("buy", "10", "buy_to_close")
    exchange.advance("2022-03-16T11:00:04-04:00")
    after: Any = client.get_account()
    assert after.cash == after.equity
    assert client.get_all_positions() == []


def test_a_long_position_cannot_be_turned_over_in_one_order(exchange: RunningExchange, client: TradingClient) -> None:
    symbol = easy(client)[0]
    exchange.order("long", symbol=symbol, qty="10")
    exchange.advance("2022-03-16T11:00:02-04:00")
    status, message = refusal(exchange, symbol=symbol, qty="11", side="sell")
    assert (status, message) == (403, "insufficient qty available for order (requested: 11, available: 10)")


def test_shares_must_be_there_to_borrow(exchange: RunningExchange, client: TradingClient) -> None:
    assets: Any = client.get_all_assets()
    flags = {asset.symbol: (asset.shortable, asset.easy_to_borrow) for asset in assets}
    assert set(flags.values()) == {(True, True), (True, False), (False, False)}
    sold: dict[tuple[bool, bool], set[int]] = {}
    for symbol, kind in flags.items():
        answer = exchange.order(f"s-{symbol}", symbol=symbol, qty="1", side="sell")
        sold.setdefault(kind, set()).add(answer.status_code)
        assert answer.status_code == 200 or answer.json()["message"] == f'asset "{symbol}" cannot be sold short'
    assert sold == {(True, True): {200}, (True, False): {200, 403}, (False, False): {403}}
    fraction = refusal(exchange, symbol=easy(client)[0], qty="0.5", side="sell")
    assert fraction == (422, "fractional orders cannot be sold short")


def test_who_may_not_sell_short(start_exchange: Start) -> None:
    no = (403, "account is not allowed to short")
    poor = start_exchange("poor", shorting="yes", cash="1999.99")
    assert refusal(poor, symbol=easy(poor.trading())[0], qty="1", side="sell") == no
    cash_account = start_exchange("cash")
    assert refusal(cash_account, qty="1", side="sell") == no
    assert easy(cash_account.trading()) == []
    settings = cash_account.call("PATCH", "/v2/account/configurations", json={"no_shorting": False})
    assert settings.json()["no_shorting"] is False
    assert refusal(cash_account, qty="1", side="sell") == no


def test_margin_buys_more_than_there_is_cash_and_no_more_than_that(exchange: RunningExchange) -> None:
    assert exchange.call("GET", "/v2/account").json()["buying_power"] == "400000"
    exchange.order("big", qty="3000", type="limit", limit_price="100").raise_for_status()
    answer = exchange.order("bigger", qty="1001", type="limit", limit_price="100").json()
    assert (answer["buying_power"], answer["cost_basis"]) == ("100000", "100100")
    exchange.call("PATCH", "/v2/account/configurations", json={"max_margin_multiplier": "1"})
    account = exchange.call("GET", "/v2/account").json()
    assert (account["multiplier"], account["buying_power"]) == ("1", "0")


@pytest.mark.parametrize(
    ("existing", "wanted", "reason"),
    [
        ({"limit_price": "300"}, {"type": "limit", "limit_price": "300"}, "opposite side limit order exists"),
        ({"limit_price": "300"}, {}, "opposite side limit order exists"),
        (
            {"type": "stop", "stop_price": "1"},
            {"type": "limit", "limit_price": "2"},
            "opposite side market/stop order exists",
        ),
        ({"limit_price": "300"}, {"type": "limit", "limit_price": "299.99"}, None),
    ],
)
def test_no_order_may_meet_ones_own(
    exchange: RunningExchange, existing: dict[str, str], wanted: dict[str, str], reason: str | None
) -> None:
    """A resting sale, then a buy in the same symbol."""
    exchange.call("POST", "/sim/positions", json={"symbol": "SYAAA", "qty": "10", "price": "10"})
    sale = exchange.order("sale", side="sell", **{"type": "limit"} | existing).json()
    answer = exchange.order("buy", qty="1", **wanted)
    if reason is None:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "code": 40310000,
            "message": "potential wash trade detected. use complex orders",
            "existing_order_id": sale["id"],
            "reject_reason": reason,
        },
    )
    assert exchange.order("other", symbol="SYAAB", qty="1", **wanted).status_code == 200

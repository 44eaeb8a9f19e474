"""The levers on market, calendar, assets, account and answers, seen by the unmodified alpaca-py."""

import signal
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.requests import GetCalendarRequest

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange

DAY = "2022-03-16"


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    return start_exchange()


def quote(exchange: RunningExchange, symbol: str = "SYAAA") -> Any:
    return exchange.data().get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))[symbol]


def at(clock: str) -> str:
    return f"{DAY}T{clock}-04:00"


def test_a_shock_moves_prices_from_its_instant_to_the_close(start_exchange: Start) -> None:
    """A crash by a fifth within a minute against a twin where nothing happens; a stop is caught in it."""
    plain, crashed = start_exchange("plain"), start_exchange("crashed")
    crashed.pull("market/shock", symbol=None, at=at("11:00:00"), pct=-20, over_s=60)
    for exchange in (plain, crashed):
        exchange.pull("positions", symbol="SYAAA", qty="10", price="10")
        exchange.advance(at("11:00:00"))
    before = quote(plain)
    assert quote(crashed) == before
    stop_price = f"{before.bid_price * 0.9:.2f}"
    for exchange in (plain, crashed):
        exchange.order("stop", side="sell", type="stop", stop_price=stop_price).raise_for_status()
        exchange.advance(at("11:00:30"))
    assert quote(crashed).bid_price == pytest.approx(quote(plain).bid_price * 0.9, rel=0.01)
    for exchange in (plain, crashed):
        exchange.advance(at("16:00:00"))
    assert [each.find("stop")["status"] for each in (plain, crashed)] == ["expired", "filled"]
    bars = [
        each.call("GET", "/v2/stocks/snapshots?symbols=SYAAB").json()["SYAAB"]["dailyBar"] for each in (plain, crashed)
    ]
    assert bars[1]["o"] == bars[0]["o"]
    assert bars[1]["c"] == pytest.approx(bars[0]["c"] * 0.8, rel=0.001)
    assert bars[1]["l"] <= bars[1]["c"]
    account = crashed.call("GET", "/v2/account").json()
    assert Decimal(account["equity"]) == Decimal(account["cash"])


def test_in_a_halt_nothing_fills_and_the_quote_grows_old(exchange: RunningExchange) -> None:
    exchange.pull("market/halt", symbol="SYAAA", **{"from": at("10:00:00"), "to": at("10:30:00")})
    exchange.advance(at("10:10:00"))
    for symbol in ("SYAAA", "SYAAB"):
        exchange.order(f"in-{symbol}", symbol=symbol)
    exchange.order("ioc", time_in_force="ioc")
    exchange.advance(at("10:29:59"))
    assert [exchange.find(name)["status"] for name in ("in-SYAAA", "in-SYAAB", "ioc")] == ["new", "filled", "canceled"]
    assert quote(exchange).timestamp == datetime(2022, 3, 16, 13, 59, 59, tzinfo=UTC)
    exchange.advance(at("10:30:00"))
    assert exchange.find("in-SYAAA")["filled_at"] == f"{DAY}T14:30:00.000000000Z"


def test_the_brokers_calendar_may_break_the_rules(exchange: RunningExchange) -> None:
    client = exchange.trading()
    exchange.order("queued")
    exchange.pull("calendar", date=DAY, closed=True)
    exchange.pull("calendar", date="2022-03-17", close="12:00")
    days: Any = client.get_calendar(GetCalendarRequest(start=date(2022, 3, 15), end=date(2022, 3, 17)))
    assert [(day.date.day, day.close.hour) for day in days] == [(15, 16), (17, 12)]
    assert exchange.stop(signal.SIGKILL) == -signal.SIGKILL
    exchange.start()
    exchange.advance(at("10:00:00"))
    clock: Any = exchange.trading().get_clock()
    assert (clock.is_open, clock.next_open.day, clock.next_close.hour) == (False, 17, 12)
    assert exchange.find("queued")["expires_at"] == "2022-03-17T16:00:00.000000000Z"
    exchange.advance("2022-03-17T12:00:00-04:00")
    assert exchange.find("queued")["filled_at"].startswith("2022-03-17T13:30:0")
    params = {"symbols": "SYAAA", "timeframe": "1Day", "start": "2022-03-15"}
    bars = exchange.call("GET", "/v2/stocks/bars", params=params).json()["bars"]["SYAAA"]
    assert [bar["t"][:10] for bar in bars] == ["2022-03-15", "2022-03-17"]
    history: Any = exchange.trading().get_portfolio_history()
    assert len(history.equity) == 1


def test_an_asset_may_be_barred_or_lent_out(start_exchange: Start) -> None:
    exchange = start_exchange(shorting="yes")
    exchange.pull("assets/SYAAA", tradable=False)
    exchange.pull("assets/SYAAB", shortable=False)
    barred: Any = exchange.trading().get_asset("SYAAA")
    assert barred.tradable is False
    answer = exchange.order("barred")
    assert (answer.status_code, answer.json()["message"]) == (422, 'asset "SYAAA" is not tradable')
    lent = exchange.order("lent", symbol="SYAAB", side="sell")
    assert (lent.status_code, lent.json()["message"]) == (403, 'asset "SYAAB" cannot be sold short')
    exchange.pull("assets/SYAAA", tradable=True)
    assert exchange.order("freed").status_code == 200


@pytest.mark.parametrize(
    ("lever", "body"),
    [
        ("market/shock", {"symbol": "SYAAA", "at": at("07:00:00"), "pct": -5}),
        ("market/shock", {"symbol": "SYAAA", "at": at("18:00:00"), "pct": -5}),
        ("market/shock", {"symbol": "NOPE", "at": at("11:00:00"), "pct": -5}),
        ("market/shock", {"at": at("11:00:00"), "pct": -100}),
        ("market/halt", {"symbol": "SYAAA", "from": at("11:00:00"), "to": at("10:00:00")}),
        ("assets/SYAAA", {"tradable": "no"}),
        ("calendar", {"date": "2022-03-15", "closed": True}),
        ("calendar", {"date": "2022-03-19", "closed": True}),
        ("calendar", {"date": DAY, "close": "17:00"}),
        ("calendar", {"date": DAY}),
        ("account/reset", {"cash_usd": "0.001"}),
        ("lag", {"orders_s": -1}),
    ],
)
def test_levers_that_make_no_sense_are_refused(exchange: RunningExchange, lever: str, body: dict[str, Any]) -> None:
    assert exchange.call("POST", f"/sim/{lever}", json=body).status_code == 422


def resting(exchange: RunningExchange, name: str) -> str:
    exchange.order(name, type="limit", limit_price="1.01").raise_for_status()
    exchange.advance(at("11:00:01"))
    order_id: str = exchange.find(name)["id"]
    return order_id


@pytest.mark.parametrize(
    ("fate", "status", "end"),
    [
        ("stuck_cancel", 204, "pending_cancel"),
        ("fill_before_cancel", 422, "filled"),
        ("fill_after_cancel", 204, "filled"),
    ],
)
def test_a_cancel_may_have_a_fate_of_its_own(exchange: RunningExchange, fate: str, status: int, end: str) -> None:
    exchange.advance(at("11:00:00"))
    order_id = resting(exchange, fate)
    exchange.fault(fate, method="DELETE", path="/v2/orders/*")
    answer = exchange.call("DELETE", f"/v2/orders/{order_id}")
    assert answer.status_code == status
    assert status == 204 or answer.json() == {"code": 42210000, "message": 'order is already in "filled" state'}
    exchange.advance(at("15:59:59"))
    assert exchange.find(fate)["status"] == end
    exchange.advance(at("16:00:00"))
    assert exchange.find(fate)["status"] == ("expired" if end == "pending_cancel" else end)


def test_answers_may_trail_behind(exchange: RunningExchange) -> None:
    exchange.advance(at("11:00:00"))
    exchange.pull("lag", orders_s=5, positions_s=8)
    exchange.order("late")
    assert exchange.call("GET", "/v2/orders?status=all").json() == []
    assert "id" not in exchange.find("late")
    seen = {}
    for second in range(1, 12):
        exchange.advance(at(f"11:00:{second:02d}"))
        seen[second] = exchange.find("late").get("status"), len(exchange.call("GET", "/v2/positions").json())
    assert (seen[4], seen[5], seen[7], seen[10]) == ((None, 0), ("pending_new", 0), ("filled", 0), ("filled", 1))
    assert exchange.order("late").json()["message"] == "client_order_id must be unique"
    exchange.pull("lag")
    exchange.order("now")
    assert exchange.find("now")["status"] == "pending_new"


def test_a_reset_opens_another_account(exchange: RunningExchange) -> None:
    exchange.advance(at("11:00:00"))
    exchange.order("before")
    exchange.advance(at("11:00:02"))
    number = exchange.call("GET", "/v2/account").json()["account_number"]
    exchange.pull("account/reset", cash_usd="2500", revoke_key_id="key")
    assert exchange.stop(signal.SIGKILL) == -signal.SIGKILL
    exchange.start()
    with pytest.raises(APIError) as refused:
        exchange.trading().get_account()
    assert refused.value.status_code == 401
    client = TradingClient("another", "secret", url_override=exchange.url)
    account: Any = client.get_account()
    assert (account.cash, account.equity, account.last_equity) == ("2500", "2500", "2500")
    assert account.account_number != number
    assert (
        client.get_all_positions()
        == client.get("/account/activities", {})
        == client.get("/orders", {"status": "all"})
        == []
    )

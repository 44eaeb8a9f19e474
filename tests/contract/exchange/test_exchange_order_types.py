"""Stop orders, times in force and opening dollars, sent by the unmodified alpaca-py."""

from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, OrderType, TimeInForce
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    StopLimitOrderRequest,
    StopOrderRequest,
    TrailingStopOrderRequest,
)

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    return start_exchange()


def send(exchange: RunningExchange, kind: type[OrderRequest], name: str, **fields: Any) -> Any:
    """An order by the SDK for 10 shares of SYAAA to buy and for the day, or as given."""
    usual: dict[str, Any] = {
        "symbol": "SYAAA",
        "side": OrderSide.BUY,
        "time_in_force": TimeInForce.DAY,
        "client_order_id": name,
    }
    if "notional" not in fields:
        usual["qty"] = 10
    return exchange.trading().submit_order(kind(**usual | fields))


def bar(exchange: RunningExchange, day: str, symbol: str = "SYAAA") -> dict[str, float]:
    """A finished day's bar."""
    params = {"symbols": symbol, "timeframe": "1Day", "start": f"{day}T00:00:00-04:00", "end": f"{day}T23:00:00-04:00"}
    found: dict[str, float] = exchange.call("GET", "/v2/stocks/bars", params=params).json()["bars"][symbol][0]
    return found


def refused(exchange: RunningExchange, kind: type[OrderRequest], **fields: Any) -> tuple[int, int, str]:
    with pytest.raises(APIError) as failure:
        send(exchange, kind, "", **fields)
    return failure.value.status_code, failure.value.code, failure.value.message


def test_a_stop_waits_for_its_price_and_then_pays_the_touch(exchange: RunningExchange) -> None:
    exchange.advance("2022-03-17T08:00:00-04:00")
    near = round(Decimal(str(bar(exchange, "2022-03-16")["c"])) * Decimal("1.003"), 2)
    resting = send(exchange, StopOrderRequest, "near", stop_price=float(near))
    send(exchange, StopOrderRequest, "never", stop_price=float(near) * 3 // 1)
    send(exchange, StopLimitOrderRequest, "capped", stop_price=float(near), limit_price=1.01)
    assert (resting.type, resting.stop_price) == (OrderType.STOP, str(near.normalize()))
    exchange.advance("2022-03-17T16:00:00-04:00")
    day = bar(exchange, "2022-03-17")
    assert day["o"] < near < day["h"], "this market must rise to the stop, or the test shows nothing"
    stopped = exchange.find("near")
    assert [exchange.find(name)["status"] for name in ("near", "never", "capped")] == ["filled", "expired", "expired"]
    assert near <= Decimal(stopped["filled_avg_price"]) <= near * Decimal("1.003")


def test_gtc_goes_on_until_it_fills_or_is_ninety_days_old(exchange: RunningExchange) -> None:
    send(exchange, LimitOrderRequest, "low", limit_price=1.01, time_in_force=TimeInForce.GTC)
    low = exchange.find("low")
    assert low["expires_at"] == "2022-06-14T20:00:00.000000000Z"
    exchange.advance("2022-03-16T16:00:01-04:00")
    assert exchange.stop() == 0
    exchange.start()
    assert exchange.find("low")["status"] == "new"
    exchange.advance("2022-06-13T17:00:00-04:00")
    assert exchange.find("low")["status"] == "new"
    exchange.advance("2022-06-14T16:00:00-04:00")
    low = exchange.find("low")
    assert (low["status"], low["canceled_at"]) == ("canceled", low["expires_at"])


def test_gtc_fills_on_a_later_day(exchange: RunningExchange) -> None:
    exchange.advance("2022-03-16T15:59:59.99-04:00")
    send(exchange, MarketOrderRequest, "late", time_in_force=TimeInForce.GTC)
    exchange.advance("2022-03-17T09:30:01-04:00")
    late = exchange.find("late")
    assert (late["status"], late["filled_at"][:18]) == ("filled", "2022-03-17T13:30:0")


def test_ioc_and_fok_fill_at_once_or_not_at_all(start_exchange: Start) -> None:
    exchange = start_exchange("at-once", partial_fills="1")
    exchange.advance("2022-03-16T11:00:00-04:00")
    for tif in (TimeInForce.IOC, TimeInForce.FOK):
        send(exchange, MarketOrderRequest, f"{tif.value}-taken", time_in_force=tif)
        send(exchange, LimitOrderRequest, f"{tif.value}-low", limit_price=1.01, time_in_force=tif)
    exchange.advance("2022-03-16T11:00:01-04:00")
    ends = {name: exchange.find(name) for name in ("ioc-taken", "ioc-low", "fok-taken", "fok-low")}
    assert [order["status"] for order in ends.values()] == ["canceled", "canceled", "filled", "canceled"]
    assert 0 < Decimal(ends["ioc-taken"]["filled_qty"]) < 10
    assert ends["fok-taken"]["filled_qty"] == "10"


@pytest.mark.parametrize(
    ("instant", "tif", "until"),
    [
        ("2022-03-16T09:28:00-04:00", "opg", "9:28am"),
        ("2022-03-16T18:59:59-04:00", "opg", "9:28am"),
        ("2022-03-16T15:50:00-04:00", "cls", "3:50pm"),
        ("2022-11-25T12:50:00-05:00", "cls", "12:50pm"),
    ],
)
def test_the_auctions_have_their_hours(start_exchange: Start, instant: str, tif: str, until: str) -> None:
    exchange = start_exchange(history_end="2022-12-30")
    exchange.advance(instant)
    answer = refused(exchange, MarketOrderRequest, time_in_force=TimeInForce(tif))
    assert answer == (403, 40310000, f"{tif} orders must be submitted after 7:00pm and before {until}")
    exchange.advance(f"{instant[:10]}T19:00:00{instant[-6:]}")
    assert send(exchange, MarketOrderRequest, "evening", time_in_force=TimeInForce(tif)).status.value == "accepted"


def test_the_close_is_the_official_print_and_the_opening_auction_fills_nobody(exchange: RunningExchange) -> None:
    send(exchange, MarketOrderRequest, "opening", time_in_force=TimeInForce.OPG)
    send(exchange, MarketOrderRequest, "closing", time_in_force=TimeInForce.CLS)
    send(exchange, LimitOrderRequest, "cheap", limit_price=1.01, time_in_force=TimeInForce.CLS)
    exchange.advance("2022-03-16T09:33:00-04:00")
    opening = exchange.find("opening")
    assert (opening["status"], opening["filled_qty"]) == ("expired", "0")
    assert "2022-03-16T13:30:53" <= opening["expired_at"] <= "2022-03-16T13:32:48.1"
    exchange.advance("2022-03-16T16:00:00-04:00")
    closing = exchange.find("closing")
    assert (closing["status"], closing["filled_at"]) == ("filled", "2022-03-16T20:00:00.000000000Z")
    assert Decimal(closing["filled_avg_price"]) == Decimal(str(bar(exchange, "2022-03-16")["c"]))
    assert exchange.find("cheap")["status"] == "expired"


def test_dollars_queued_overnight_buy_at_the_opening_print(exchange: RunningExchange) -> None:
    send(exchange, MarketOrderRequest, "dollars", notional=1000)
    exchange.advance("2022-03-16T09:30:02-04:00")
    dollars = exchange.find("dollars")
    exchange.advance("2022-03-16T16:00:00-04:00")
    assert Decimal(dollars["filled_avg_price"]) == Decimal(str(bar(exchange, "2022-03-16")["o"]))
    assert dollars["filled_at"] >= "2022-03-16T13:30:00.9"


def test_terms_that_do_not_go_together_are_refused(exchange: RunningExchange) -> None:
    trailing = refused(exchange, TrailingStopOrderRequest, trail_percent=1)
    assert trailing == (422, 42210000, "order type trailing_stop is not supported by this exchange")
    late = "extended hours order must be DAY or GTC limit orders"
    assert refused(exchange, MarketOrderRequest, extended_hours=True) == (422, 42210000, late)
    ioc = {"limit_price": 5, "time_in_force": TimeInForce.IOC}
    assert refused(exchange, LimitOrderRequest, extended_hours=True, **ioc) == (422, 42210000, late)
    part = refused(exchange, MarketOrderRequest, qty=0.5, time_in_force=TimeInForce.GTC)
    assert part == (422, 42210000, "fractional orders must be DAY orders")
    stop = refused(exchange, StopOrderRequest, stop_price=9, time_in_force=TimeInForce.CLS)
    assert stop == (422, 42210000, "cls orders must be market or limit orders")
    penny = refused(exchange, StopOrderRequest, stop_price=9.001)
    assert penny[2] == "invalid stop_price 9.001. sub-penny increment does not fulfill minimum pricing criteria"
    assert send(exchange, LimitOrderRequest, "eh", limit_price=5, extended_hours=True).extended_hours is True

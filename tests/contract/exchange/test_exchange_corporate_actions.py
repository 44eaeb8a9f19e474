"""Splits, dividends, changes of symbol and fees: what holdings, cash, bars, assets and activities say of them."""

import signal
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment
from alpaca.data.models import Bar
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from tests.contract.exchange.conftest import Start
from tests.contract.exchange.running import RunningExchange

EVE, DAY, AFTER = "2022-03-16", "2022-03-17", "2022-03-18"


@pytest.fixture
def exchange(start_exchange: Start) -> RunningExchange:
    return start_exchange()


def at(day: str, clock: str) -> str:
    return f"{day}T{clock}-04:00"


def act(exchange: RunningExchange, kind: str, symbol: str = "SYAAA", **given: Any) -> Any:
    return exchange.pull("corporate-action", kind=kind, **{"symbol": symbol, "date": DAY} | given)


def activities(exchange: RunningExchange, path: str = "", **params: str) -> Any:
    return exchange.trading().get(f"/account/activities{path}", params)


def held(exchange: RunningExchange) -> dict[str, tuple[Decimal, Decimal]]:
    every: Any = exchange.trading().get_all_positions()
    return {each.symbol: (Decimal(each.qty), Decimal(each.avg_entry_price)) for each in every}


def cash(exchange: RunningExchange) -> Decimal:
    account: Any = exchange.trading().get_account()
    return Decimal(account.cash)


def bars(exchange: RunningExchange, adjustment: Adjustment, symbol: str = "SYAAA") -> list[Bar]:
    request = StockBarsRequest(
        symbol_or_symbols=symbol,
        timeframe=TimeFrame(1, TimeFrameUnit("Day")),
        start=date.fromisoformat("2022-03-01"),
        adjustment=adjustment,
    )
    answer: Any = exchange.data().get_stock_bars(request)
    rows: list[Bar] = answer.data.get(symbol, [])
    return rows


def mid(exchange: RunningExchange, symbol: str = "SYAAA") -> float:
    quote: Any = exchange.data().get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))
    return float(quote[symbol].bid_price + quote[symbol].ask_price) / 2


@pytest.mark.parametrize(("ratio", "factor"), [("2:1", Decimal(2)), ("1:10", Decimal("0.1"))])
def test_a_split_changes_shares_and_prices_but_not_what_they_are_worth(
    start_exchange: Start, ratio: str, factor: Decimal
) -> None:
    """Against a twin without it: before its day nothing differs, from then on everything by the factor."""
    plain, split = start_exchange("plain"), start_exchange("split")
    act(split, "split", ratio=ratio)
    for exchange in (plain, split):
        exchange.order("holding", qty="40").raise_for_status()
        exchange.advance(at(EVE, "17:00:00"))
        exchange.order("resting", time_in_force="gtc", type="limit", limit_price="1.01").raise_for_status()
    assert held(split) == held(plain)
    assert bars(split, Adjustment.SPLIT) == bars(plain, Adjustment.RAW)
    assert activities(split, "/SPLIT") == []
    for exchange in (plain, split):
        exchange.advance(at(DAY, "09:00:00"))
    assert mid(split) == pytest.approx(mid(plain) / float(factor), rel=0.002)
    (before, cost), (after, average) = held(plain)["SYAAA"], held(split)["SYAAA"]
    assert (after, average) == (before * factor, cost / factor)
    assert split.find("resting")["status"] == "canceled"
    gone, come = sorted(activities(split, "/SPLIT"), key=lambda row: Decimal(row["qty"]))
    assert (gone["qty"], Decimal(come["qty"]), gone["net_amount"]) == ("-40", after, "0")
    assert gone["group_id"] == come["group_id"]
    for exchange in (plain, split):
        exchange.advance(at(AFTER, "09:00:00"))
    raw, adjusted, unsplit = bars(split, Adjustment.RAW), bars(split, Adjustment.SPLIT), bars(plain, Adjustment.SPLIT)
    assert raw[-1] == adjusted[-1]
    assert raw[:-1] == unsplit[:-1]
    for old, new in zip(unsplit, adjusted, strict=True):
        assert new.close == pytest.approx(old.close / float(factor), abs=1e-4)
        assert new.volume == pytest.approx(old.volume * float(factor), abs=1)
    values = [each.call("GET", "/v2/account").json()["equity"] for each in (plain, split)]
    assert float(values[1]) == pytest.approx(float(values[0]), abs=0.1)


def test_a_dividend_is_paid_on_what_is_held_before_the_open(exchange: RunningExchange) -> None:
    exchange.order("holding", qty="40").raise_for_status()
    act(exchange, "dividend", per_share_usd="0.255")
    act(exchange, "dividend", "SYAAB", per_share_usd="3")
    exchange.advance(at(EVE, "23:59:59"))
    before = cash(exchange)
    exchange.advance(at(DAY, "00:00:00"))
    assert cash(exchange) == before + Decimal("10.20")
    assert activities(exchange, "/DIV") == [
        {
            "id": activities(exchange, "/DIV")[0]["id"],
            "activity_type": "DIV",
            "activity_sub_type": "CDIV",
            "date": DAY,
            "net_amount": "10.2",
            "symbol": "SYAAA",
            "qty": "40",
            "per_share_amount": "0.255",
            "status": "executed",
            "created_at": f"{DAY}T04:00:00.000000000Z",
            "group_id": activities(exchange, "/DIV")[0]["group_id"],
            "currency": "USD",
            "cusip": None,
            "description": "cash dividend of SYAAA, 0.255 a share",
        }
    ]
    assert held(exchange)["SYAAA"][0] == 40


def test_a_company_goes_on_under_its_new_symbol(start_exchange: Start) -> None:
    plain, renamed = start_exchange("plain"), start_exchange("renamed")
    act(renamed, "symbol_change", new_symbol="FRESH")
    for exchange in (plain, renamed):
        exchange.order("holding", qty="40").raise_for_status()
        exchange.advance(at(EVE, "17:00:00"))
        exchange.order("queued").raise_for_status()
    with pytest.raises(APIError):
        renamed.trading().get_asset("FRESH")
    assert bars(renamed, Adjustment.RAW, "FRESH") == []
    assert renamed.order("early", "FRESH").status_code == 422
    for exchange in (plain, renamed):
        exchange.advance(at(DAY, "00:00:00"))
    assert held(renamed) == {"FRESH": held(plain)["SYAAA"]}
    assert renamed.find("queued")["status"] == "canceled"
    old: Any = renamed.trading().get_asset("SYAAA")
    new: Any = renamed.trading().get_asset("FRESH")
    assert (old.status, old.tradable, new.status, new.tradable) == ("inactive", False, "active", True)
    listed = {row["symbol"] for row in renamed.call("GET", "/v2/assets?status=active").json()}
    assert ("SYAAA" in listed, "FRESH" in listed) == (False, True)
    assert renamed.order("late").json()["message"] == 'asset "SYAAA" is not tradable'
    rows = {row["symbol"]: row["qty"] for row in activities(renamed, "/NC")}
    assert rows == {"SYAAA": "-40", "FRESH": "40"}
    assert renamed.stop(signal.SIGKILL) == -signal.SIGKILL
    renamed.start()
    for exchange, symbol in ((plain, "SYAAA"), (renamed, "FRESH")):
        exchange.advance(at(DAY, "12:00:00"))
        exchange.order("sold", symbol, side="sell", qty="40").raise_for_status()
        exchange.advance(at(AFTER, "09:00:00"))
    assert renamed.find("sold")["filled_avg_price"] == plain.find("sold")["filled_avg_price"]
    whole = bars(plain, Adjustment.RAW)
    went_on = [(bar.timestamp, bar.close) for bar in bars(renamed, Adjustment.RAW, "FRESH")]
    assert went_on == [(bar.timestamp, bar.close) for bar in whole]
    assert bars(renamed, Adjustment.RAW) == whole[:-1]


def test_a_fee_is_taken_at_once_and_every_row_survives_a_kill(exchange: RunningExchange) -> None:
    exchange.order("holding", qty="40").raise_for_status()
    exchange.advance(at(EVE, "12:00:00"))
    before = cash(exchange)
    exchange.pull("corporate-action", kind="fee", amount_usd="1.37")
    assert cash(exchange) == before - Decimal("1.37")
    act(exchange, "split", ratio="3:1")
    exchange.advance(at(DAY, "08:00:00"))
    rows = activities(exchange)
    assert [row["activity_type"] for row in rows] == ["SPLIT", "SPLIT", "FILL", "FEE"]
    assert exchange.stop(signal.SIGKILL) == -signal.SIGKILL
    exchange.start()
    assert activities(exchange) == rows
    assert held(exchange)["SYAAA"][0] == 120


def test_rows_of_all_kinds_are_filtered_and_paged_together(exchange: RunningExchange) -> None:
    exchange.order("holding", qty="40").raise_for_status()
    act(exchange, "dividend", per_share_usd="1")
    exchange.advance(at(DAY, "08:00:00"))
    exchange.pull("corporate-action", kind="fee", amount_usd="2")
    every = activities(exchange)
    assert sorted(row["activity_type"] for row in every) == ["DIV", "FEE", "FILL"]
    paged = activities(exchange, page_size="2")
    paged += activities(exchange, page_size="2", page_token=paged[-1]["id"])
    assert paged == every
    for params, kinds in [
        ({"activity_types": "DIV,FEE"}, ["DIV", "FEE"]),
        ({"activity_types": "FILL"}, ["FILL"]),
        ({"category": "non_trade_activity"}, ["DIV", "FEE"]),
        ({"date": DAY}, ["DIV", "FEE"]),
        ({"date": EVE}, ["FILL"]),
        ({"after": at(EVE, "16:00:00")}, ["DIV", "FEE"]),
        ({"until": at(DAY, "00:00:00")}, ["FILL"]),
        ({"order_id": exchange.find("holding")["id"]}, ["FILL"]),
    ]:
        assert sorted(row["activity_type"] for row in activities(exchange, **params)) == kinds


def test_what_comes_from_outside_leaves_no_row(exchange: RunningExchange) -> None:
    exchange.pull("account/cash", amount_usd="100")
    exchange.pull("positions", symbol="SYAAA", qty="5", price="10")
    assert activities(exchange) == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "merger", "symbol": "SYAAA", "date": DAY},
        {"kind": "split", "symbol": "SYAAA", "date": DAY, "ratio": "2"},
        {"kind": "split", "symbol": "SYAAA", "date": DAY, "ratio": "2:2"},
        {"kind": "split", "symbol": "NOPE", "date": DAY, "ratio": "2:1"},
        {"kind": "split", "symbol": "SYAAA", "date": "2022-03-15", "ratio": "2:1"},
        {"kind": "split", "symbol": "SYAAA", "date": "2022-03-19", "ratio": "2:1"},
        {"kind": "dividend", "symbol": "SYAAA", "date": DAY, "per_share_usd": "0"},
        {"kind": "symbol_change", "symbol": "SYAAA", "date": DAY, "new_symbol": "SYAAB"},
        {"kind": "symbol_change", "symbol": "SYAAA", "date": DAY, "new_symbol": "low"},
        {"kind": "fee", "amount_usd": "0.001"},
        {"kind": "fee", "amount_usd": "1", "date": "2022-03-15"},
    ],
)
def test_actions_that_make_no_sense_are_refused(exchange: RunningExchange, body: dict[str, str]) -> None:
    assert exchange.call("POST", "/sim/corporate-action", json=body).status_code == 422

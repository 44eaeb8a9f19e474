"""Reads: tried again, paged to the end, and indifferent to what Alpaca adds or drops."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.contract.alpaca.conftest import MARKET
from tests.contract.alpaca.rig import START, Answer, Rig, StandingClock, approved, connected, scripted
from trader.adapters.alpaca import translate
from trader.adapters.alpaca.trading import FILLS_PER_PAGE, ORDERS_PER_PAGE
from trader.adapters.embedded_exchange import EmbeddedExchange
from trader.domain.errors import BrokerUnavailable
from trader.domain.market import SessionDay
from trader.domain.orders import OrderStatus, Side

TODAY = date(2026, 3, 16)


def today(rig: Rig) -> SessionDay:
    (session,) = rig.broker.calendar(TODAY, TODAY)
    return session


@pytest.mark.parametrize("fault", ["504_before", "502_html_before", "drop_before", "429", "empty_after"])
def test_a_read_is_tried_three_times(rig: Rig, fault: str) -> None:
    for failures, answered in ((2, True), (3, False)):
        before = len(rig.requests("GET", "/v2/account"))
        rig.fault(fault, "GET", "/v2/account", times=failures)
        if answered:
            assert rig.broker.account().account_number
        else:
            with pytest.raises(BrokerUnavailable, match="reading the account"):
                rig.broker.account()
        assert len(rig.requests("GET", "/v2/account")) == before + 3


def test_the_waits_between_reads_are_the_clocks() -> None:
    clock = StandingClock()
    with scripted(Answer(503), Answer(200, "not json"), Answer(200, '{"timestamp": "2026-03-16T09:31:00-04:00"}')) as s:
        broker, _ = connected(s.url, clock)
        assert broker.now() == START
    assert clock.waits_s == [1, 3]


@pytest.mark.parametrize(("reset_in_s", "waited_s"), [(20, 20), (0, 1), (3600, 60)])
def test_a_429_is_waited_out_until_the_brokers_minute_is_over(reset_in_s: int, waited_s: int) -> None:
    clock = StandingClock()
    reset = {"X-RateLimit-Reset": str(int(START.timestamp()) + reset_in_s)}
    with scripted(Answer(429, "", reset), Answer(200, '{"timestamp": "2026-03-16T13:31:00Z"}')) as server:
        broker, _ = connected(server.url, clock)
        broker.now()
    assert clock.waits_s == [waited_s]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_are_not_tried_again_and_say_what_to_do(status: int) -> None:
    with scripted(Answer(status, '{"message": "unauthorized."}')) as server:
        broker, market = connected(server.url, StandingClock())
        for read in (broker.account, broker.positions, lambda: market.quotes(["AAA"])):
            with pytest.raises(BrokerUnavailable, match=r"unauthorized\..*paper keys"):
                read()
    assert len(server.asked) == 3


def test_revoked_keys_are_refused_by_the_exchange_too(rig: Rig) -> None:
    broker, _ = connected(rig.url, rig.clock, key_id="REVOKED")
    with pytest.raises(BrokerUnavailable, match="paper keys"):
        broker.account()


def test_an_unknown_id_is_absent_and_no_error(rig: Rig) -> None:
    assert rig.broker.order_by_client_id("pt1.never.sent") is None


def test_a_look_up_that_finds_another_order_finds_nothing_to_trust() -> None:
    with scripted(Answer(200, json.dumps({**ORDER, "client_order_id": "another"}))) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(BrokerUnavailable):
            broker.order_by_client_id("ours")


def test_the_account_and_the_clock_are_the_exchanges(rig: Rig) -> None:
    account = rig.broker.account()
    assert account.status == "ACTIVE"
    assert (account.blocked, account.suspended_by_user) == (False, False)
    assert rig.broker.now() == rig.clock.now()
    assert len(rig.broker.assets()) == MARKET.symbols


def test_half_days_and_clock_changes_are_told_in_utc(rig: Rig) -> None:
    sessions = {day.date: day for day in rig.broker.calendar(date(2025, 11, 26), date(2026, 3, 9))}
    assert date(2025, 11, 27) not in sessions
    assert sessions[date(2025, 11, 28)].close_at == datetime(2025, 11, 28, 18, 0, tzinfo=UTC)
    assert sessions[date(2026, 3, 6)].open_at == datetime(2026, 3, 6, 14, 30, tzinfo=UTC)
    assert sessions[date(2026, 3, 9)].open_at == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)


def test_bars_are_long_sorted_split_adjusted_and_end_with_the_last_whole_session(rig: Rig) -> None:
    symbols = [asset.symbol for asset in rig.broker.assets()]
    bars = rig.market.daily_bars([*reversed(symbols), "NOSUCH"], date(2026, 3, 1), TODAY)
    assert list(bars.columns) == ["symbol", "date", "open", "high", "low", "close", "volume"]
    assert list(bars["symbol"].unique()) == symbols
    one = bars[bars["symbol"] == symbols[0]]
    sessions = [day.date for day in rig.broker.calendar(date(2026, 3, 1), date(2026, 3, 13))]
    assert list(one["date"]) == sessions
    assert (bars["high"] >= bars["low"]).all()
    asked = rig.requests("GET", "/v2/stocks/bars")[-1]["query"]
    assert "adjustment=split" in asked
    assert "feed=iex" in asked


def test_bars_of_the_last_sixteen_minutes_are_never_asked_for() -> None:
    clock = StandingClock(datetime(2026, 3, 16, 4, 10, tzinfo=UTC))  # ten minutes past midnight in New York
    with scripted(Answer(200, '{"bars": {}, "next_page_token": null}')) as server:
        _, market = connected(server.url, clock)
        assert market.daily_bars(["AAA"], TODAY, TODAY).empty
        assert server.asked == []
        assert market.daily_bars(["AAA"], TODAY - timedelta(days=3), TODAY).empty
    assert "end=2026-03-16T03%3A54%3A00" in server.asked[0]


def test_many_symbols_are_asked_for_in_parts(rig: Rig) -> None:
    known = [asset.symbol for asset in rig.broker.assets()]
    before = len(rig.requests("GET", "/v2/stocks/quotes/latest"))
    quotes = rig.market.quotes([*(f"X{n:03}" for n in range(396)), *known])
    assert set(quotes) == set(known)
    assert all(0 < quote.bid < quote.ask for quote in quotes.values())
    assert len(rig.requests("GET", "/v2/stocks/quotes/latest")) == before + 3


def test_a_quote_without_both_sides_is_no_quote() -> None:
    row = {"t": "2026-03-16T13:31:00.5Z", "bp": 10.01, "ap": 10.03, "bs": 1, "as": 1}
    quotes = translate.quotes({"A": row, "B": {**row, "bp": 0}, "C": {**row, "ap": 0}, "D": None})
    assert list(quotes) == ["A"]
    assert (quotes["A"].bid, quotes["A"].ask) == (Decimal("10.01"), Decimal("10.03"))


ORDER = {
    "id": "5c1e5d5e-0000-4000-8000-000000000000",
    "client_order_id": "somebody",
    "symbol": "AAA",
    "side": "buy",
    "qty": "10",
    "limit_price": "10.50",
    "filled_qty": "0",
    "filled_avg_price": None,
    "status": "new",
    "submitted_at": "2026-03-16T13:31:00.123456789Z",
    "updated_at": "2026-03-16T09:31:01-04:00",
}


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("new", OrderStatus.WORKING),
        ("accepted", OrderStatus.WORKING),
        ("pending_new", OrderStatus.WORKING),
        ("held", OrderStatus.WORKING),
        ("pending_replace", OrderStatus.WORKING),
        ("done_for_day", OrderStatus.WORKING),
        ("a_status_of_next_year", OrderStatus.WORKING),
        ("partially_filled", OrderStatus.PARTIALLY_FILLED),
        ("pending_cancel", OrderStatus.PENDING_CANCEL),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELED),
        ("replaced", OrderStatus.CANCELED),
        ("expired", OrderStatus.EXPIRED),
        ("rejected", OrderStatus.REJECTED),
    ],
)
def test_every_status_has_its_place_and_keeps_its_word(status: str, ours: OrderStatus) -> None:
    order = translate.order({**ORDER, "status": status, "a_key_of_next_year": {}})
    assert (order.status, order.broker_status) == (ours, status)


def test_orders_of_others_never_stand_in_the_way() -> None:
    by_value = {**ORDER, "qty": None, "notional": "500", "limit_price": None, "filled_qty": "3.25"}
    multi_leg = {**ORDER, "symbol": None, "side": "", "order_class": "mleg", "legs": []}
    short = {**ORDER, "side": "sell_short"}
    read = translate.orders([by_value, multi_leg, short])
    assert [(order.quantity, order.limit_price, order.side) for order in read] == [
        (Decimal("3.25"), None, Side.BUY),
        (Decimal(10), Decimal("10.50"), Side.SELL),
    ]
    assert read[0].submitted_at == datetime(2026, 3, 16, 13, 31, 0, 123456, tzinfo=UTC)
    assert read[0].updated_at == datetime(2026, 3, 16, 13, 31, 1, tzinfo=UTC)


def test_assets_and_positions_survive_keys_that_come_and_go() -> None:
    asset = translate.asset({"symbol": "AAA", "tradable": True, "exchange": "MOON", "class": "us_equity"})
    assert (asset.tradable, asset.shortable, asset.fractionable) == (True, False, False)
    row = {"symbol": "AAA", "qty": "-4", "avg_entry_price": "10", "current_price": None, "lastday_price": "11.5"}
    position = translate.position({**row, "market_value": None, "side": "short"})
    assert (position.price, position.market_value_usd) == (Decimal("11.5"), Decimal("-46.0"))


def test_all_orders_of_a_session_are_read_even_those_of_one_instant(rig: Rig) -> None:
    sent = [rig.broker.submit(approved(rig.order_id())).client_order_id for _ in range(3)]
    rig.wait(seconds=1)
    sent += [rig.broker.submit(approved(rig.order_id())).client_order_id for _ in range(ORDERS_PER_PAGE + 5)]
    rig.wait(seconds=1)
    sent += [rig.broker.submit(approved(rig.order_id())).client_order_id for _ in range(2)]
    orders = rig.broker.orders_of(today(rig))
    read = [order.client_order_id for order in orders]
    assert len(read) == len(set(read))
    assert set(sent) <= set(read)
    assert set(read[-2:]) == set(sent[-2:])
    assert list(orders) == sorted(orders, key=lambda order: order.submitted_at)
    ended = orders[-1]
    rig.broker.cancel(ended.broker_order_id)
    rig.wait(seconds=1)
    open_ids = {order.client_order_id for order in rig.broker.open_orders()}
    assert set(sent) - {ended.client_order_id} <= open_ids
    assert ended.client_order_id not in open_ids


def test_pages_of_orders_overlap_and_come_in_order() -> None:
    rows = [{**ORDER, "id": f"{n:04}", "submitted_at": f"2026-03-16T13:{n // 60:02}:{n % 60:02}Z"} for n in range(1300)]
    calendar = [{"date": "2026-03-13", "open": "09:30", "close": "16:00"}]
    first, second, third = rows[:500], rows[499:999], rows[998:]
    answers = [Answer(200, json.dumps(body)) for body in (calendar, first, second, third)]
    with scripted(*answers) as server:
        broker, _ = connected(server.url, StandingClock())
        read = broker.orders_of(SessionDay(TODAY, START, START + timedelta(hours=6)))
    assert [order.broker_order_id for order in read] == [row["id"] for row in rows]
    assert "after=2026-03-13T19%3A59%3A59.999" in server.asked[1]
    assert "after=2026-03-16T13%3A08%3A18.999" in server.asked[2]


def test_more_orders_of_one_instant_than_can_be_read_are_an_error_and_no_silence() -> None:
    def page(prefix: str) -> Answer:
        return Answer(200, json.dumps([{**ORDER, "id": f"{prefix}{n}"} for n in range(ORDERS_PER_PAGE)]))

    calendar = Answer(200, json.dumps([{"date": "2026-03-13", "open": "09:30", "close": "16:00"}]))
    with scripted(calendar, page("a"), page("a"), page("b"), page("c")) as server:
        broker, _ = connected(server.url, StandingClock())
        with pytest.raises(BrokerUnavailable, match="too many of one moment"):
            broker.orders_of(SessionDay(TODAY, START, START + timedelta(hours=6)))


def test_a_fill_of_another_day_is_left_out_whatever_the_broker_takes_for_a_day() -> None:
    def fill(at: str) -> dict[str, str]:
        return {
            "id": at,
            "order_id": "x",
            "symbol": "A",
            "side": "buy",
            "qty": "1",
            "price": "2",
            "transaction_time": at,
        }

    times = ["2026-03-16T03:59:59Z", "2026-03-16T04:00:00Z", "2026-03-17T03:59:59Z", "2026-03-17T04:00:00Z"]
    with scripted(Answer(200, json.dumps([fill(at) for at in times]))) as server:
        broker, _ = connected(server.url, StandingClock())
        fills = broker.fills_of(SessionDay(TODAY, START, START + timedelta(hours=6)))
    assert [fill.fill_id for fill in fills] == times[1:3]


def test_fills_are_paged_and_those_of_the_day_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedExchange(tmp_path_factory.mktemp("fills"), MARKET, START, requests_per_minute=0) as url:
        rig = Rig(url)
        sent = FILLS_PER_PAGE + 20
        for _ in range(sent):
            rig.broker.submit(approved(rig.order_id(), limit="1000"))
        rig.wait(minutes=30)
        fills = rig.broker.fills_of(today(rig))
        rig.wait(days=1)
        (tomorrow,) = rig.broker.calendar(TODAY + timedelta(days=1), TODAY + timedelta(days=1))
        assert rig.broker.fills_of(tomorrow) == ()
        assert rig.broker.orders_of(tomorrow) == ()
        assert rig.broker.fills_of(today(rig)) == fills
        (position,) = rig.broker.positions()
        assert (position.symbol, position.quantity) == ("SYAAA", sent)
    assert sum(fill.quantity for fill in fills) == sent
    assert list(fills) == sorted(fills, key=lambda fill: fill.at)
    assert len({fill.fill_id for fill in fills}) == len(fills)
    assert {(fill.symbol, fill.side) for fill in fills} == {("SYAAA", Side.BUY)}

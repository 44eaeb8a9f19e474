"""Outcomes depend on the market, the orders and when they were sent and cancelled, and on nothing else."""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.simulated_exchange.account import AccountTerms, Position
from trader.simulated_exchange.calendar import session_on
from trader.simulated_exchange.engine import Engine, new_account
from trader.simulated_exchange.history import last_equity
from trader.simulated_exchange.intake import OrderRequest
from trader.simulated_exchange.market import Market, Side
from trader.simulated_exchange.orders import TERMINAL, TRANSITIONS, EventKind, Order, Status, Step, apply
from trader.simulated_exchange.refusals import RefusalError
from trader.simulated_exchange.scenario import Halt, Scenario, Shock
from trader.simulated_exchange.store import Change, Store
from trader.simulated_exchange.synthetic import synthetic_panel
from trader.simulated_exchange.timestamps import NEW_YORK, SECOND_NS, to_ns

SESSION = session_on(date(2022, 3, 16))
assert SESSION is not None
OPEN_NS, CLOSE_NS = SESSION.open_ns, SESSION.close_ns
DAY_END_NS = CLOSE_NS + 3600 * SECOND_NS


@cache
def market() -> Market:
    return Market(synthetic_panel(11, 3, date(2022, 1, 3), date(2022, 3, 31)), seed=11)


@dataclass(frozen=True)
class Sent:
    """An order sent at a second counted from half an hour before the open, and perhaps cancelled later."""

    at_s: int
    symbol: str
    side: Side
    qty: Decimal
    limit_bps: int | None
    cancel_after_s: int | None
    time_in_force: str = "day"
    stop_bps: int | None = None

    def at_ns(self) -> int:
        return OPEN_NS + (self.at_s - 1800) * SECOND_NS

    def request(self, number: int) -> OrderRequest:
        limit, stop = self._price(self.limit_bps), self._price(self.stop_bps)
        kinds = {(False, False): "market", (True, False): "limit", (False, True): "stop", (True, True): "stop_limit"}
        kind = kinds[limit is not None, stop is not None]
        qty = self.qty if self.time_in_force == "day" else round(self.qty) + Decimal(1)
        client_id = f"order-{number}"
        return OrderRequest(self.symbol, self.side, kind, self.time_in_force, qty, None, limit, client_id, stop)

    def _price(self, bps: int | None) -> Decimal | None:
        mark = market().mark(self.symbol, OPEN_NS - 1)
        assert mark is not None
        return None if bps is None else round(Decimal(mark) / 10_000 * (10_000 + bps) / 10_000, 2)


TERMS = st.one_of(
    st.tuples(st.sampled_from(["day", "gtc"]), st.none() | st.integers(-150, 150)),
    st.tuples(st.sampled_from(["ioc", "fok", "opg", "cls"]), st.none()),
)
PLAIN = st.builds(
    Sent,
    at_s=st.integers(0, 1800 + 23_399),
    symbol=st.sampled_from(["SYAAA", "SYAAB", "SYAAC"]),
    side=st.sampled_from(get_args(Side)),
    qty=st.decimals("0.5", 40, places=1),
    limit_bps=st.none() | st.integers(-150, 150),
    cancel_after_s=st.none() | st.integers(0, 4_000),
)
SENT = st.builds(lambda sent, terms: replace(sent, time_in_force=terms[0], stop_bps=terms[1]), PLAIN, TERMS)


ROUGH = Scenario(
    shocks=(Shock(None, OPEN_NS + 5_400 * SECOND_NS, -800, 600), Shock("SYAAA", OPEN_NS + 9_000 * SECOND_NS, 900, 60)),
    halts=(
        Halt("SYAAB", OPEN_NS - 60 * SECOND_NS, OPEN_NS + 300 * SECOND_NS),
        Halt("SYAAB", CLOSE_NS - 10**12, CLOSE_NS),
    ),
)


def run(sent: Sequence[Sent], stops_ns: Sequence[int], folder: Path, scenario: Scenario | None = None) -> Engine:
    """Send everything at its time, stopping the clock at `stops_ns` too, with the exchange restarted at each stop."""
    moments: dict[int, list[tuple[str, int]]] = {stop: [("restart", 0)] for stop in stops_ns}
    for number, each in enumerate(sent):
        moments.setdefault(each.at_ns(), []).append(("send", number))
        if each.cancel_after_s is not None:
            moments.setdefault(each.at_ns() + each.cancel_after_s * SECOND_NS, []).append(("cancel", number))
    store = Store(folder)
    store.save(Change(facts=new_account(OPEN_NS - 1801 * SECOND_NS, Decimal(50_000), AccountTerms())))
    engine = _engine(store)
    for symbol in market().panel.symbols:
        engine.add_position(symbol, Decimal(60), Decimal(100))
    if scenario is not None:
        engine.stage(scenario)
    for moment in sorted(moments):
        engine.advance(moment)
        for action, number in sorted(moments[moment], reverse=True):
            if action == "restart":
                store.close()
                store = Store(folder)
                engine = _engine(store)
            else:
                _act(engine, action, sent[number].request(number))
    with closing(store):
        engine.advance(DAY_END_NS)
    return engine


def _engine(store: Store) -> Engine:
    return Engine(market(), store, 11, 0.5, lambda _: None)


def _act(engine: Engine, action: str, request: OrderRequest) -> None:
    order = engine.book.by_client_id(request.client_order_id)
    with suppress(RefusalError):
        if action == "send":
            engine.submit(request)
        elif order is not None:
            engine.cancel(order)


@settings(max_examples=40, deadline=None)
@given(
    sent=st.lists(SENT, max_size=6),
    stops=st.lists(st.integers(0, 30_000), max_size=12),
    scenario=st.sampled_from([None, ROUGH]),
)
def test_steps_and_restarts_change_no_outcome(sent: list[Sent], stops: list[int], scenario: Scenario | None) -> None:
    stops_ns = [OPEN_NS - 1800 * SECOND_NS + stop * 900_000_001 for stop in stops]
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        straight, stepped = run(sent, [], Path(one), scenario), run(sent, stops_ns, Path(other), scenario)
    assert straight.book.all == stepped.book.all
    assert straight.fills == stepped.fills
    assert (straight.cash, straight.positions, straight.closes) == (stepped.cash, stepped.positions, stepped.closes)


@settings(max_examples=60, deadline=None)
@given(sent=st.lists(SENT, max_size=8))
def test_cash_and_shares_are_conserved(sent: list[Sent]) -> None:
    with TemporaryDirectory() as folder:
        engine = run(sent, [], Path(folder))
    spent = sum(
        (round_cents(fill.qty * fill.price) * (1 if fill.side == "buy" else -1) for fill in engine.fills), Decimal()
    )
    assert engine.cash == Decimal(50_000) - spent
    assert engine.cash.as_tuple().exponent == -2
    for symbol in market().panel.symbols:
        moved = sum(
            (fill.qty * (1 if fill.side == "buy" else -1) for fill in engine.fills if fill.symbol == symbol), Decimal()
        )
        held = engine.positions.get(symbol, Position(symbol, Decimal(), Decimal()))
        assert held.qty == 60 + moved >= 0
    for order in engine.book.all:
        _check_finished(order, [fill for fill in engine.fills if fill.client_order_id == order.client_order_id])


def round_cents(amount: Decimal) -> Decimal:
    return Decimal(int(amount * 100 + Decimal("0.5"))) / 100


def _check_finished(order: Order, fills: list[Any]) -> None:
    """After the close only GTC is open; no fill is outside the session, worse than the limit or after the end."""
    assert order.status in TERMINAL or order.time_in_force == "gtc"
    assert order.filled_qty == sum((fill.qty for fill in fills), Decimal())
    assert (order.status == "filled") == (order.filled_qty == order.qty)
    for fill in fills:
        first_ns = max(OPEN_NS, order.submitted_ns, order.triggered_ns or 0)
        assert first_ns < fill.at_ns < CLOSE_NS or (order.time_in_force, fill.at_ns) == ("cls", CLOSE_NS)
        assert order.stop_price is None or order.triggered_ns
        if order.limit_price is not None:
            assert fill.price <= order.limit_price if order.side == "buy" else fill.price >= order.limit_price
    if order.status == "canceled" and order.time_in_force not in {"ioc", "fok"}:
        assert order.cancel_requested_ns is not None
        assert order.ended_ns is not None
        assert order.cancel_requested_ns < order.ended_ns <= order.cancel_requested_ns + SECOND_NS
    if order.status == "expired":
        assert order.ended_ns == CLOSE_NS or order.time_in_force == "opg"
    if order.time_in_force == "fok":
        assert len(fills) <= 1


def test_some_orders_fill_in_two_parts_and_some_cancels_lose_the_race(tmp_path: Path) -> None:
    """The properties above would hold of an exchange that never did either."""
    many = [Sent(2_000 + n, "SYAAA", "buy", Decimal(4), None, 0 if n % 2 else None) for n in range(60)]
    engine = run(many, [], tmp_path)
    ends = {order.status for order in engine.book.all if order.cancel_requested_ns is not None}
    assert ends == {"filled", "canceled"}
    assert {order.fills for order in engine.book.all if order.cancel_requested_ns is None} == {1, 2}


def test_every_close_is_recorded_however_far_time_jumps(tmp_path: Path) -> None:
    run([], [], tmp_path)
    store = Store(tmp_path)
    with closing(store):
        engine = _engine(store)
        engine.advance(to_ns(datetime(2022, 3, 21, 17, tzinfo=NEW_YORK)))
    panel = market().panel
    days = [session.day.isoformat() for session in panel.sessions]
    column = days.index("2022-03-16")
    assert list(engine.closes) == days[column : column + 4] == ["2022-03-16", "2022-03-17", "2022-03-18", "2022-03-21"]
    worth = 60 * panel.close[:, column : column + 4].sum(axis=0)
    assert list(engine.closes.values()) == [50_000 + Decimal(int(each)) / 10_000 for each in worth]
    assert last_equity(engine) == engine.closes["2022-03-18"]


def test_a_terminal_order_takes_no_step(tmp_path: Path) -> None:
    engine = run([Sent(2_000, "SYAAA", "buy", Decimal(4), None, None)], [], tmp_path)
    (order,) = engine.book.all
    for status in TERMINAL:
        for kind in get_args(EventKind):
            with pytest.raises(KeyError):
                apply(replace(order, status=status), Step(order.updated_ns, kind))
    assert set(TRANSITIONS) | TERMINAL == set(get_args(Status))

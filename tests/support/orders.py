"""Small plans, orders and journal entries for tests of the core."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.decision.exposure import Stake, exposure
from trader.decision.gate_state import GateState
from trader.domain.journal import Entry, Event, OrderIntended, OrderObserved, TradingState
from trader.domain.market import Asset, Quote, SessionDay
from trader.domain.orders import BrokerOrder, OrderIntent, OrderKey, OrderStatus, Purpose, Side
from trader.domain.plan import Plan, Provenance, Trait
from trader.domain.policy import ExecutionPolicy, RiskPolicy
from trader.domain.portfolio import Book
from trader.execution.identifiers import client_order_id

DAY = date(2026, 3, 16)
OPEN = datetime(2026, 3, 16, 13, 30, tzinfo=UTC)
SESSION = SessionDay(DAY, OPEN, datetime(2026, 3, 16, 20, 0, tzinfo=UTC))
PROVENANCE = Provenance("0.1.0", "c" * 64, "m" * 64, "d" * 64)


def key(sequence: int = 0, generation: int = 0, side: Side = Side.BUY, symbol: str = "AAA", part: int = 0) -> OrderKey:
    return OrderKey("main", "xgb", DAY, symbol, side, Purpose.PLAN, sequence, part, generation)


def intent(sequence: int = 0, quantity: int = 10, side: Side = Side.BUY, symbol: str = "AAA") -> OrderIntent:
    return OrderIntent(sequence, symbol, side, Decimal(quantity), Decimal(100), reduces=side is Side.SELL)


def plan(*intents: OrderIntent, cash_usd: int = 100_000) -> Plan:
    book = Book(Decimal(cash_usd), ())
    return Plan("main", "xgb", DAY, DAY, PROVENANCE, Decimal(cash_usd), book, (), intents, (), ())


def entries(*events: Event, start: datetime = OPEN) -> list[Entry]:
    return [Entry(n, start + timedelta(seconds=n), event, "") for n, event in enumerate(events, 1)]


def intended(of: OrderKey, quantity: int = 10, limit: str = "100.50") -> OrderIntended:
    price = Decimal(limit)
    return OrderIntended(
        DAY,
        client_order_id(of),
        of,
        Decimal(quantity),
        price,
        Decimal(100),
        Decimal(99),
        Decimal(101),
        OPEN,
        (),
        PROVENANCE,
    )


def observed(of: OrderKey, status: OrderStatus, filled: int = 0, quantity: int = 10) -> OrderObserved:
    name = client_order_id(of)
    order = BrokerOrder(
        f"broker-{name}",
        name,
        of.symbol,
        of.side,
        Decimal(quantity),
        Decimal(100),
        status,
        Decimal(filled),
        Decimal(100) if filled else None,
        OPEN,
        OPEN,
        status.value,
    )
    return OrderObserved(DAY, name, order)


def quote(bid: str = "99.99", ask: str = "100.01", age_s: int = 0, symbol: str = "AAA") -> Quote:
    return Quote(symbol, Decimal(bid), Decimal(ask), OPEN + timedelta(seconds=60 - age_s))


TRAIT = Trait("AAA", "Energy", Decimal(100), Decimal(1_000_000))


def gate_state(**changes: Any) -> GateState:
    """A minute after the open, nothing held, a million in cash; `changes` on top.

    `held` and `working` (shares, negative for sells) set what is held of AAA and what of it works.
    """
    held, working = Decimal(changes.pop("held", 0)), Decimal(changes.pop("working", 0))
    stake = Stake(held + min(working, Decimal(0)), held + max(working, Decimal(0)), Decimal(100))
    state = GateState(
        now=OPEN + timedelta(seconds=60),
        session=SESSION,
        trading_state=TradingState.ACTIVE,
        preflight_passed=True,
        execution=ExecutionPolicy(),
        risk=RiskPolicy(),
        stop_loss=Decimal("0.2"),
        equity_usd=Decimal(1_000_000),
        reference_price=Decimal(100),
        held_quantity=held,
        exposure=exposure({"AAA": stake}, {"AAA": TRAIT}),
        buying_power_usd=Decimal(1_000_000),
        opened_usd=Decimal(0),
        asset=Asset("AAA", tradable=True, shortable=True, fractionable=True),
        paper=True,
        signal_age_sessions=1,
    )
    return replace(state, **changes)

"""Events of a small trading day, as the session would record them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from trader.domain.canonical import digest
from trader.domain.journal import (
    AccountOpened,
    Adjusted,
    BreakerTripped,
    BreakFound,
    BreakResolved,
    CancelRequested,
    ConfigRecorded,
    DayClosed,
    EquityPeak,
    Event,
    FillRecorded,
    OrderDenied,
    OrderIntended,
    OrderObserved,
    OrderRefused,
    PlanCommitted,
    PreflightFailed,
    PreflightPassed,
    SessionEnded,
    StateChanged,
    SubmitUnknown,
    TradingState,
)
from trader.domain.orders import BrokerOrder, Fill, OrderIntent, OrderKey, OrderStatus, Purpose, Side
from trader.domain.plan import Denial, Exclusion, Plan, Provenance, Target
from trader.domain.portfolio import Book, Holding, Lot
from trader.execution.identifiers import client_order_id

DAY = date(2026, 3, 16)
AT = datetime(2026, 3, 16, 13, 30, 30, 123456, tzinfo=UTC)
PROVENANCE = Provenance("r1", "c" * 64, "m" * 64, "d" * 64)
BOOK = Book(Decimal("100000.00"), (Holding("KO", (Lot(date(2026, 3, 13), Decimal(10), Decimal("612.30")),)),))


def plan(day: date = DAY) -> Plan:
    """Buy AAPL; KO is held on."""
    return Plan(
        account="main",
        strategy="xgb",
        session_date=day,
        data_as_of=date(2026, 3, 13),
        provenance=PROVENANCE,
        equity_usd=Decimal("100612.30"),
        book=BOOK,
        targets=(Target("AAPL", Decimal("0.9"), Decimal("0.05"), Decimal(20), Decimal("250.10")),),
        intents=(OrderIntent(0, "AAPL", Side.BUY, Decimal(20), Decimal("250.10"), reduces=False),),
        denials=(Denial("MSFT", "order_notional_cap_usd", "100001.00 USD"),),
        exclusions=(Exclusion("ÅBC", "short_history", "12 of 260 sessions"),),
    )


def key(symbol: str = "AAPL", side: Side = Side.BUY, sequence: int = 0, day: date = DAY) -> OrderKey:
    """The key of a plan order's first generation."""
    return OrderKey("main", "xgb", day, symbol, side, Purpose.PLAN, sequence, 0, 0)


def intended(k: OrderKey, quantity: int = 20) -> OrderIntended:
    """The order as the gate let it pass."""
    bid, ask = Decimal("250.05"), Decimal("250.15")
    mid = (bid + ask) / 2
    return OrderIntended(
        k.session_date,
        client_order_id(k),
        k,
        Decimal(quantity),
        Decimal("251.40"),
        mid,
        bid,
        ask,
        AT,
        ("cash",),
        PROVENANCE,
    )


def observed(k: OrderKey, status: OrderStatus, filled: int = 0, quantity: int = 20) -> OrderObserved:
    """The broker's report of the order."""
    identity = client_order_id(k)
    price = Decimal("250.16") if filled else None
    order = BrokerOrder(
        f"broker-{k.sequence}", identity, k.symbol, k.side, Decimal(quantity), Decimal("251.40"), status,
        Decimal(filled), price, AT, AT, str(status),
    )  # fmt: skip
    return OrderObserved(k.session_date, identity, order)


def filled(k: OrderKey, fill_id: str, quantity: int = 20) -> FillRecorded:
    """One execution of the order."""
    fill = Fill(fill_id, f"broker-{k.sequence}", k.symbol, k.side, Decimal(quantity), Decimal("250.16"), AT)
    return FillRecorded(k.session_date, client_order_id(k), fill)


def closed(day: date = DAY, book: Book = BOOK) -> DayClosed:
    """The end of the day."""
    return DayClosed(day, book, (("KO", Decimal("61.23")),), Decimal("100612.30"), Decimal(0), 0)


def whole_day(day: date = DAY) -> tuple[Event, ...]:
    """One event of every kind: AAPL fills in two parts, KO is rejected, PEP of unknown outcome, XOM denied."""
    aapl, ko, pep, xom = (key(symbol, sequence=n, day=day) for n, symbol in enumerate(("AAPL", "KO", "PEP", "XOM")))
    stranger = Fill(f"{day}-stranger", "b-9", "T", Side.SELL, Decimal(1), Decimal("20.00"), AT)
    return (
        AccountOpened(day, "PA1", BOOK),
        ConfigRecorded(day, "c" * 64, '{"a":"ü"}'),
        PreflightPassed(day, PROVENANCE, ("clock", "bars")),
        PlanCommitted(day, digest(plan(day)), plan(day)),
        intended(aapl), intended(ko, 5), intended(pep, 7),
        OrderDenied(day, client_order_id(xom), Side.BUY, Decimal(3), Denial("XOM", "max_spread_bps", "90 bps")),
        observed(aapl, OrderStatus.WORKING),
        OrderRefused(day, client_order_id(ko), 403, 40310000, "insufficient buying power"),
        SubmitUnknown(day, client_order_id(pep), "read time-out"),
        observed(aapl, OrderStatus.PARTIALLY_FILLED, 5),
        filled(aapl, f"{day}-1", 5), filled(aapl, f"{day}-2", 15),
        observed(aapl, OrderStatus.FILLED, 20),
        observed(aapl, OrderStatus.WORKING),  # an older word that arrives late
        CancelRequested(day, client_order_id(pep), "close"),
        FillRecorded(day, "", stranger),
        StateChanged(day, TradingState.REDUCE, "daily loss", "limit"),
        SessionEnded(day, 3, 1),
        EquityPeak(day, Decimal("100700.00")),
        BreakerTripped(day, "session_drawdown", "account", "0.021", "0.02", "reduce"),
        BreakFound(day, "position", "T", "0", "-1"),
        Adjusted(day, "dividend", "KO", Decimal(0), Decimal("4.85"), "activity-1", "10 shares"),
        BreakResolved(day, "T", "explained", "a person"),
        PreflightFailed(day, "another", "c" * 64, "clock, broker"),
        closed(day),
    )  # fmt: skip

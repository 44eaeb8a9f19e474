"""The gate through the real exchange: money that comes free, a share of it, another host, shorts, fractions."""

import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.simulation.conftest import AFTER_THE_CLOSE, DAY, Sandbox, Zygote, copied, exchange
from tests.simulation.test_between_days import NEXT, NEXT_MORNING
from tests.simulation.test_order_policy import SYMBOL, found, halted, lines
from tests.support.desk import open_desk
from trader.domain.journal import DayClosed, OrderDenied, PlanCommitted
from trader.modes.session import run_session

TURNED = "SYABD"  # one of the two that the morning's plan sells short where it may
CALM = {"max_daily_loss": 1, "max_drawdown": 1, "session_drawdown": 1}
SHORTS = {
    "risk": {"allow_shorts": True},
    "sizing": {"signal_threshold": 1, "short_threshold": "0.06", "max_positions": 3},
}


class Elsewhere:
    """A broker on a host that is not a paper one."""

    paper = False

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


def denials(sandbox: Sandbox) -> list[tuple[str, bool]]:
    """Code of each denial in the journal, and whether the order was to be tried again."""
    return [(event.denial.code, event.passing) for event in sandbox.events(OrderDenied)]


def agreed(sandbox: Sandbox, until: str, day: str) -> Mapping[str, Decimal]:
    """Close the day: what ledger and broker both hold, and have the same cash for, to the cent."""
    sandbox.advance(until)
    assert sandbox.run("eod", day=day) == 0
    closed = sandbox.events(DayClosed)[-1]
    held = {row["symbol"]: Decimal(row["qty"]) for row in sandbox.control("/v2/positions")}
    assert closed.breaks == 0
    assert {holding.symbol: holding.quantity for holding in closed.book.holdings} == held
    assert closed.book.cash_usd == Decimal(sandbox.control("/v2/account")["cash"])
    return held


def test_a_new_price_is_judged_by_the_money_its_last_order_let_go_of(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:30:31", "09:31:45")
        policies = {"execution": {"slices": 2, "slice_interval_s": 45, "reprice_after_s": 30}, "watch": CALM}
        assert sandbox.run(trap=("broker.submit 2", "before", "kill"), policies=policies) == -9
        sandbox.control("/sim/account/cash", {"amount_usd": "-42000"})  # enough, as long as nothing counts twice
        assert sandbox.session(policies=policies) == "complete"
        assert denials(sandbox) == []
        [plan] = [event.plan for event in sandbox.events(PlanCommitted)]
        assert sorted(lines(sandbox).values()) == sorted(intent.quantity for intent in plan.intents)


def test_half_of_the_capital_is_left_alone(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        policies = {"risk": {"capital_utilization_factor": "0.5"}, "execution": {"latest_start_s": 300}}
        assert sandbox.session(policies=policies) == "complete"
        assert denials(sandbox) == [("buying_power", True), ("buying_power", False)]
        spent = [
            Decimal(o["filled_qty"]) * Decimal(o["filled_avg_price"]) for o in found(sandbox) if o["side"] == "buy"
        ]
    assert len(spent) == 1
    assert 400_000 < spent[0] < 500_000


def test_nothing_goes_to_a_host_that_is_not_a_paper_one(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 1", "before", "kill")) == -9
        desk = open_desk(
            sandbox.state, sandbox.url, wrap=lambda name, part: Elsewhere(part) if name == "broker" else part
        )
        assert run_session(desk, date.fromisoformat(DAY)).result == "complete"
        assert denials(sandbox) == [("paper_host", False)] * 3
        assert sandbox.orders() == {}


def test_shorts_are_opened_through_zero_and_covered(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(morning, state, ignore=shutil.ignore_patterns("exchange", "ledger.db*"))  # another account
    with exchange(zygote, state, shorting=True, margin_multiplier=2) as sandbox:
        sandbox.control("/sim/positions", {"symbol": TURNED, "qty": "500", "price": "62"})
        assert sandbox.run("preflight") == 0
        assert sandbox.session(policies=SHORTS) == "complete"
        closing, opening = [order for order in found(sandbox) if order["symbol"] == TURNED]
        short = agreed(sandbox, AFTER_THE_CLOSE, DAY)
        assert (closing["qty"], closing["status"], closing["side"], opening["side"]) == (
            "500",
            "filled",
            "sell",
            "sell",
        )
        assert opening["submitted_at"] > closing["filled_at"], "one order to zero, and one from there"
        assert {symbol for symbol, shares in short.items() if shares < 0} == {TURNED, "SYABF"}
        assert short[TURNED] == -Decimal(opening["qty"])

        sandbox.advance(NEXT_MORNING)
        assert sandbox.run("preflight", day=NEXT) == 0
        assert sandbox.session(day=NEXT) == "complete"
        covers = {
            order["symbol"]: -Decimal(order["filled_qty"])
            for order in found(sandbox)
            if order["side"] == "buy" and order["submitted_at"] > NEXT
        }
        assert all(covers[symbol] == shares for symbol, shares in short.items() if shares < 0)
        assert min(agreed(sandbox, "2026-03-17T16:30:00-04:00", NEXT).values()) > 0
        assert denials(sandbox) == []


def test_fractions_are_bought_priced_anew_and_closed_to_the_cent(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    policies = {"sizing": {"fractional_shares": True}, "execution": {"reprice_after_s": 30}}
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        halted(sandbox, "09:30:40", "09:31:45")
        assert sandbox.session(policies=policies) == "complete"
        chain = [order for order in found(sandbox) if order["symbol"] == SYMBOL]
        [plan] = [event.plan for event in sandbox.events(PlanCommitted)]
        wanted = {intent.symbol: intent.quantity for intent in plan.intents if not intent.reduces}
        held = {row["symbol"]: Decimal(row["qty"]) for row in sandbox.control("/v2/positions")}
        assert held == wanted
        assert all(quantity % 1 for quantity in wanted.values())
        assert [order["status"] for order in chain] == ["canceled", "canceled", "filled"]
        assert sandbox.run("flatten", policies=policies) == 0
        assert agreed(sandbox, AFTER_THE_CLOSE, DAY) == {}

"""Each way ledger and broker can part: explained by the broker's records, or frozen until somebody explains it."""

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import AFTER_THE_CLOSE, DAY, Sandbox, Zygote, copied, exchange
from tests.support.commands import trader
from tests.support.desk import open_desk
from trader.domain.errors import ChecksFailed
from trader.domain.journal import Adjusted, BreakFound, BreakResolved, DayClosed, FillRecorded, PlanCommitted
from trader.modes.reconcile import ReconcileReport, frozen_in, reconcile_account
from trader.modes.resolve import resolve

NEXT = "2026-03-17"
NEXT_MORNING = "2026-03-17T09:00:00-04:00"
NEXT_EVENING = "2026-03-17T16:30:00-04:00"
NOON = "2026-03-16T12:00:00-04:00"


@pytest.fixture
def sandbox(zygote: Zygote, morning: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The morning, with its exchange running."""
    with copied(zygote, morning, tmp_path / "state") as running:
        yield running


@pytest.fixture(scope="module")
def evening(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day traded and closed without a break."""
    state = tmp_path_factory.mktemp("evening") / "state"
    shutil.copytree(morning, state)
    with exchange(zygote, state) as running:
        assert running.session() == "complete"
        running.advance(AFTER_THE_CLOSE)
        assert closed(running)["breaks"] == []
    return state


@pytest.fixture
def overnight(zygote: Zygote, evening: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The evening, with its exchange running."""
    with copied(zygote, evening, tmp_path / "state") as running:
        yield running


def reconciled(sandbox: Sandbox) -> ReconcileReport:
    """What execution-reconcile finds now, from a process beside whatever runs."""
    return reconcile_account(open_desk(sandbox.state, sandbox.url))


def closed(sandbox: Sandbox, day: str = DAY) -> Any:
    """The report of a day that is closed now; what it says is the broker's word."""
    assert sandbox.run("eod", day=day) == 0
    report = json.loads(sandbox.outcome())
    if not report["breaks"]:
        account = sandbox.control("/v2/account")
        assert Decimal(report["figures"]["cash_usd"]) == Decimal(account["cash"])
        assert Decimal(report["figures"]["equity_usd"]) == Decimal(account["equity"])
    return report


def shares(sandbox: Sandbox) -> dict[str, str]:
    """What the broker says is held."""
    return {row["symbol"]: row["qty"] for row in sandbox.control("/v2/positions")}


def posted(sandbox: Sandbox) -> set[str]:
    """The symbols of all orders that were sent."""
    log = sandbox.control("/sim/log")
    names = [line["client_order_id"] for line in log if line["method"] == "POST" and line["client_order_id"]]
    return {name.split(".")[4] for name in names}


def failed_checks(sandbox: Sandbox, day: str = NEXT) -> list[str]:
    """The names of the checks that a preflight fails."""
    assert sandbox.run("preflight", day=day) == 0
    return [check["name"] for check in json.loads(sandbox.outcome()) if not check["ok"]]


def stray(sandbox: Sandbox) -> str:
    """A symbol that is not held, nor wanted."""
    return str(max(set(sandbox.control("/sim/sectors")) - set(shares(sandbox))))


def appear(sandbox: Sandbox, symbol: str, qty: str = "7") -> None:
    """Shares come, or go, and nothing at the broker says why."""
    sandbox.control("/sim/positions", {"symbol": symbol, "qty": qty, "price": "50"})


def test_what_the_broker_booked_overnight_is_in_the_book_before_the_next_decision(overnight: Sandbox) -> None:
    first, second = sorted(shares(overnight))
    for action in (
        {"kind": "split", "symbol": first, "ratio": "2:1", "date": NEXT},
        {"kind": "dividend", "symbol": first, "per_share_usd": "0.07", "date": NEXT},
        {"kind": "symbol_change", "symbol": second, "new_symbol": "SYNEW", "date": NEXT},
    ):
        overnight.control("/sim/corporate-action", action)
    overnight.advance(NEXT_MORNING)
    overnight.control("/sim/corporate-action", {"kind": "fee", "amount_usd": "0.42"})
    assert failed_checks(overnight) == []
    adjusted = overnight.events(Adjusted)
    assert {each.cause for each in adjusted} == {"split", "dividend", "symbol_change", "fee"}
    assert failed_checks(overnight) == []
    assert overnight.events(Adjusted) == adjusted, "each activity counts once"

    assert overnight.session(day=NEXT) == "complete"
    [plan] = [event.plan for event in overnight.events(PlanCommitted) if str(event.plan.session_date) == NEXT]
    assert {held.symbol for held in plan.book.holdings} == {first, "SYNEW"}
    overnight.advance(NEXT_EVENING)
    report = closed(overnight, NEXT)
    assert report["breaks"] == []
    assert {each["cause"] for each in report["adjustments"]} == {each.cause for each in adjusted}
    income = sum(each.cash_usd for each in adjusted)
    realised = {line["symbol"]: Decimal(line["profit"]["realised_usd"]) for line in report["symbols"]}
    assert income > 0
    assert realised["account"] == Decimal("-0.42")
    assert trader("--state", str(overnight.state), "ledger", "verify").code == 0


def test_unexplained_shares_freeze_their_symbol_until_a_person_resolves_it(overnight: Sandbox) -> None:
    symbol = max(shares(overnight))
    appear(overnight, symbol)
    overnight.advance(NEXT_MORNING)
    before = overnight.control("/sim/log")[-1]["n"]
    assert failed_checks(overnight) == []
    assert overnight.session(day=NEXT) == "complete"
    [plan] = [event.plan for event in overnight.events(PlanCommitted) if str(event.plan.session_date) == NEXT]
    assert [each.symbol for each in plan.exclusions if each.code == "open_break"] == [symbol]
    assert plan.intents, "the rest is traded"
    log = overnight.control(f"/sim/log?after={before}")
    assert symbol not in {line["symbol"] for line in log if line["method"] == "POST"}

    for file in overnight.state.glob("ledger.db*"):
        file.unlink()
    assert overnight.session(day=NEXT) == "complete"
    desk = open_desk(overnight.state, overnight.url)
    assert frozen_in(desk.ledger) == {symbol}, "a lost ledger finds it again"
    overnight.advance(NEXT_EVENING)
    breaks = closed(overnight, NEXT)["breaks"]
    assert {(each["code"], each["symbol"]) for each in breaks} == {("position", symbol), ("equity", "")}

    with pytest.raises(ChecksFailed, match="no break of account is open"):
        resolve(desk, "account", "a guess", "test")
    taken_over = resolve(desk, symbol, "shares from another broker", "test")
    assert taken_over is not None
    assert taken_over.quantity == 7
    assert (frozen_in(desk.ledger), reconciled(overnight).ok) == (frozenset(), True)
    assert failed_checks(overnight, "2026-03-18") == []
    assert "open breaks" not in overnight.outcome()


def test_the_commands_tell_of_breaks_and_end_them(overnight: Sandbox) -> None:
    config = overnight.state / "lab.yaml"
    config.write_text(f"broker: {{venue: simulated, url: {overnight.url}}}\n")
    place = ("--config", str(config), "--state", str(overnight.state))
    overnight.control("/sim/account/cash", {"amount_usd": "12.34"})
    found = trader(*place, "execution-reconcile")
    assert found.code == 1
    assert "trader breaks resolve account" in found.said
    told = trader(*place, "breaks", "--json")
    [cash] = json.loads(told.said)
    assert (told.code, cash["code"]) == (1, "cash")
    assert Decimal(cash["broker"]) - Decimal(cash["ours"]) == Decimal("12.34")
    before = len(overnight.control("/sim/log"))
    resolved = trader(*place, "breaks", "resolve", "account", "--reason", "money paid in")
    assert (resolved.code, "12.34" in resolved.said) == (0, True)
    assert trader(*place, "breaks").code == trader(*place, "execution-reconcile").code == 0
    assert {line["method"] for line in overnight.control("/sim/log")[before:]} == {"GET"}, "nothing is ever sent"
    [by_whom] = [event.by for event in overnight.events(BreakResolved)]
    assert "@" in by_whom


def test_a_trade_by_hand_during_the_session_is_recorded_beside_it(sandbox: Sandbox) -> None:
    pid = sandbox.paused(trap=("broker.submit 2", "after", "pause"))
    symbol = stray(sandbox)
    order = {"symbol": symbol, "qty": "9", "side": "buy", "type": "market", "time_in_force": "day"}
    sandbox.control("/v2/orders", order)
    sandbox.advance("2026-03-16T09:40:00-04:00")
    report = reconciled(sandbox)
    assert report.ok
    assert reconciled(sandbox) == report
    by_hand = [event.fill for event in sandbox.events(FillRecorded) if not event.client_order_id]
    assert (sum(fill.quantity for fill in by_hand), {fill.symbol for fill in by_hand}) == (9, {symbol})
    assert sandbox.finish(pid) == 0
    assert sandbox.outcome() == "complete", "fills that reconcile wrote are fills to the session"
    sandbox.advance(AFTER_THE_CLOSE)
    report = closed(sandbox)
    assert report["breaks"] == []
    assert {each["cause"] for each in report["adjustments"]} == {"manual_trade"}
    assert symbol not in posted(sandbox), "nothing is sent to make numbers agree"


def test_a_symbol_that_breaks_while_the_session_waits_is_not_opened(sandbox: Sandbox) -> None:
    pid = sandbox.paused(trap=("broker.submit 1", "after", "pause"))
    [plan] = [event.plan for event in sandbox.events(PlanCommitted)]
    opened = next(intent.symbol for intent in plan.intents if not intent.reduces)
    appear(sandbox, opened)
    assert [each.symbol for each in reconciled(sandbox).found] == [opened]
    assert sandbox.finish(pid) == 0
    assert opened not in posted(sandbox)
    appear(sandbox, opened, "-7")
    assert reconciled(sandbox).ok, "both sides agree again"
    assert [event.by for event in sandbox.events(BreakResolved)] == ["reconcile"]


def test_openers_held_back_by_a_break_of_the_account_go_out_when_it_ends(overnight: Sandbox) -> None:
    overnight.advance(NEXT_MORNING)
    assert failed_checks(overnight) == []
    integrated = {"execution": {"integration": "integrated"}, "watch": {"interval_s": 600}}
    later = ("broker.positions 7", "before", "reconcile")
    traps = [("broker.submit 1", "after", "pause"), later]
    pid = overnight.paused(traps=traps, policies=integrated, day=NEXT)
    overnight.advance("2026-03-17T09:35:00-04:00")
    overnight.control("/sim/account/cash", {"amount_usd": "12.34"})
    assert [each.code for each in reconciled(overnight).found] == ["cash"]
    overnight.control("/sim/account/cash", {"amount_usd": "-12.34"})
    assert overnight.finish(pid) == 0
    assert "openers held back" in (overnight.state / "log.txt").read_text()
    *_, plan = (event.plan for event in overnight.events(PlanCommitted))
    assert posted(overnight) >= {intent.symbol for intent in plan.intents}


def test_somebody_elses_order_freezes_its_symbol_while_it_works(sandbox: Sandbox) -> None:
    sandbox.advance(NOON)
    symbol = stray(sandbox)
    order = {"symbol": symbol, "qty": "9", "side": "buy", "type": "limit", "limit_price": "1", "time_in_force": "day"}
    identity = sandbox.control("/v2/orders", order)["id"]
    [found] = reconciled(sandbox).open
    assert (found.code, found.symbol) == ("order_foreign", symbol)
    assert identity
    sandbox.advance(AFTER_THE_CLOSE)
    assert closed(sandbox)["breaks"] == []


def test_another_account_is_never_taken_over_by_itself(overnight: Sandbox) -> None:
    number = overnight.control("/v2/account")["account_number"]
    overnight.control("/sim/account/reset", {"cash_usd": "500000"})
    [found] = reconciled(overnight).open
    assert (found.code, found.ours) == ("account_reset", number)
    desk = open_desk(overnight.state, overnight.url)
    with pytest.raises(ChecksFailed, match="another account"):
        resolve(desk, "account", "reset", "test")
    overnight.advance(NEXT_MORNING)
    assert "book" in failed_checks(overnight)
    assert overnight.run(day=NEXT) == ChecksFailed.exit_code
    assert overnight.run("adopt") == 0
    assert reconciled(overnight).ok
    assert failed_checks(overnight) == []
    assert overnight.session(day=NEXT) == "complete"


def test_nothing_is_opened_anywhere_when_breaks_are_not_traded_around(overnight: Sandbox) -> None:
    appear(overnight, stray(overnight))
    overnight.advance(NEXT_MORNING)
    assert overnight.run(day=NEXT, policies={"risk": {"trade_around_breaks": False}}) == ChecksFailed.exit_code
    assert len(overnight.events(BreakFound)) == 1
    assert len(overnight.events(DayClosed)) == 1

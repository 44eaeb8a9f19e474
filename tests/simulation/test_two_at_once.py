"""A person, or another process, acts on the account while a session works: what gives way, and to whom."""

import json
import shutil
from pathlib import Path

from tests.simulation.conftest import Zygote, copied, exchange
from tests.simulation.test_integration_modes import now
from tests.simulation.test_watch import shock, watching
from tests.simulation.test_watch_beside_the_plan import may_short
from trader.domain.journal import OrderDenied, PlanCommitted


def test_what_a_person_has_sold_meanwhile_is_not_sold_short(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    shutil.copytree(morning, tmp_path / "state")
    may_short(tmp_path / "state")
    with exchange(zygote, tmp_path / "state") as sandbox:
        pid = sandbox.paused(trap=("market.quotes 1", "before", "pause"))
        [plan] = [event.plan for event in sandbox.events(PlanCommitted)]
        [reducer] = [intent for intent in plan.intents if intent.reduces]
        by_hand = {"symbol": reducer.symbol, "side": "sell", "type": "market", "time_in_force": "day"}
        sandbox.control("/v2/orders", {**by_hand, "qty": str(reducer.quantity)})
        sandbox.advance("2026-03-16T09:31:30-04:00")
        assert sandbox.finish(pid) == 0
        assert min(int(position["qty"]) for position in sandbox.control("/v2/positions")) > 0
        refused = {(event.denial.symbol, event.denial.code) for event in sandbox.events(OrderDenied)}
        assert (reducer.symbol, "position") in refused


def test_a_breaker_that_flattens_gives_way_to_the_emergency_stop(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, -20)
        limits = watching(interval_s=60, max_daily_loss="0.03", on_max_daily_loss="flatten")
        session = sandbox.paused(trap=("broker.submit 4", "before", "pause"), **limits)
        trap = ("lease.hold 3", "before", "go_on")
        assert sandbox.run("flatten", watched=["lease"], trap=trap, beside=session) == 0
        report = json.loads(sandbox.outcome())
        assert (sandbox.finish(session), report["troubles"], report["open_positions"]) == (0, [], [])
        assert sandbox.control("/v2/positions") == []
        assert now(sandbox).hour < 15, "UTC: soon after the crash"

"""The watch through the day: every breaker provoked at the exchange, ended as configured, and taken up after a kill."""

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, wire_is_clean
from tests.support.desk import open_desk, policies
from trader.adapters.state_file import StateFile
from trader.domain.journal import BreakerTripped, SessionEnded, StateChanged, TradingState
from trader.modes.live import Live
from trader.modes.planning import committed_plan, require_session
from trader.modes.tape import Tape
from trader.modes.watch import Watch

SHARES = ("max_daily_loss", "max_drawdown", "session_drawdown", "stop_loss", "max_position_risk", "max_symbol_move")
QUIET = dict.fromkeys(SHARES, "1")
TEN = "2026-03-16T10:00:00-04:00"
Watched = dict[str, Any]


def watching(**watch: Any) -> dict[str, Any]:
    """Options of a run in which one session sends, stays and watches, under these limits alone."""
    return {
        "policies": {
            "execution": {"integration": "integrated"},
            "watch": QUIET | {"interval_s": 1800} | watch,
            "risk": {"portfolio_heat": "1"},
        }
    }


def trips(sandbox: Sandbox) -> list[tuple[str, str, str]]:
    """What was tripped: code, action, and whether it is over."""
    events = sandbox.events(BreakerTripped)
    return [(event.code, event.action, "over" if event.over else "") for event in events]


def state(sandbox: Sandbox) -> TradingState:
    return StateFile(sandbox.state / "STATE").read()[0]


def shock(sandbox: Sandbox, pct: int, symbol: str | None = None, at: str = TEN, over_s: int = 60) -> None:
    sandbox.control("/sim/market/shock", {"symbol": symbol, "at": at, "pct": pct, "over_s": over_s})


def bought(sandbox: Sandbox) -> str:
    """A symbol that the plan opens."""
    return next(order["symbol"] for order in closings(sandbox, "p") if order["side"] == "buy")


def closings(sandbox: Sandbox, purpose: str) -> list[dict[str, Any]]:
    """The orders of a purpose, oldest first."""
    found = sandbox.control("/v2/orders?status=all&limit=500&direction=asc")
    return [order for order in found if order["client_order_id"].split(".")[6][0] == purpose]


ENDS = {
    "alert": ("complete", TradingState.ACTIVE, False),
    "reduce": ("complete", TradingState.REDUCE, False),
    "halt": ("halted", TradingState.HALT, False),
    "flatten": ("halted", TradingState.HALT, True),
}


@pytest.mark.parametrize("action", ENDS)
def test_a_loss_of_the_day_ends_as_configured(action: str, zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, -5)
        limits = watching(max_daily_loss="0.03", on_max_daily_loss=action)
        outcome = sandbox.session(**limits)
        flat = sandbox.control("/v2/positions") == []
        assert (outcome, state(sandbox), flat) == ENDS[action]
        first, *ends = trips(sandbox)
        assert first == ("max_daily_loss", action, "")
        assert ends == ([("max_daily_loss", "flatten", "over")] if action == "flatten" else [])
        orders, again = sandbox.orders(), sandbox.session(**limits)
        assert (again, state(sandbox)) == (("complete", ENDS[action][1]))
        assert (sandbox.orders(), trips(sandbox)) == (orders, [first, *ends]), "once a day"
        assert len(sandbox.events(SessionEnded)) == 1


def test_a_flash_crash_flattens_in_bounded_time(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, -20)
        assert (
            sandbox.session(**watching(interval_s=60, max_daily_loss="0.03", on_max_daily_loss="flatten")) == "halted"
        )
        assert sandbox.control("/v2/positions") == []
        assert sandbox.control("/v2/orders?status=open") == []
        last = max(order["filled_at"] for order in closings(sandbox, "k") if order["filled_at"])
        wire_is_clean(sandbox.control("/sim/log"))
    flat_after = datetime.fromisoformat(last) - datetime.fromisoformat(TEN)
    sys.stdout.write(f"drill: flat {flat_after.total_seconds():.0f} s after a crash of 20 % began\n")
    assert flat_after.total_seconds() < 180


LIMITS = [
    ("max_drawdown", watching(max_drawdown="0.03"), "halted", TradingState.HALT),
    ("session_drawdown", watching(session_drawdown="0.03"), "complete", TradingState.REDUCE),
    ("max_slippage_bps", watching(max_slippage_bps="0.1", min_slippage_fills=1), "complete", TradingState.REDUCE),
]


@pytest.mark.parametrize(("code", "limits", "outcome", "after"), LIMITS, ids=[case[0] for case in LIMITS])
def test_a_limit_of_the_account_ends_by_default(
    code: str, limits: Watched, outcome: str, after: TradingState, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, -5)
        assert sandbox.session(**limits) == outcome
        assert [trip[0] for trip in trips(sandbox)] == [code]
        assert state(sandbox) is after
        assert [change.by for change in sandbox.events(StateChanged)] == ["watch"]
        assert len(sandbox.control("/v2/positions")) == 2


@pytest.mark.parametrize("limit", ["stop_loss", "max_position_risk"])
def test_a_holding_that_falls_is_closed_and_the_rest_kept(
    limit: str, zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        symbol = bought(sandbox)
        shock(sandbox, -25, symbol)
        assert sandbox.session(**watching(**{limit: "0.05"})) == "complete"
        orders = closings(sandbox, "s")
        assert {(order["symbol"], order["side"]) for order in orders} == {(symbol, "sell")}
        (held,) = (order["filled_qty"] for order in closings(sandbox, "p") if order["symbol"] == symbol)
        assert sum(int(order["filled_qty"]) for order in orders) == int(held)
        assert symbol not in {position["symbol"] for position in sandbox.control("/v2/positions")} != set()
        assert trips(sandbox) == [(limit, "close", ""), (limit, "close", "over")]
        assert state(sandbox) is TradingState.ACTIVE


def test_a_symbol_that_jumps_or_stands_still_is_told_once(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        still, jumps = sorted({position["symbol"] for position in sandbox.control("/v2/positions")})
        window = {"from": "2026-03-16T10:05:00-04:00", "to": "2026-03-16T13:00:00-04:00"}
        sandbox.control("/sim/market/halt", {"symbol": still, **window})
        shock(sandbox, 12, jumps)
        assert sandbox.session(**watching(max_symbol_move="0.1")) == "complete"
        told = {(event.code, event.subject, event.action) for event in sandbox.events(BreakerTripped)}
        assert told >= {("halted", still, "alert"), ("max_symbol_move", jumps, "alert")}
        assert len(trips(sandbox)) == len(told), "once a day and symbol"
        assert state(sandbox) is TradingState.ACTIVE


def test_stale_data_and_silence_pass_by_themselves(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        window = {"from": "2026-03-16T10:05:00-04:00", "to": "2026-03-16T11:05:00-04:00"}
        for symbol in {order["symbol"] for order in closings(sandbox, "p")}:
            sandbox.control("/sim/market/halt", {"symbol": symbol, **window})
        fault = {"method": "GET", "path": "/v2/positions", "action": "504_before", "times": 60}
        sandbox.control("/sim/faults", fault)
        assert sandbox.session(**watching(max_silence_s=60)) == "complete"
        assert trips(sandbox) == [
            ("max_silence_s", "reduce", ""),
            ("max_silence_s", "reduce", "over"),
            ("max_stale_s", "reduce", ""),
            ("max_stale_s", "reduce", "over"),
        ]
        assert (state(sandbox), sandbox.events(StateChanged)) == (TradingState.ACTIVE, [])


@pytest.mark.parametrize(
    "trap",
    [
        ("state.write 1", "before", "kill"),
        ("broker.submit 4", "after", "kill"),
        ("broker.submit 5", "after", "kill"),
    ],
    ids=lambda trap: "-".join(trap[:2]),
)
def test_a_flatten_that_is_killed_goes_on_and_closes_nothing_twice(
    trap: tuple[str, str, str], zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        shock(sandbox, -5)
        limits = watching(max_daily_loss="0.03", on_max_daily_loss="flatten")
        assert sandbox.run(watched=["state"], trap=trap, **limits) == -9
        assert sandbox.session(**limits) in ("halted", "complete")
        assert (sandbox.control("/v2/positions"), state(sandbox)) == ([], TradingState.HALT)
        traded: Counter[str] = Counter()
        for order in closings(sandbox, "p") + closings(sandbox, "k"):
            traded[order["symbol"]] += int(order["filled_qty"]) * (1 if order["side"] == "buy" else -1)
        assert set(traded.values()) <= {0, -300}, "each is sold once; 300 shares were there in the morning"
        assert [trip for trip in trips(sandbox) if trip[2]] == [("max_daily_loss", "flatten", "over")]
        assert sandbox.run("resume") == 0
        orders = sandbox.orders()
        sandbox.session(**limits)
        assert sandbox.orders() == orders, "nothing is closed or opened again after a resume"


def test_who_may_not_send_halts_and_leaves_the_closing_to_the_session(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        limits = watching(max_daily_loss="0.03", on_max_daily_loss="flatten", stop_loss="0.04")
        shock(sandbox, -5)
        sandbox.advance("2026-03-16T10:05:00-04:00")
        desk = open_desk(sandbox.state, sandbox.url, policies(**limits["policies"]))
        session, plan = require_session(desk, desk.clock.now().date()), committed_plan(desk, desk.clock.now().date())
        assert plan is not None
        Watch(desk, session, plan, Tape(desk, session.date), Live(), sends=False).look()
        assert state(sandbox) is TradingState.HALT
        assert trips(sandbox) == [("max_daily_loss", "flatten", "")], "what it would close is not its to remember"
        assert closings(sandbox, "k") == closings(sandbox, "s") == []
        sandbox.session(**limits)
        assert sandbox.control("/v2/positions") == []

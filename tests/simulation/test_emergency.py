"""The emergency drills, by the real command: how long it takes to be flat, and that nothing stays behind.

`pytest -s tests/simulation/test_emergency.py` prints each drill's time; docs/emergency.md has the table.
"""

import json
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import Sandbox, Zygote, copied, exchange, wire_is_clean
from tests.simulation.test_watch_beside_the_plan import may_short
from tests.support.commands import Ended, on_a_full_disk, trader
from trader.adapters.state_file import StateFile
from trader.domain.journal import CancelRequested, OrderIntended, StateChanged, TradingState
from trader.domain.orders import Purpose

RESTING = {"qty": "1", "side": "sell", "type": "limit", "limit_price": "100000", "time_in_force": "gtc"}
SHORT = {"qty": "120", "side": "sell", "type": "market", "time_in_force": "day"}
DAYS_LATER = "2026-03-18T11:00:00-04:00"


@pytest.fixture(scope="module")
def traded(zygote: Zygote, morning: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The morning after its session: two holdings, and in one of them somebody's order that rests for days."""
    state = tmp_path_factory.mktemp("traded") / "state"
    shutil.copytree(morning, state)
    with exchange(zygote, state) as sandbox:
        assert sandbox.session() == "complete"
        sandbox.control("/v2/orders", {**RESTING, "symbol": held(sandbox)[0]})
    return state


@pytest.fixture
def sandbox(zygote: Zygote, traded: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """A copy of it with its exchange running."""
    with copied(zygote, traded, tmp_path / "state") as running:
        yield running


def held(sandbox: Sandbox) -> list[str]:
    """The symbols of the broker's positions."""
    return sorted(position["symbol"] for position in sandbox.control("/v2/positions"))


def shares(sandbox: Sandbox) -> dict[str, str]:
    """What is held of each symbol."""
    return {position["symbol"]: position["qty"] for position in sandbox.control("/v2/positions")}


def closed(sandbox: Sandbox) -> dict[str, str]:
    """The shares of each symbol that closing orders sold."""
    filled: Counter[str] = Counter()
    for name, (_, quantity, _) in sandbox.orders().items():
        if ".f" in name:
            filled[name.split(".")[4]] += int(quantity)
    return {symbol: str(quantity) for symbol, quantity in filled.items()}


def numbered_without_a_gap(sandbox: Sandbox) -> bool:
    """Whether each symbol's closing orders are 0, 1, ...: one that never arrived was sent under its own id."""
    found: dict[str, list[int]] = {}
    for name in sorted(name for name in sandbox.orders() if ".f" in name):
        found.setdefault(name.split(".")[4], []).append(int(name.split(".")[6][1:]))
    return found == {symbol: list(range(len(numbers))) for symbol, numbers in found.items()}


def working(sandbox: Sandbox) -> list[str]:
    """The ids of the broker's open orders."""
    return [order["client_order_id"] for order in sandbox.control("/v2/orders?status=open&limit=500")]


def suspended(sandbox: Sandbox) -> bool:
    """Whether the broker refuses new orders."""
    return bool(sandbox.control("/v2/account/configurations")["suspend_trade"])


def words(sandbox: Sandbox, *command: str, state: Path | None = None, text: str = "") -> list[str]:
    """A command line for this exchange; `text` are further lines of the configuration."""
    config = sandbox.state.parent / "emergency.yaml"
    config.write_text(f"broker:\n  venue: simulated\n  url: {sandbox.url}\n{text}")
    return ["--config", str(config), "--state", str(state or sandbox.state), *command]


def stop(sandbox: Sandbox, run: Callable[..., Ended] = trader, **options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of an emergency stop that closes everything."""
    ended = run(*words(sandbox, "emergency-stop", "--flatten", "--json", **options))
    assert "Traceback" not in ended.said
    report: dict[str, Any] = json.loads("{" + ended.said.partition("\n{\n")[2].partition("\n}\n")[0] + "}")
    left = " ".join(report["open_orders"] + report["open_positions"])
    sys.stdout.write(f"drill: {report['took_s']} s, left: {left or 'nothing'}\n")
    return ended.code, report


def nothing_is_left(sandbox: Sandbox, report: dict[str, Any], within_s: float) -> None:
    """The broker itself says so, and takes no new order; no POST was refused, none was sent twice without a look."""
    assert (held(sandbox), working(sandbox), suspended(sandbox)) == ([], [], True)
    assert (report["open_orders"], report["open_positions"]) == ([], [])
    assert float(report["took_s"]) <= within_s
    log = sandbox.control("/sim/log")
    wire_is_clean(log)
    assert not [line for line in log if line["method"] == "POST" and line["status"] in (403, 422)]


def state(sandbox: Sandbox) -> TradingState:
    """What STATE says."""
    return StateFile(sandbox.state / "STATE").read()[0]


@contextmanager
def locked(ledger: Path) -> Iterator[None]:
    """Another process is writing, and does not end."""
    other = sqlite3.connect(ledger, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


def corrupt(ledger: Path) -> AbstractContextManager[None]:
    """Its pages are overwritten."""
    without_log(ledger)
    content = ledger.read_bytes()
    ledger.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))
    return nullcontext()


def absent(ledger: Path) -> AbstractContextManager[None]:
    """It was deleted."""
    without_log(ledger)
    ledger.unlink()
    return nullcontext()


def newer(ledger: Path) -> AbstractContextManager[None]:
    """A newer release has migrated it."""
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    return nullcontext()


def without_log(ledger: Path) -> None:
    """Fold the write-ahead log into the file."""
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_with_everything_sound(sandbox: Sandbox) -> None:
    symbols, before = held(sandbox), shares(sandbox)
    code, report = stop(sandbox)
    assert (code, report["unrecorded"], report["closed"], state(sandbox)) == (0, "", symbols, TradingState.HALT)
    nothing_is_left(sandbox, report, within_s=60)
    assert closed(sandbox) == before
    closing = {event.client_order_id for event in sandbox.events(OrderIntended) if event.key.purpose is Purpose.FLATTEN}
    assert closing == {name for name in sandbox.orders() if ".f" in name}
    assert sandbox.events(StateChanged)[-1].state is TradingState.HALT


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(locked, "another process"), (corrupt, "damaged"), (absent, "there is no ledger"), (newer, "9999 is newer")],
)
def test_without_a_ledger_that_works(
    spoil: Callable[[Path], AbstractContextManager[None]], why: str, sandbox: Sandbox
) -> None:
    ledger = sandbox.state / "ledger.db"
    with spoil(ledger):
        code, report = stop(sandbox)
    assert (code, state(sandbox)) == (0, TradingState.HALT)
    assert why in report["unrecorded"]
    nothing_is_left(sandbox, report, within_s=60)
    assert ledger.exists() is (spoil is not absent)


def test_from_another_machine_and_days_later(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.advance(DAYS_LATER)
    assert len(working(sandbox)) == 1
    code, report = stop(sandbox, state=tmp_path / "elsewhere")
    assert (code, report["cancelled"]) == (0, 1)
    nothing_is_left(sandbox, report, within_s=60)
    assert state(sandbox) is TradingState.ACTIVE, "the trading host knows nothing of it yet"
    ended = trader(*words(sandbox, "resume"))
    assert (ended.code, suspended(sandbox), state(sandbox)) == (0, False, TradingState.ACTIVE)


def test_an_order_that_never_ends_is_named_and_the_rest_is_closed(sandbox: Sandbox) -> None:
    stuck, free = held(sandbox)
    (name,) = working(sandbox)
    sandbox.control("/sim/faults", {"action": "stuck_cancel", "method": "DELETE", "path": "/v2/orders/*", "times": 99})
    code, report = stop(sandbox)
    assert (code, report["open_orders"], report["open_positions"]) == (1, [name], [stuck])
    assert (held(sandbox), report["closed"], suspended(sandbox)) == ([stuck], [free], True)
    assert float(report["took_s"]) <= 600


def test_while_the_broker_answers_badly(sandbox: Sandbox) -> None:
    for method, path, action in (
        ("PATCH", "/v2/account/configurations", "504_before"),
        ("DELETE", "/v2/orders/*", "drop_after"),
        ("GET", "/v2/orders", "502_html_before"),
        ("GET", "/v2/positions", "504_before"),
        ("POST", "/v2/orders", "504_after"),
    ):
        sandbox.control("/sim/faults", {"action": action, "method": method, "path": path, "times": 3})
    code, report = stop(sandbox)
    assert code == 0
    nothing_is_left(sandbox, report, within_s=60)


def test_a_short_position_is_bought_back(zygote: Zygote, traded: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(traded, state)
    may_short(state)
    with exchange(zygote, state) as sandbox:
        short = max(set(sandbox.control("/sim/sectors")) - set(held(sandbox)))
        sandbox.control("/v2/orders", {**SHORT, "symbol": short, "client_order_id": "somebody"})
        sandbox.advance("2026-03-16T10:00:00-04:00")
        before = shares(sandbox)
        assert before[short] == "-120"
        code, report = stop(sandbox)
        assert (code, closed(sandbox)) == (0, before | {short: "120"})
        nothing_is_left(sandbox, report, within_s=60)


def test_closing_orders_that_did_not_arrive_are_looked_up_and_sent_again(sandbox: Sandbox) -> None:
    before = shares(sandbox)
    sandbox.control("/sim/faults", {"action": "504_before", "method": "POST", "path": "/v2/orders", "times": 2})
    code, report = stop(sandbox)
    assert (code, closed(sandbox)) == (0, before)
    assert numbered_without_a_gap(sandbox)
    nothing_is_left(sandbox, report, within_s=60)


def test_positions_that_are_told_late_are_not_sold_twice(sandbox: Sandbox) -> None:
    before = shares(sandbox)
    sandbox.control("/sim/lag", {"positions_s": 4})
    code, report = stop(sandbox)
    assert (code, closed(sandbox)) == (0, before)
    sandbox.control("/sim/lag", {})
    nothing_is_left(sandbox, report, within_s=60)


def test_on_a_full_disk(sandbox: Sandbox) -> None:
    code, report = stop(sandbox, on_a_full_disk)
    assert code == 1
    assert "HALT could not be written" in report["troubles"][0]
    nothing_is_left(sandbox, report, within_s=60)


def test_without_a_request_budget_and_with_limits_that_cannot_be_read(sandbox: Sandbox) -> None:
    (sandbox.state / "requests.main").mkdir()
    code, report = stop(sandbox, text="risk_management:\n  max_position_size: huge\n")
    assert code == 0
    nothing_is_left(sandbox, report, within_s=60)


@pytest.mark.parametrize("text", ["broken: [", "  nonsense: 1\n", "execution:\n  account: MAIN!\n"])
def test_what_cannot_be_read_at_all_still_halts_and_says_what_is_undone(text: str, sandbox: Sandbox) -> None:
    ended = trader(*words(sandbox, "emergency-stop", "--flatten", text=text))
    assert (ended.code, state(sandbox)) == (2, TradingState.HALT)
    assert "emergency.yaml" in ended.said
    assert "STATE says HALT. THE BROKER WAS NOT REACHED" in ended.said
    assert held(sandbox) != []


def test_killed_around_its_orders_it_closes_each_symbol_once(zygote: Zygote, traded: Path, tmp_path: Path) -> None:
    with copied(zygote, traded, tmp_path / "undisturbed") as sandbox:
        assert sandbox.run("flatten") == 0
        sent, sold = sandbox.calls().count("broker.submit"), closed(sandbox)
    points = ("cancel 1", "after"), ("submit 1", "before"), ("submit 1", "after"), (f"submit {sent}", "after")
    for call, when in points:
        with copied(zygote, traded, tmp_path / f"{call}-{when}") as sandbox:
            assert sandbox.run("flatten", trap=(f"broker.{call}", when, "kill")) == -9
            assert sandbox.run("flatten") == 0
            nothing_is_left(sandbox, json.loads(sandbox.outcome()), within_s=60)
            assert closed(sandbox) == sold
            assert numbered_without_a_gap(sandbox)
            asked = [event.client_order_id for event in sandbox.events(CancelRequested)]
            assert len(asked) == len(set(asked))

"""The commands as a person types them, in processes of their own, on a small synthetic market."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import NeverStopped
from tests.support.markets import as_frame, random_panel
from trader.adapters.clock import SystemClock
from trader.adapters.ledger import open_ledger
from trader.bootstrap.days import DayOrders, forget, run_days
from trader.bootstrap.desk import silent
from trader.bootstrap.parts import bar_archive
from trader.bootstrap.place import Place
from trader.domain.errors import ConfigurationError, TraderError
from trader.domain.journal import OrderDenied
from trader.domain.orders import Side
from trader.domain.plan import Denial

CONFIG = """
execution: {account: test}
position_sizing: {max_positions: 4, weighting: equal, signal_threshold: 0}
risk_management: {max_position_size: 0.3, order_notional_cap_usd: 300000}
model: {train_sessions: 120, rounds: 8, max_depth: 2}
broker: {venue: simulated, simulation: {symbols: 12, history_sessions: 420}}
"""
DAY, NEXT_DAY = "2026-03-16", "2026-03-17"
PROGRAM = Path(sys.executable).with_name("trader")
HERE = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@dataclass(frozen=True, slots=True)
class Trader:
    """One configuration and one state directory."""

    config: Path
    state: Path

    def __call__(self, words: str, code: int = 0, environ: dict[str, str] | None = None) -> str:
        """The standard output of a command, which must end with `code`; with code > 0, what it says of the error."""
        command = [PROGRAM, "--config", self.config, "--state", self.state]
        ended = subprocess.run(
            [*command, *words.split()], env={**HERE, **(environ or {})}, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code, ended.stderr
        return ended.stderr if code and not ended.stdout else ended.stdout

    @property
    def place(self) -> Place:
        """The same, for a call without a process."""
        return Place(self.config, self.state, {})

    def files(self) -> dict[Path, bytes]:
        """Everything in the state directory but the calendar, which is no part of it."""
        found = (path for path in self.state.rglob("*") if path.is_file() and path.parent.name != "calendar")
        return {path: path.read_bytes() for path in found}

    def json(self, words: str, code: int = 0) -> Any:
        """The JSON a command prints."""
        return json.loads(self(f"{words} --json", code))


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Trader]:
    """A new state, traded for one day."""

    def begun() -> Trader:
        directory = tmp_path_factory.mktemp("trader")
        (directory / "small.yaml").write_text(CONFIG)
        trader = Trader(directory / "small.yaml", directory / "state")
        (run,) = trader.json("day --fresh")
        assert run["ok"]
        assert run["report"]["figures"]["filled"] == run["report"]["figures"]["orders"] == 4
        return trader

    return begun


@pytest.fixture(scope="module")
def traded(begin: Callable[[], Trader]) -> Trader:
    """One traded day; tests read it, or trade days of their own after it."""
    return begin()


def test_a_second_run_changes_nothing_and_says_the_same(traded: Trader) -> None:
    head = traded("ledger verify")
    report = (traded.state / "reports" / "20260316.html").read_bytes()
    assert f"{DAY}" in traded(f"day --date {DAY}")
    assert traded.json(f"execution-monitor --date {DAY}")["result"] == "observed"
    assert traded("ledger verify") == head
    assert (traded.state / "reports" / "20260316.html").read_bytes() == report


def test_plan_replay_status_audit_and_report_tell_one_story(traded: Trader) -> None:
    (file,) = (traded.state / "plans").glob("20260316.*.json")
    plan = traded.json(f"plan --date {DAY}")
    assert plan == json.loads(file.read_bytes())
    replayed = traded.json(f"replay {DAY}")
    assert replayed["identical"]
    audit = traded.json(f"audit {DAY}")
    assert audit["plan_hash"] == replayed["outcome"]["committed_hash"]
    assert len(audit["orders"]) == len(plan["intents"])
    order = traded.json(f"audit {audit['orders'][0]['client_order_id']}")
    assert order["status"] == "filled"
    assert order["checks"]
    assert order["provenance"] == plan["provenance"]
    assert traded.json(f"report {DAY}")["header"]["plan_hash"] == audit["plan_hash"]
    assert traded.json("status")["release"] == plan["provenance"]["release"]


def test_a_committed_plan_shows_what_was_denied_at_sending(traded: Trader, tmp_path: Path) -> None:
    trader = Trader(traded.config, tmp_path / "state")
    shutil.copytree(traded.state, trader.state)
    with closing(open_ledger(trader.place.ledger, SystemClock(NeverStopped()))) as ledger:
        for code, passing in (("max_spread_bps", False), ("quote_age", True)):
            denial = Denial("SYAAA", code, "too much of it")
            ledger.append(OrderDenied(date.fromisoformat(DAY), f"id.{code}", Side.BUY, Decimal(1), denial, passing))
    shown = trader(f"plan --date {DAY}")
    assert "max_spread_bps" in shown
    assert "quote_age" not in shown, "what passes is no denial yet"


def test_a_second_state_decides_the_same_and_obeys_every_stop(traded: Trader, begin: Callable[[], Trader]) -> None:
    trader = begin()
    (plan,) = (traded.state / "plans").glob("20260316.*.json")
    assert (trader.state / "plans" / plan.name).read_bytes() == plan.read_bytes()

    assert trader.json(f"preflight --date {NEXT_DAY}")["ok"]
    trader("halt --reason drill")
    assert "drill" in trader(f"session --date {NEXT_DAY} --json", code=1)
    trader("resume")
    assert trader.json(f"session --date {NEXT_DAY}")["result"] == "complete"
    assert "not over" in trader(f"eod --date {NEXT_DAY}", code=1)

    stopped = trader.json("emergency-stop --flatten --reason drill")
    assert (stopped["open_orders"], stopped["open_positions"], stopped["suspended"]) == ([], [], True)
    checks = trader.json(f"preflight --date {NEXT_DAY}", code=1)["checks"]
    assert [check["name"] for check in checks if not check["ok"]] == ["trading_state", "account"]
    trader("resume")
    (run,) = trader.json(f"day --date {NEXT_DAY}")
    assert run["ok"]
    assert run["report"]["figures"]["holdings"] == 0


def test_bars_and_models_are_shown(traded: Trader, tmp_path: Path) -> None:
    assert traded.json("data show")["symbols"] == 12
    assert traded.json("data check") == []
    (model,) = traded.json("model list")
    assert model["promoted"]
    assert model["hash"][:12] in traded(f"model show {model['hash'][:4]}")
    assert "no artifact" in traded("model promote beef", code=2)
    traded(f"ledger export {tmp_path / 'journal.jsonl'}")
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert f"{len(lines)} entries, chain intact" in traded("ledger verify")


def test_errors_name_the_next_step_and_have_their_codes(traded: Trader, tmp_path: Path) -> None:
    assert "no trading session" in traded("preflight --date 2026-03-21", code=1)
    assert "no entry of 2020-01-02" in traded("audit 2020-01-02", code=1)
    assert "EXECUTION_MODE" in traded("plan", code=2, environ={"EXECUTION_MODE": "live"})
    assert "is no date" in traded("replay yesterday", code=2)
    bad = tmp_path / "bars.csv"
    bad.write_text("symbol,date,open,high,low,close,volume\nAAA,2026-03-16,1,1,2,1,5\n")
    assert f"{bad}" in traded(f"data import {bad}", code=2)
    broken = Trader(tmp_path / "broken.yaml", tmp_path / "state")
    broken.config.write_text("execution: {acount: x}")
    assert "Did you mean account?" in broken("config check", code=2)
    paper = Trader(tmp_path / "paper.yaml", tmp_path / "state")
    paper.config.write_text("broker: alpaca")
    (tmp_path / "bars.csv").write_text("symbol,date,open,high,low,close,volume\nAAA,2026-03-13,1,1,1,1,5\n")
    paper(f"data import {bad}")
    assert "ALPACA_API_KEY" in paper("data update --until 2026-03-17", code=2)
    assert "simulated venue" in paper(f"day --bars {bad}", code=2)
    assert "--fresh: is for a simulated venue" in paper("day --fresh", code=2)
    assert (paper.state / "bars").exists()


LAST = date(2022, 6, 30)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with bars.parquet, which end on LAST, and its sectors.csv."""
    directory = tmp_path_factory.mktemp("market")
    bars = as_frame(random_panel(seed=3, symbols=8, sessions=340, end=LAST))
    bars["symbol"] = bars["symbol"].str.translate(str.maketrans("01234567", "ABCDEFGH"))
    bars.to_parquet(directory / "bars.parquet", index=False)
    bars.to_csv(directory / "bars.csv", index=False)
    bars.assign(high=0.5).to_parquet(directory / "broken.parquet", index=False)
    names = sorted(set(bars["symbol"]))
    (directory / "sectors.csv").write_text("symbol,sector\n" + "".join(f"{name},Energy\n" for name in names))
    return directory


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("2026-03-21", "2026-03-21 is no trading session. The next one is 2026-03-23."),
        ("2001-03-01", "2001-03-01: too early for 420 sessions of history"),
        ("1962-03-01", "1962-03-01 lies outside"),
        ("9999-12-31", "9999-12-31 lies outside"),
        ("2026-03-16 --days 300", "a synthetic market lasts no longer"),
        ("2022-06-30 --sectors sectors.csv", "--sectors: without --bars"),
        ("- --bars bars.parquet", "--bars: without a date"),
        ("2022-06-30 --bars none.parquet", "none.parquet: there is no such file"),
        ("2022-06-30 --bars bars.csv", "bars.csv: --bars needs Parquet. `trader data import` reads CSV."),
        ("2022-06-30 --bars sectors.csv.gone", "there is no such file"),
        ("2022-06-30 --bars broken.parquet", "broken.parquet: 2720 malformed rows"),
        ("2022-06-30 --bars bars.parquet --sectors none.csv", "none.csv: there is no such file"),
        ("2022-06-30 --bars bars.parquet --sectors bars.csv", "bars.csv line 1: columns"),
        ("2031-01-02 --bars bars.parquet", "no bar of 2031-01-02; its bars begin 2021-02-25 and end 2022-06-30"),
        ("2022-06-30 --days 2 --bars bars.parquet", "no bar of 2022-07-01"),
        ("2022-03-01 --bars bars.parquet", "a model needs 312 to be trained on"),
    ],
)
def test_fresh_checks_everything_before_it_removes_anything(
    traded: Trader, market: Path, monkeypatch: pytest.MonkeyPatch, words: str, told: str
) -> None:
    monkeypatch.chdir(market)
    before = traded.files()
    day, *rest = words.split()
    named = dict(zip(rest[::2], rest[1::2], strict=True))
    orders = DayOrders(
        date.fromisoformat(day) if day != "-" else None,
        int(named.get("--days", 1)),
        *(Path(named[option]) if option in named else None for option in ("--bars", "--sectors")),
    )
    with pytest.raises(TraderError) as caught:
        forget(traded.place, orders)
    assert told in str(caught.value)
    assert traded.files() == before


def test_fresh_removes_only_what_the_program_made(traded: Trader, market: Path, tmp_path: Path) -> None:
    trader = Trader(traded.config, tmp_path / "state")
    for name in ("models", "notes"):
        (trader.state / name).mkdir(parents=True)
        (trader.state / name / "mine.txt").write_text("of value")
    theirs = trader.files()
    with pytest.raises(ConfigurationError, match="--fresh does not remove it"):
        forget(trader.place)
    assert trader.files() == theirs

    (begun := Trader(traded.config, tmp_path / "begun")).state.mkdir()
    assert "no trading session" in begun("day --date 2026-03-21", code=1)
    forget(begun.place)
    (begun.state / "SIMULATED").touch()
    for name in ("ledger.db", "ledger.db-wal", "mine.txt"):
        (begun.state / name).touch()
    (begun.state / "bars").mkdir()
    inside = begun.state / "bars" / "bars.parquet"
    inside.write_bytes((market / "bars.parquet").read_bytes())
    with pytest.raises(ConfigurationError, match="lies in the state that --fresh removes"):
        forget(begun.place, DayOrders(LAST, bars=inside))
    forget(begun.place)
    assert {path.name for path in begun.state.iterdir()} - {"calendar"} == {"SIMULATED", "mine.txt"}


def test_a_day_on_bars_of_a_file_fetches_its_morning_over_the_wire(
    traded: Trader, market: Path, tmp_path: Path
) -> None:
    trader, said = Trader(traded.config, tmp_path / "state"), list[str]()
    (run,) = run_days(
        trader.place, DayOrders(LAST, 1, market / "bars.parquet", market / "sectors.csv"), silent, said.append
    )
    assert run.ok
    assert said[0] == f"Bars from {market / 'bars.parquet'}: 2,704 of 8 symbols imported, 2021-02-25 to 2022-06-28"
    assert "up to 2022-06-29 (8 symbols)" in said[1]
    assert "no more than chance" in said[3]
    assert set(bar_archive(trader.place).last_dates().values()) == {date(2022, 6, 29)}
    assert "no bar of 2031-01-02" in trader("day --date 2031-01-02", code=2)
    forget(trader.place)
    assert [path.name for path in trader.state.iterdir() if path.name != "calendar"] == ["SIMULATED"]


def test_an_unexpected_error_is_one_line_without_values(tmp_path: Path) -> None:
    script = (
        "import sys; from trader.cli.main import app, run\n"
        "@app.command()\n"
        "def boom():\n"
        "    secret = 'planted-value'\n"
        "    raise LookupError(secret)\n"
        "sys.exit(run())"
    )
    ended = subprocess.run([sys.executable, "-c", script, "boom"], capture_output=True, text=True, check=False)
    assert ended.returncode == 5
    assert "unexpected LookupError" in ended.stderr
    assert "boom" in ended.stderr
    assert "planted-value" not in ended.stderr + ended.stdout


def test_every_command_has_help_with_an_example(tmp_path: Path) -> None:
    from trader.cli.main import app

    shown = [
        (command.callback, command.callback.__doc__ or "") for command in app.registered_commands if command.callback
    ]
    for group in app.registered_groups:
        found = group.typer_instance.registered_commands if group.typer_instance else []
        shown += [(command.callback, command.callback.__doc__ or "") for command in found if command.callback]
    assert len(shown) > 20
    assert [callback.__name__ for callback, text in shown if "Example: trader " not in text] == []

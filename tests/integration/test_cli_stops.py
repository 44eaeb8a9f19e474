"""Stops, the present state, and what a person sees of a place: on one traded day, in processes of their own."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import typer

from tests.integration.test_cli import CONFIG, DAY, Trader
from trader.bootstrap.days import DayRun
from trader.bootstrap.place import find_place
from trader.cli.reporting import print_days
from trader.modes.preflight import Check, PreflightReport


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Trader:
    """A state after one day; tests read it, or leave it as it was."""
    directory = tmp_path_factory.mktemp("stops")
    (directory / "small.yaml").write_text(CONFIG)
    trader = Trader(directory / "small.yaml", directory / "state")
    (run,) = trader.json("day --fresh")
    assert run["ok"]
    return trader


@pytest.fixture
def broken(traded: Trader, tmp_path: Path) -> Trader:
    """The same state under a configuration that cannot be read."""
    (tmp_path / "broken.yaml").write_text("execution: [")
    trader = Trader(tmp_path / "broken.yaml", traded.state)
    assert "broken.yaml" in trader("config check", code=2)
    return trader


def test_status_halt_and_audit_need_no_sound_configuration(traded: Trader, broken: Trader) -> None:
    shown = broken.json("status")
    assert (shown["view"]["session_date"], shown["view"]["state"]) == (DAY, "active")
    assert (shown["config"], shown["state"]) == (str(broken.config), str(broken.state))
    assert f"--config {broken.config} --state {broken.state}" in broken("halt --reason drill")
    assert "HALT: drill" in broken("status")
    assert "drill" in broken(f"audit {DAY}"), "a halt belongs to the exchange's day, not to the wall's"
    assert f"--config {traded.config} --state {traded.state}" in traded("resume")
    assert traded.json("status")["view"]["state"] == "active"


@pytest.mark.parametrize("words", [f"audit {DAY}", "report", f"replay {DAY}", "ledger verify", "ledger rebuild"])
def test_a_place_without_a_ledger_says_where_it_looked(traded: Trader, tmp_path: Path, words: str) -> None:
    elsewhere = Trader(traded.config, tmp_path / "elsewhere")
    assert f"This looked at --config {traded.config} --state {elsewhere.state}" in elsewhere(words, code=2)
    assert not elsewhere.state.exists()


def test_the_plan_says_what_has_become_of_it(traded: Trader) -> None:
    shown = traded(f"plan --date {DAY}")
    assert f"Plan {DAY}, committed and closed: 4 orders" in shown
    assert "action" in shown


def test_an_audit_shows_the_limits_the_post_and_the_fills(traded: Trader) -> None:
    orders = traded.json(f"audit {DAY}")["orders"]
    table = [line.split() for line in traded(f"audit {DAY}").splitlines() if line.strip().startswith("pt1.")]
    assert [(row[0], row[2], row[3], row[-2]) for row in table] == [
        (
            order["client_order_id"],
            str(len(order["checks"])),
            "accepted",
            str(sum(line["what"] == "fill_recorded" for line in order["trail"])),
        )
        for order in orders
    ]
    shown = traded(f"audit {orders[0]['client_order_id']}")
    assert shown.index("intent committed") < shown.index("POST answered: accepted") < shown.index("fill recorded")
    assert shown.count("POST answered") == 1


def test_fresh_removes_nothing_for_a_day_that_cannot_begin(traded: Trader) -> None:
    head = traded("ledger verify")
    assert "none.parquet" in traded("day --fresh --date 2026-03-16 --bars none.parquet", code=2)
    assert traded("ledger verify") == head


def test_a_day_that_was_ended_early_has_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = date.fromisoformat(DAY)
    run = DayRun(day, PreflightReport(day, (Check("clock", ok=False, detail="late.", remedy="Set it."),)), None, None)
    with pytest.raises(typer.Exit) as ended:
        print_days(find_place(None, tmp_path, {}), [run], json=False)
    assert (ended.value.exit_code, capsys.readouterr().out) == (1, f"{DAY} preflight, clock: late. Set it.\n")


def test_an_unexpected_error_of_a_day_stands_in_its_log(tmp_path: Path) -> None:
    script = (
        "import sys; from trader.bootstrap import days; from trader.cli.main import run\n"
        "days.run_days = lambda *_: {}['planted']\n"
        "sys.exit(run())"
    )
    command = [sys.executable, "-c", script, "--state", tmp_path, "day"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.count("unexpected KeyError")) == (5, 1)
    assert "test_cli_stops" not in ended.stderr
    assert "KeyError" in (tmp_path / "logs" / "trader.jsonl").read_text()


def test_a_table_that_was_changed_is_made_anew(traded: Trader) -> None:
    head = traded("ledger verify")
    with closing(sqlite3.connect(traded.state / "ledger.db")) as connection:
        connection.execute("UPDATE orders SET status = 'canceled'")
        connection.commit()
    assert "trader ledger rebuild" in traded("ledger verify", code=5)
    assert head.split()[-1] in traded("ledger rebuild")
    assert traded("ledger verify") == head


def test_the_brokers_book_is_adopted_with_its_reason(traded: Trader) -> None:
    figures = traded.json(f"report {DAY}")["figures"]
    book = traded.json("ledger adopt --reason dividend")
    assert (book["cash_usd"], len(book["holdings"])) == (figures["cash_usd"], figures["holdings"])
    shown = traded("ledger adopt --reason again")
    assert all(held["symbol"] in shown for held in book["holdings"])
    assert "adopted: dividend" in traded(f"audit {DAY}")

"""What one day leaves to the next: unclosed sessions, breaks, days that began badly or too late."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.conftest import AFTER_THE_CLOSE, DAY, Sandbox, Zygote, copied
from trader.adapters.bar_archive import ParquetBarArchive
from trader.adapters.calendar import ExchangeCalendar
from trader.domain.errors import ChecksFailed
from trader.domain.journal import DayClosed, PlanCommitted, SessionEnded
from trader.modes.outcome import SessionOutcome, require_complete

NEXT = "2026-03-17"
NEXT_MORNING = "2026-03-17T09:00:00-04:00"
NEXT_NOON = "2026-03-17T12:00:00-04:00"


def failed_checks(sandbox: Sandbox, day: str = NEXT) -> dict[str, str]:
    """Name and words of each check that a preflight failed."""
    assert sandbox.run("preflight", day=day) == 0
    checks = json.loads(sandbox.outcome())
    return {check["name"]: f"{check['detail']} {check['remedy']}" for check in checks if not check["ok"]}


def posts(sandbox: Sandbox) -> list[str]:
    """The ids of the orders that were posted."""
    log = sandbox.control("/sim/log")
    return [line["client_order_id"] for line in log if (line["method"], line["path"]) == ("POST", "/v2/orders")]


def test_an_unclosed_session_bars_the_next_until_its_end_of_day(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 3", "after", "kill")) == -9
        sandbox.advance(NEXT_MORNING)
        sent = posts(sandbox)
        failed = failed_checks(sandbox)
        assert list(failed) == ["book"]
        assert f"`trader eod --date {DAY}`" in failed["book"]
        assert sandbox.run(day=NEXT) == ChecksFailed.exit_code
        assert posts(sandbox) == sent
        assert len(sandbox.events(PlanCommitted)) == 1, "nothing is decided on a book that is not the broker's"

        assert sandbox.run("eod") == 0, "late, but before the next open"
        assert json.loads(sandbox.outcome())["figures"]
        assert failed_checks(sandbox) == {}
        assert sandbox.session(day=NEXT) == "complete"


def test_a_break_of_the_account_bars_the_next_session_until_a_person_takes_the_brokers_book_over(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.session() == "complete"
        held = {row["symbol"] for row in sandbox.control("/v2/positions")}
        stray = min(set(sandbox.control("/sim/sectors")) - held)
        sandbox.advance(AFTER_THE_CLOSE)
        sandbox.control("/sim/positions", {"symbol": stray, "qty": "7", "price": "50"})
        sandbox.control("/sim/account/cash", {"amount_usd": "12.34"})
        assert sandbox.run("eod") == 0
        [closed] = sandbox.events(DayClosed)
        assert closed.breaks
        sandbox.advance(NEXT_MORNING)
        failed = failed_checks(sandbox)
        assert list(failed) == ["breaks", "book"]
        assert f"{stray} none, the broker 7" in failed["book"]
        assert "`trader breaks resolve account --reason TEXT`" in failed["book"]

        assert sandbox.run("adopt") == 0
        lots = {holding["symbol"]: len(holding["lots"]) for holding in json.loads(sandbox.outcome())["holdings"]}
        kept = {holding.symbol: len(holding.lots) for holding in closed.book.holdings}
        assert set(lots) == held | {stray}
        assert lots == kept | {stray: 1}, "symbols that agree keep their lots"
        assert failed_checks(sandbox) == {}
        sandbox.advance(NEXT_NOON)
        assert sandbox.run("adopt") == ChecksFailed.exit_code, "not while a session is under way"


def test_the_brokers_book_is_not_taken_over_before_the_day_is_closed(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        assert sandbox.run(trap=("broker.submit 3", "after", "kill")) == -9
        sandbox.advance(AFTER_THE_CLOSE)
        assert sandbox.run("adopt") == ChecksFailed.exit_code
        assert sandbox.run("eod") == 0
        assert [closed.breaks for closed in sandbox.events(DayClosed)] == [0], "no fill counts twice"


def test_a_session_first_started_after_the_close_is_too_late(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        sandbox.advance(AFTER_THE_CLOSE)
        assert sandbox.session() == "too_late"
        assert sandbox.events(SessionEnded) == []
        assert sandbox.orders() == {}
    with pytest.raises(ChecksFailed, match="too_late"):
        require_complete(SessionOutcome(date.fromisoformat(DAY), "too_late", "3 orders were not sent"))


def whole_day(sandbox: Sandbox) -> tuple[list[str], Any]:
    """Names of the failed checks, and the session's outcome, of a day that is closed without a break."""
    assert sandbox.run("day") == 0
    checks, outcome, _ = json.loads(sandbox.outcome())
    [closed] = sandbox.events(DayClosed)
    assert closed.breaks == 0
    return [check["name"] for check in checks["checks"] if not check["ok"]], outcome


def test_a_failed_preflight_holds_openers_back_and_nothing_else(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        for file in sandbox.state.glob("ledger.db*"):  # and with it the token of the preflight that passed
            file.unlink()
        sandbox.control("/sim/faults", {"method": "GET", "path": "/v2/clock", "action": "504_before", "times": 99})
        failed, outcome = whole_day(sandbox)
        orders = sandbox.orders()
    assert failed == ["clock"]
    assert outcome["result"] == "held_back"
    assert [(name.split(".")[5], status) for name, (_, _, status) in orders.items()] == [("s", "filled")]


def test_a_day_that_cannot_be_decided_is_closed_all_the_same(zygote: Zygote, morning: Path, tmp_path: Path) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:
        for file in (sandbox.state / "models").rglob("*"):
            if file.is_file():
                file.unlink()
        assert whole_day(sandbox) == (["model"], None)
        assert sandbox.orders() == {}


def test_a_bar_is_asked_for_when_its_session_is_over_and_not_before(
    zygote: Zygote, morning: Path, tmp_path: Path
) -> None:
    with copied(zygote, morning, tmp_path / "state") as sandbox:

        def updated(at: str) -> tuple[int, set[date]]:
            """How many requests for bars an update makes, and the newest bars there are after it."""
            sandbox.advance(at)
            before = len(sandbox.control("/sim/log"))
            assert sandbox.run("update") == 0
            asked = [line for line in sandbox.control(f"/sim/log?after={before}") if line["path"].endswith("/bars")]
            archive = ParquetBarArchive(sandbox.state / "bars", ExchangeCalendar(sandbox.state / "calendar"))
            return len(asked), set(archive.last_dates().values())

        assert updated("2026-03-16T12:00:00-04:00") == (0, {date(2026, 3, 13)})
        assert updated(AFTER_THE_CLOSE) == (1, {date(2026, 3, 16)})

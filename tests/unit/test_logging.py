"""Log lines: whole in the file, quiet at the terminal when asked, and never a secret in either."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from pydantic import SecretStr

from trader.adapters.logging import configure

PLANTED = "planted-secret-value"
KEY = "PK" + "ABCDEFGHIJKLMNOPQR"


@pytest.fixture(autouse=True)
def _undo() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_is_json_in_the_file_and_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    copy = StringIO()
    configure("info", copy)
    log = structlog.get_logger()
    log.debug("EXECUTION not shown")
    log.info("ORDER sent", client_order_id="pt1.main.xgb.20260316.AAPL.b.p0.0.0", quantity="5")
    (line,) = capsys.readouterr().err.splitlines()
    assert copy.getvalue().splitlines() == [line]
    fields = json.loads(line)
    assert (fields["event"], fields["level"], fields["quantity"]) == ("ORDER sent", "info", "5")
    assert fields["at"].endswith("Z")


def test_quiet_keeps_all_in_the_file_and_shows_warnings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    copy = StringIO()
    configure("info", copy, quiet=True)
    structlog.get_logger().info("ORDER sent")
    structlog.get_logger().warning("RISK halted")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["RISK halted"]
    assert len(copy.getvalue().splitlines()) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": PLANTED},
        {"api_key": PLANTED},
        {"Authorization": PLANTED},
        {"cause": f"key {KEY} refused"},
        {"headers": {"APCA-API-SECRET-KEY": PLANTED, "deep": [{"token": PLANTED}, KEY]}},
        {"keys": SecretStr(PLANTED)},
    ],
)
def test_no_secret_is_written(capsys: pytest.CaptureFixture[str], fields: dict[str, object]) -> None:
    copy = StringIO()
    configure("info", copy)
    structlog.get_logger().info("ALPACA asked", **fields)
    written = capsys.readouterr().err + copy.getvalue()
    assert PLANTED not in written
    assert KEY not in written
    assert "ALPACA asked" in written


def test_an_order_id_is_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.get_logger().info("ORDER sent", client_order_id="pt1.main.xgb.20260316.PKG.b.p0.0.0")
    assert "20260316.PKG" in capsys.readouterr().err

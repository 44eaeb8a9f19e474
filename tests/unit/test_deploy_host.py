"""host.json is strict, and what is wrong in it is named."""

import json
from pathlib import Path

import pytest

from trader.deployment.errors import BadInput
from trader.deployment.host import Host, parse_host, read_host

WHOLE = {
    "scope": "system",
    "account": "main",
    "role": "standby",
    "user": "paper-trading",
    "timezone": "America/Chicago",
    "guard_window": "",
    "guard_before_s": 60,
    "keep_releases": 3,
    "credentials": ["alpaca", "restic"],
    "legacy_user": "",
    "broker_url": "",
    "backup": {"repository": "", "keep_daily": 1, "keep_weekly": 1, "keep_monthly": 1, "bars": True},
}


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text(json.dumps(WHOLE))
    host = read_host(path)
    assert (host.role, host.credentials, host.backup.bars, host.active) == (
        "standby",
        ("alpaca", "restic"),
        True,
        False,
    )


def test_what_is_left_out_has_its_default() -> None:
    assert parse_host({"scope": "system", "account": "main"}, "x") == Host(scope="system", account="main")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scope", "both"),
        ("role", "leader"),
        ("account", 7),
        ("keep_releases", "5"),
        ("keep_releases", True),
        ("guard_before_s", -1),
        ("credentials", "alpaca"),
        ("credentials", [1]),
        ("backup", {"keep_hourly": 1}),
        ("backup", []),
        ("colour", "blue"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object) -> None:
    with pytest.raises(BadInput) as refused:
        parse_host({**WHOLE, key: value}, "host.json")
    assert (next(iter(value)) if isinstance(value, dict) else key) in refused.value.problem
    assert refused.value.remedy


def test_a_missing_file_says_that_nothing_is_installed(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not installed"):
        read_host(tmp_path / "host.json")


@pytest.mark.parametrize("left_out", ["scope", "account"])
def test_what_has_no_default_must_be_there(left_out: str) -> None:
    with pytest.raises(BadInput, match=left_out):
        parse_host({key: value for key, value in WHOLE.items() if key != left_out}, "host.json")

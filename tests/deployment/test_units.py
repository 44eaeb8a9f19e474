"""The rendered units as systemd itself judges them: their syntax, their confinement, and when they fire."""

import os
import subprocess
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trader.bootstrap.units import UnitVariables, render, variables
from trader.domain.errors import ConfigurationError

CHICAGO = ZoneInfo("America/Chicago")
EXPOSURE = {"system": 12, "user": 15}
"""Tenths of systemd's exposure level that no service may be above; a user's manager runs as that user."""
TRADES = ("preflight", "session", "eod", "execution-monitor", "execution-reconcile")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `systemd-analyze` (package systemd) says in UTC and in English."""
    environ = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "SYSTEMD_COLORS": "0", "XDG_RUNTIME_DIR": "/run"}
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environ, timeout=60)


@pytest.fixture(params=["system", "user"])
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory of units whose release is there."""
    program = tmp_path / "release" / "venv" / "bin" / "trader"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    filled = variables(None, (f"trader_scope={request.param}", f"trader_release_dir={tmp_path / 'release'}"))
    units = tmp_path / request.param
    units.mkdir()
    for name, text in render(filled).items():
        (units / name).write_text(text)
    return units


def test_systemd_finds_nothing_to_say_about_them(staged: Path) -> None:
    paths = sorted(str(path) for path in staged.iterdir())
    assert [Path(path).name for path in paths] == sorted(
        f"paper-trading-{name}.{kind}" for name in TRADES for kind in ("service", "timer")
    )
    found = analyze("verify", f"--{staged.name}", "--man=no", "--recursive-errors=no", *paths)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_misspelt_directive_is_found(staged: Path) -> None:
    unit = staged / "paper-trading-session.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    found = analyze("verify", f"--{staged.name}", "--man=no", "--recursive-errors=no", str(unit))
    assert found.returncode == 1
    assert "ProtectSytem" in found.stderr


@pytest.mark.parametrize("name", TRADES)
def test_the_services_are_confined(staged: Path, name: str) -> None:
    unit = staged / f"paper-trading-{name}.service"
    most = EXPOSURE[staged.name]
    found = analyze("security", "--offline=true", f"--threshold={most}", "--no-pager", str(unit))
    assert found.returncode == 0, found.stdout


def test_no_service_waits_for_another_and_none_holds_a_secret(staged: Path) -> None:
    for path in staged.iterdir():
        text = path.read_text()
        lines = [
            line for line in text.splitlines() if line.startswith(("Requires=", "BindsTo=", "Requisite=", "PartOf="))
        ]
        assert lines == []
        assert "EnvironmentFile" not in text
        if path.suffix == ".service":
            assert "Environment=EXECUTION_MODE=paper\n" in text
            assert "/config/execution.yaml\n" in text


def _on_weekdays(at: time, first: date, years: int) -> Iterator[datetime]:
    day, last = first, date(first.year + years, first.month, first.day)
    while day < last:
        if day.weekday() < 5:
            yield datetime.combine(day, at, CHICAGO).astimezone(ZoneInfo("UTC"))
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "at", "years"), [("preflight", time(8), 2), ("session", time(8, 30), 20), ("eod", time(15, 10), 2)]
)
def test_the_timers_keep_chicago_time_over_the_years(name: str, at: time, years: int) -> None:
    (when,) = [
        line.removeprefix("OnCalendar=")
        for line in render(UnitVariables())[f"paper-trading-{name}.timer"].splitlines()
        if line.startswith("OnCalendar=")
    ]
    expected = list(_on_weekdays(at, date(2015, 1, 1), years))
    told = analyze("calendar", when, "--base-time=2014-12-31 23:00:00 UTC", f"--iterations={len(expected)}")
    fired = [line.split(": ", 1)[1] for line in told.stdout.splitlines() if line.lstrip().startswith(("Next", "Iter"))]
    assert fired == [f"{instant:%a %Y-%m-%d %H:%M:%S} UTC" for instant in expected]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("trader_scope=both",), "trader_scope"),
        (("trader_mode=live",), "trader_mode"),
        (("trader_state_dir=/srv/elsewhere",), "trader_state_dir"),
        (("trader_release_dir=relative",), "trader_release_dir"),
        (("trader_user=root; rm",), "trader_user"),
        (("trader_memory_max",), "trader_memory_max"),
    ],
)
def test_a_wrong_variable_is_named(given: tuple[str, ...], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        variables(None, given)
    assert named in str(refused.value)
    assert refused.value.remedy

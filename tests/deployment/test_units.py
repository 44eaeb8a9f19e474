"""The rendered units as systemd itself judges them: their syntax, their confinement, and when they fire."""

import os
import subprocess
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trader.bootstrap.units import UnitVariables, checked, render, variables
from trader.domain.errors import ConfigurationError

CHICAGO = ZoneInfo("America/Chicago")
TRADES = ("preflight", "session", "eod", "execution-monitor", "execution-reconcile")
LOOKS = ("watchdog", "alert@", "resume", "status@")
BACKS_UP = ("backup", "backup-drill")
TIMED = (*TRADES, "watchdog", "resume", *BACKS_UP)
EXPOSURE = {
    "system": {**dict.fromkeys((*TRADES, *LOOKS), 11), "status@": 2, **dict.fromkeys(BACKS_UP, 21)},
    "user": dict.fromkeys((*TRADES, *LOOKS, *BACKS_UP), 17),
}
"""Tenths of systemd's exposure level that no service may be above; a user's manager runs as that user."""


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `systemd-analyze` (package systemd) says in UTC and in English."""
    environ = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "SYSTEMD_COLORS": "0", "XDG_RUNTIME_DIR": "/run"}
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environ, timeout=60)


@pytest.fixture(params=["system", "user"])
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A directory of units whose release is there; its name is the scope."""
    program = tmp_path / "release" / "venv" / "bin" / "trader"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    values = {"trader_scope": request.param, "trader_release_dir": str(tmp_path / "release")}
    units = tmp_path / request.param
    units.mkdir()
    for name, text in render(checked({**values, "trader_backup_enabled": True}, "test")).items():
        (units / name).write_text(text)
    return units


def services(staged: Path) -> dict[str, str]:
    """The text of each service by its name without what all of them begin and end with."""
    return {
        path.name.removeprefix("paper-trading-").removesuffix(".service"): path.read_text()
        for path in staged.glob("*.service")
    }


def test_systemd_finds_nothing_to_say_about_them(staged: Path) -> None:
    paths = sorted(str(path) for path in staged.iterdir())
    asked = ("status@.service", "status.socket") if staged.name == "system" else ()
    ours = [f"{name}.service" for name in (*TIMED, "alert@")] + [f"{name}.timer" for name in TIMED]
    assert [Path(path).name for path in paths] == sorted(f"paper-trading-{name}" for name in (*ours, *asked))
    found = analyze("verify", f"--{staged.name}", "--man=no", "--recursive-errors=no", *paths)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_misspelt_directive_is_found(staged: Path) -> None:
    unit = staged / "paper-trading-session.service"
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSytem="))
    found = analyze("verify", f"--{staged.name}", "--man=no", "--recursive-errors=no", str(unit))
    assert found.returncode == 1
    assert "ProtectSytem" in found.stderr


@pytest.mark.parametrize("name", [*TRADES, *LOOKS, *BACKS_UP])
def test_the_services_are_confined(staged: Path, name: str) -> None:
    unit = staged / f"paper-trading-{name}.service"
    if name == "status@" and staged.name == "user":
        assert not unit.exists(), "a user's state is asked by that user alone"
        return
    most = EXPOSURE[staged.name][name]
    found = analyze("security", "--offline=true", f"--threshold={most}", "--no-pager", str(unit))
    assert found.returncode == 0, found.stdout
    tighter = analyze("security", "--offline=true", f"--threshold={most - 1}", "--no-pager", str(unit))
    assert tighter.returncode == 1, "the threshold says how it is"


def test_no_unit_waits_for_another_and_none_holds_a_secret(staged: Path) -> None:
    binding = ("Requires=", "BindsTo=", "Requisite=", "PartOf=", "Wants=", "Upholds=", "PropagatesStopTo=")
    for path in staged.iterdir():
        lines = [line for line in path.read_text().splitlines() if line.startswith(binding)]
        assert set(lines) <= ({"Wants=network-online.target"} if path.suffix == ".service" else set())
        assert "EnvironmentFile" not in path.read_text()


def test_mode_configuration_and_release_are_fixed_in_every_service(staged: Path) -> None:
    release = staged.parent / "release"
    for name, text in services(staged).items():
        assert "Environment=EXECUTION_MODE=paper\n" in text, name
        assert f"Environment=EXECUTION_CONFIG_PATH={release}/config/execution.yaml\n" in text
        assert name in BACKS_UP or f"={release}/venv/bin/trader " in text
        assert "/current" not in text


def test_keys_go_to_those_who_need_them(staged: Path) -> None:
    handed = {name: text.count("LoadCredential=") for name, text in services(staged).items()}
    assert {name for name, count in handed.items() if count} == {*TRADES, *BACKS_UP}
    assert set(handed.values()) == {0, 1}
    both = render(checked({"trader_credentials": ["alpaca", "restic"]}, "test"))
    assert [name for name, text in both.items() if "restic" in text] == []


def test_what_fails_is_started_again_and_then_told(staged: Path) -> None:
    texts = services(staged)
    for name in ("session", "execution-monitor"):
        for line in ("Type=notify", "NotifyAccess=main", "WatchdogSec=2min", "TimeoutStartSec=10min"):
            assert f"\n{line}\n" in texts[name]
    again = ("Restart=on-failure", "RestartSec=30", "RestartPreventExitStatus=1 2 5")
    for name in ("preflight", "session", "eod", "execution-monitor"):
        unit, _, service = texts[name].partition("[Service]")
        assert [line for line in again if f"\n{line}\n" not in service] == []
        assert "StartLimitIntervalSec=30min\nStartLimitBurst=3\n" in unit
    told = {name for name, text in texts.items() if "OnFailure=paper-trading-alert@%N.service\n" in text}
    assert told == texts.keys() - {"alert@", "status@"}


def _on_weekdays(at: time, first: date, years: int) -> Iterator[datetime]:
    day, last = first, date(first.year + years, first.month, first.day)
    while day < last:
        if day.weekday() < 5:
            yield datetime.combine(day, at, CHICAGO).astimezone(ZoneInfo("UTC"))
        day += timedelta(days=1)


def _fires(name: str, since: str, times: int) -> tuple[list[str], list[str]]:
    """How the timer says when, and the first so many instants after `since` in UTC, as systemd reckons them."""
    text = render(UnitVariables())[f"paper-trading-{name}.timer"]
    lines = [line.removeprefix("OnCalendar=") for line in text.splitlines() if line.startswith("OnCalendar=")]
    told = analyze("calendar", *lines, f"--base-time={since} UTC", f"--iterations={times}").stdout
    kept = (line.split(": ", 1)[1] for line in told.splitlines() if line.lstrip().startswith(("Next", "Iter")))
    return lines, sorted(kept, key=lambda instant: instant.split(" ", 1)[1])


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("preflight", ["08:00"]),
        ("execution-monitor", ["08:25"]),
        ("session", ["08:30"]),
        ("eod", ["15:10"]),
        ("watchdog", ["08:40", "09:15", "15:40"]),
    ],
)
def test_the_timers_keep_chicago_time_for_twenty_years(name: str, times: list[str]) -> None:
    days = len(list(_on_weekdays(time(8), date(2015, 1, 1), 20)))
    lines, fired = _fires(name, "2014-12-31 23:00:00", days)
    assert lines == [f"Mon..Fri {at} America/Chicago" for at in times]
    expected = sorted(instant for at in times for instant in _on_weekdays(time.fromisoformat(at), date(2015, 1, 1), 20))
    assert fired == [f"{instant:%a %Y-%m-%d %H:%M:%S} UTC" for instant in expected]


@pytest.mark.parametrize("since", [date(2026, 10, 30), date(2027, 3, 12)])
def test_what_runs_all_day_keeps_chicago_time_over_the_change(since: date) -> None:
    quarters = [time(hour, minute) for hour in range(9, 15) for minute in (0, 15, 30, 45)]
    days = [since, since + timedelta(days=3)]  # a Friday, and the Monday after the clocks were changed
    expected = [datetime.combine(day, at, CHICAGO).astimezone(ZoneInfo("UTC")) for day in days for at in quarters]
    _, fired = _fires("execution-reconcile", f"{since} 12:00:00", len(expected))
    assert fired == [f"{instant:%a %Y-%m-%d %H:%M:%S} UTC" for instant in expected]


def test_backups_are_made_out_of_the_way_of_the_clocks_change() -> None:
    lines, fired = _fires("backup", "2026-03-06 00:00:00", 16)
    assert lines == ["Mon..Fri 09..16:20 America/Chicago"]
    assert (fired[0], fired[8]) == ("Fri 2026-03-06 15:20:00 UTC", "Mon 2026-03-09 14:20:00 UTC")
    assert _fires("backup-drill", "2026-03-07 00:00:00", 2)[1] == [
        "Sat 2026-03-07 23:00:00 UTC",
        "Sat 2026-03-14 22:00:00 UTC",
    ]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("trader_scope=both",), "trader_scope"),
        (("trader_mode=live",), "trader_mode"),
        (("trader_state_dir=/srv/elsewhere",), "trader_state_dir"),
        (("trader_release_dir=relative",), "trader_release_dir"),
        (("trader_user=root; rm",), "trader_user"),
        (("trader_memory_max",), "trader_memory_max"),
        (("trader_session_at=09..14:00",), "trader_session_at"),
        (("trader_watchdog_at=",), "trader_watchdog_at"),
        (("trader_drill_at=daily",), "trader_drill_at"),
        (("trader_backup_enabled=perhaps",), "trader_backup_enabled"),
    ],
)
def test_a_wrong_variable_is_named(given: tuple[str, ...], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        variables(None, given)
    assert named in str(refused.value)
    assert refused.value.remedy


def test_a_list_may_be_given_in_one_word() -> None:
    filled = variables(None, ("trader_watchdog_at=08:45,15:50", "trader_credentials=alpaca,notify"))
    assert (filled.trader_watchdog_at, filled.trader_credentials) == (("08:45", "15:50"), ("alpaca", "notify"))
    assert "OnCalendar=Mon..Fri 15:50 America/Chicago\n" in render(filled)["paper-trading-watchdog.timer"]


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "variables.yaml"
    path.write_text("- trader_scope: user\n")
    with pytest.raises(ConfigurationError, match="is no mapping"):
        variables(path, ())

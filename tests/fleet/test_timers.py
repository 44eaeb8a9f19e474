"""The true timers fire at the true times: over both changes of the clock, on a holiday, after a late boot."""

import json
from datetime import datetime, timedelta

import pytest

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host, SimulatedExchange
from tests.fleet.stand import CHICAGO, MONDAY, Stand, busy, trader, until

SERVICES = [f"paper-trading-{name}.service" for name in ("preflight", "session", "eod")]


def fired(host: Host, name: str) -> str:
    """When a timer fired last, in UTC."""
    wanted = ("--value", "--property=LastTriggerUSec", f"paper-trading-{name}.timer")
    return host.run("env", "TZ=UTC", "systemctl", "show", *wanted).out.strip()


def quiet(host: Host) -> bool:
    """Whether nothing that trades is at work."""
    return not any(busy(host, unit) for unit in SERVICES)


def orders(exchange: SimulatedExchange) -> list[dict[str, object]]:
    """Every order the exchange has had."""
    return list(exchange.control("/v2/orders?status=all&limit=500"))


def test_half_past_eight_is_half_past_eight_in_chicago_over_both_changes_of_the_clock(
    stand: Stand, clones: Clones
) -> None:
    stand.fresh_exchange("main")
    (host,) = clones("seasons")
    trader(host, "halt", "--reason", "only the clock is looked at")
    host.shell("ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime")  # a host need not live in Chicago
    for day, utc in (
        ("2026-10-30", "13:30"),  # Friday before the change to winter time
        ("2026-11-02", "14:30"),  # Monday after it
        ("2027-03-12", "14:30"),  # Friday before the change to summer time
        ("2027-03-15", "13:30"),  # Monday after it
    ):
        half_past_eight = datetime.fromisoformat(f"{day}T08:30:00").replace(tzinfo=CHICAGO)
        host.set_clock(half_past_eight - timedelta(hours=2))  # what the jump has passed over is made up for now
        until(lambda: quiet(host))
        host.set_clock(half_past_eight - timedelta(seconds=2))
        until(lambda day=day, utc=utc: f"{day} {utc}:00" in fired(host, "session"), within_s=30)


def test_a_timer_that_fires_on_a_holiday_trades_nothing(stand: Stand, clones: Clones) -> None:
    exchange = stand.fresh_exchange("main")
    (host,) = clones("holiday")
    good_friday = datetime(2026, 4, 3, 8, 30, tzinfo=CHICAGO)
    exchange.advance(good_friday)
    host.set_clock(good_friday - timedelta(hours=2))
    until(lambda: quiet(host))
    host.set_clock(good_friday - timedelta(seconds=2))
    until(lambda: "2026-04-03 13:30:00" in fired(host, "session"), within_s=30)
    until(lambda: quiet(host))
    shown = host.run("systemctl", "show", SERVICES[1], "--value", "--property=Result,ExecMainStatus").out.split()
    assert shown == ["success", "0"]
    assert orders(exchange) == []


@pytest.mark.parametrize(("hour", "minute", "trades"), [(8, 37, True), (14, 0, False)])
def test_a_host_that_boots_late_decides_by_the_hour(
    stand: Stand, clones: Clones, hour: int, minute: int, trades: bool
) -> None:
    exchange = stand.fresh_exchange("main")
    (host,) = clones(f"late-{hour}")
    host.stop()
    late = MONDAY.replace(hour=hour, minute=minute)
    exchange.advance(late)
    host.set_clock(late)
    host.boot()
    until(lambda: fired(host, "session").startswith("Mon 2026-03-16"), within_s=30)
    until(lambda: quiet(host), within_s=120)
    status = json.loads(trader(host, "status", "--json", check=False).out)
    assert bool(orders(exchange)) == trades, status

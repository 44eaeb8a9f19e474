"""A whole day through the real units of a deployed host."""

import json
from datetime import datetime

from tests.fleet.conftest import Clones
from tests.fleet.lab import Host
from tests.fleet.stand import CHICAGO, MONDAY, Stand, busy, started, trader, until


def run_unit(host: Host, name: str) -> None:
    """Start a service and wait for its end; it must end well."""
    unit = f"paper-trading-{name}.service"
    host.run("systemctl", "start", "--wait", unit, check=False, timeout_s=240)
    shown = host.run("systemctl", "show", unit, "--property=Result,ExecMainStatus", "--value").out.split()
    assert shown == ["success", "0"], host.run("journalctl", "-u", unit, "--no-pager", "-n", "40").out


def at(hour: int, minute: int) -> datetime:
    """An instant of the trading day."""
    return MONDAY.replace(hour=hour, minute=minute, tzinfo=CHICAGO)


def test_a_deployed_host_trades_a_whole_day_through_its_units(stand: Stand, clones: Clones) -> None:
    exchange = stand.fresh_exchange("main")
    (host,) = clones("trading-day")
    exchange.advance(at(8, 0))
    run_unit(host, "preflight")
    exchange.advance(at(8, 30))
    run_unit(host, "session")
    exchange.advance(at(15, 10))
    run_unit(host, "eod")
    status = json.loads(trader(host, "status", "--json").out)
    filled = [order for order in exchange.control("/v2/orders?status=all&limit=500") if order["status"] == "filled"]
    assert filled
    assert len({order["client_order_id"] for order in filled}) == len(filled)
    assert status["view"]["closed_date"] == f"{MONDAY:%Y-%m-%d}"
    assert host.shell("ls /var/lib/paper-trading/reports").out.strip()


def test_a_host_that_loses_its_power_in_mid_session_goes_on_with_its_plan(stand: Stand, clones: Clones) -> None:
    exchange = stand.fresh_exchange("main")
    (host,) = clones("unlucky-day")
    exchange.advance(at(8, 0))
    run_unit(host, "preflight")
    exchange.advance(at(8, 30))
    host.run("systemctl", "start", "paper-trading-session.service", timeout_s=120)
    until(lambda: len(exchange.control("/v2/orders?status=all&limit=500")) >= 3)
    host.kill()
    sent = {order["client_order_id"] for order in exchange.control("/v2/orders?status=all&limit=500")}
    host.boot()
    until(lambda: started(host, "paper-trading-session.service"))
    until(lambda: not busy(host, "paper-trading-session.service"), within_s=240)
    orders = exchange.control("/v2/orders?status=all&limit=500")
    ids = [order["client_order_id"] for order in orders]
    assert sent <= set(ids)
    assert len(ids) == len(set(ids))
    exchange.advance(at(15, 10))
    run_unit(host, "eod")

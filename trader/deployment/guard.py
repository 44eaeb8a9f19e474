"""Whether now is a time to change the release: a pure rule."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from trader.deployment.host import Host
from trader.deployment.manager import UnitState
from trader.deployment.unit_files import TRADING_TIMERS

_TRADING = tuple(
    f"paper-trading-{name}.service"
    for name in ("preflight", "session", "eod", "execution-monitor", "execution-reconcile")
)


def objection(host: Host, now: datetime, units: Sequence[UnitState]) -> str:
    """Why no release is changed now; empty when it may be."""
    at_work = [unit.name for unit in units if unit.running and unit.name in _TRADING]
    if at_work:
        return f"{', '.join(at_work)} is at work"
    if not host.guard_window:
        return ""
    local = now.astimezone(ZoneInfo(host.timezone))
    begins, _, ends = host.guard_window.partition("-")
    if local.weekday() < 5 and begins <= f"{local:%H:%M}" < ends:
        return f"it is {local:%H:%M} in {host.timezone}, between {begins} and {ends} of a weekday"
    due = [unit for unit in units if unit.name in TRADING_TIMERS and 0 <= _seconds(unit, now) < host.guard_before_s]
    if due:
        return f"{due[0].name} is due in {_seconds(due[0], now):.0f} s"
    return ""


def _seconds(unit: UnitState, now: datetime) -> float:
    if not unit.next_us:
        return -1.0
    return (datetime.fromtimestamp(unit.next_us / 1_000_000, UTC) - now).total_seconds()

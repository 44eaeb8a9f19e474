"""The units of a host, and what a person does with them: start, stop, run one now, look at them."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from trader.adapters.service_manager import Ended, ServiceManager, UnitState, find_manager
from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.status.failure import Ending, in_words
from trader.status.present import UnitLine

ON_DEMAND = ("preflight", "session", "eod", "execution-monitor", "execution-reconcile", "backup", "backup-drill")
"""What `run-now` runs."""
_ON_A_STANDBY = ("preflight", "backup", "backup-drill")

_PREFIX = "paper-trading-"
_LINES = 20
_LOOK_S = 0.5
_HOST_FILES = {"system": Path("/etc/paper-trading/host.json"), "user": Path(".config/paper-trading/host.json")}


def unit_lines(environ: Mapping[str, str]) -> tuple[UnitLine, ...]:
    """Each timed unit of this host, in the order of the day; none where there is no service manager."""
    manager = find_manager(environ)
    if manager is None:
        return ()
    timers = manager.installed(".timer")
    services = [f"{name.removesuffix('.timer')}.service" for name in timers]
    found = {state.name: state for state in manager.states([*timers, *services])}
    pairs = ((found.get(timer), found.get(service)) for timer, service in zip(timers, services, strict=True))
    return tuple(
        sorted((line_of(t, s) for t, s in pairs if t and s), key=lambda line: _ORDER.get(line.name, len(_ORDER)))
    )


_BY_THE_HOUR = ("preflight", "execution-monitor", "session", "execution-reconcile", "watchdog", "eod", "backup")
_ORDER = {name: number for number, name in enumerate(_BY_THE_HOUR)}


def line_of(timer: UnitState, service: UnitState) -> UnitLine:
    """The line of a timer and its service."""
    name = timer.name.removeprefix(_PREFIX).removesuffix(".timer")
    return UnitLine(name, service.started_at, timer.next_at, _result(timer, service))


def _result(timer: UnitState, service: UnitState) -> str:
    if service.detail == "auto-restart":
        ended = f"is started again after {in_words(_ending(service))}"
    elif service.runs:
        ended = "running"
    elif service.active == "failed":
        ended = f"FAILED, {in_words(_ending(service))}"
    elif service.started_at:
        ended = "ok"
    else:
        ended = "no run since the last boot or release" if timer.started_at else "never ran"
    return ended if timer.active == "active" else f"{ended}; not armed"


def _ending(service: UnitState) -> Ending:
    return Ending(service.result, service.killed, service.status)


def ending_of(unit: str, environ: Mapping[str, str]) -> Ending:
    """How a unit ended: as systemd says to what it starts after a failure, else as it shows it."""
    if environ.get("MONITOR_UNIT") == f"{unit}.service":
        status = environ.get("MONITOR_EXIT_STATUS", "")
        killed = environ.get("MONITOR_EXIT_CODE") in ("killed", "dumped")
        return Ending(environ.get("MONITOR_SERVICE_RESULT", ""), killed, _number(status))
    manager = find_manager(environ)
    states = manager.states([f"{unit}.service"]) if manager else []
    return _ending(states[0]) if states else Ending()


def _number(status: str) -> int:
    """An exit code, or a signal by its name without SIG."""
    import signal

    if status.isdigit():
        return int(status)
    return int(getattr(signal, f"SIG{status}", 0))


def start(environ: Mapping[str, str]) -> tuple[UnitLine, ...]:
    """Arm the timers: from here on the days run by themselves. Raises ChecksFailed on a standby."""
    manager = _allowed(environ, "start")
    _require_active(manager, environ)
    backed_up = "restic.env" in manager.text("paper-trading-backup.service")
    names = [name for name in manager.installed(".timer", ".socket") if backed_up or "backup" not in name]
    _must(manager.call("enable", "--now", "--quiet", *names, timeout_s=90), "start")
    return unit_lines(environ)


def stop(environ: Mapping[str, str]) -> tuple[UnitLine, ...]:
    """Disarm the timers and end what runs; `trader status` goes on to answer."""
    manager = _allowed(environ, "stop")
    timers = manager.installed(".timer")
    _must(manager.call("disable", "--now", "--quiet", *timers, timeout_s=90), "stop")
    services = [name for name in manager.installed(".service") if "@" not in name]
    _must(manager.call("stop", *services, timeout_s=300), "stop")
    return unit_lines(environ)


def run_now(name: str, environ: Mapping[str, str], announce: Callable[[str], None]) -> int:
    """Run a service to its end, and announce what it said; its exit code, 128 and more for a signal."""
    manager, unit = _allowed(environ, f"run-now {name}"), f"{_PREFIX}{name}.service"
    if unit not in manager.installed(".service"):
        raise ConfigurationError(unit, "it is not installed", "The install playbook installs it.")
    if name not in _ON_A_STANDBY:
        _require_active(manager, environ)
    refused = manager.start(unit)
    state = _state(manager, unit)
    if state.runs:
        announce(f"{unit} runs; Ctrl-C leaves it running, `trader stop` ends it.")
    while state.runs:
        time.sleep(_LOOK_S)
        state = _state(manager, unit)
    announce(manager.said(unit, state.invocation, _LINES))
    if state.active == "failed" or state.result not in ("success", "exec-condition"):
        announce(f"{unit} FAILED: {in_words(_ending(state))}. {_journal(manager, unit)}")
        return 128 + state.status if state.killed else state.status or 1
    if refused.code:
        raise ChecksFailed(f"{unit} was not started: {refused.err}", _journal(manager, unit))
    return 0


def _state(manager: ServiceManager, unit: str) -> UnitState:
    states = manager.states([unit])
    if not states:
        raise ChecksFailed("systemd does not answer", "Look at `systemctl status`.")
    return states[0]


def _journal(manager: ServiceManager, unit: str) -> str:
    return (
        f"`journalctl{' --user' if manager.scope == 'user' else ''} -u {unit.removesuffix('.service')}` has all of it."
    )


def _allowed(environ: Mapping[str, str], command: str) -> ServiceManager:
    """The manager of the installed units. Raises ConfigurationError when there is none, or this user may not ask it."""
    manager = find_manager(environ)
    if manager is None:
        remedy = "The install playbook installs them; without them there is `trader day`."
        raise ConfigurationError(f"trader {command}", "no units of ours are on this host", remedy)
    if manager.scope == "system" and os.geteuid() != 0:
        raise ConfigurationError(f"trader {command}", "the units are the system's", f"Type `sudo trader {command}`.")
    return manager


def _must(ended: Ended, what: str) -> None:
    if ended.code:
        raise ChecksFailed(f"systemctl could not {what} all units: {ended.err}", "`systemctl status` says more.")


def _require_active(manager: ServiceManager, environ: Mapping[str, str]) -> None:
    """Raises ChecksFailed on a standby."""
    if _role(manager, environ) == "standby":
        remedy = "One account has one active host: `ansible-playbook failover.yml` makes this one active."
        raise ChecksFailed("this host is a standby", remedy)


def _role(manager: ServiceManager, environ: Mapping[str, str]) -> str:
    """What the inventory says this host is; empty when nothing is said."""
    path = Path(environ.get("HOME", "/")) / _HOST_FILES[manager.scope]
    try:
        return str(json.loads(path.read_bytes())["role"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""

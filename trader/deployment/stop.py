"""The emergency stop on this host, which needs no release: halt, bar the broker, cancel, stop what sends."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from trader.deployment import clock, durable
from trader.deployment.broker import PAPER, Broker, BrokerSilent
from trader.deployment.credential_files import alpaca_keys
from trader.deployment.desk import Desk
from trader.deployment.errors import DeploymentError
from trader.deployment.history import LEGACY, Record, active
from trader.deployment.places import Places

T = TypeVar("T")
_SENDERS = ("paper-trading-session.service", "paper-trading-execution-monitor.service")
_PATIENCE_S = 20.0


@dataclass
class Stop:
    """What was done; `troubles` is what did not go as asked, with what to do."""

    took_s: float = 0.0
    cancelled: int = 0
    open_orders: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the tool's answer."""
        return {**vars(self), "took_s": round(self.took_s, 2)}


def emergency_stop(desk: Desk, reason: str, flatten: bool) -> Stop:
    """Do all of it, whatever fails on the way; ledger and positions are the release's part, where it works."""
    began, stop = clock.ticking_s(), Stop()
    _try(stop, lambda: write_halt(desk.places, reason))
    for unit in _SENDERS:
        desk.manager.stop_soon(unit)
    if broker := _try(stop, lambda: _broker(desk)):
        _try(stop, lambda: _insist(broker.bar))
        _try(stop, lambda: _cancel(stop, broker))
    stop.took_s = clock.ticking_s() - began
    _try(stop, lambda: _tell_the_release(desk, stop, reason, flatten))
    record = Record(clock.stamp(), "stopped", desk.by, reason=reason, detail="; ".join(stop.troubles))
    _try(stop, lambda: desk.history.append(record))
    return stop


def write_halt(places: Places, reason: str) -> None:
    """Write STATE as the trader reads it, owned as the state directory is."""
    document = json.dumps({"reason": reason, "state": "halt"}, sort_keys=True, ensure_ascii=False)
    durable.place(places.state / "STATE", document.encode(errors="replace") + b"\n", owner=places.state)


def _broker(desk: Desk) -> Broker:
    keys = alpaca_keys(desk.places.credentials / "alpaca.env")
    return Broker(desk.broker_url.rstrip("/") or PAPER, *keys)


def _insist(ask: Callable[[], T]) -> T:
    """What the broker answers; it is asked again for as long as patience lasts. Raises BrokerSilent after that."""
    until_s = clock.ticking_s() + _PATIENCE_S
    while True:
        try:
            return ask()
        except BrokerSilent:
            if clock.ticking_s() > until_s:
                raise
        clock.pause(0.5)


def _cancel(stop: Stop, broker: Broker) -> None:
    """Until none is open, or patience ends. Cancels before it asks: a broker that answers ill may still cancel."""
    until_s, taken = clock.ticking_s() + _PATIENCE_S, set[str]()
    while True:
        with suppress(BrokerSilent):
            taken |= broker.cancel_all()
        stop.cancelled = len(taken)
        stop.open_orders = _insist(broker.open_orders)
        if not stop.open_orders or clock.ticking_s() > until_s:
            return
        clock.pause(0.2)


def _tell_the_release(desk: Desk, stop: Stop, reason: str, flatten: bool) -> None:
    name = active(desk.history.records())
    if name in ("", LEGACY) or not desk.releases[name].program.exists():
        if flatten:
            stop.troubles.append("no release works here to close positions: close them in the broker's dashboard")
        return
    release, sandbox = desk.releases[name], replace(desk.sandbox, purpose="stop")
    if not flatten:
        sandbox.run_soon(release, "halt", "--reason", reason)
        return
    ended = sandbox.run(release, "emergency-stop", "--flatten", "--reason", reason)
    if ended.code:
        stop.troubles.append(f"positions: {ended.said}")


def _try(stop: Stop, act: Callable[[], T]) -> T | None:
    """What `act` gives; what keeps it from that is one more trouble, and the stop goes on."""
    try:
        return act()
    except DeploymentError as error:
        stop.troubles.append(str(error))
    except (OSError, ValueError, TypeError, KeyError) as error:
        stop.troubles.append(f"{type(error).__name__}: {error}: make room, or mend the disk, or cancel at the broker")
    return None

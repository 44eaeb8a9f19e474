"""Playbooks whose run is killed at the n-th task that changed something, and what the host is like afterwards."""

from collections.abc import Mapping
from pathlib import Path

from tests.fleet.lab import Host
from tests.fleet.losing_power import require_whole
from tests.fleet.stand import TOOL, Stand, tool, until

_PLUGINS = Path(__file__).with_name("callbacks")
KILLED = -9


def killer(**wanted: object) -> Mapping[str, str]:
    """The environment in which the run kills itself: KILL_AT, KILL_BEFORE, KILL_AT_START, KILL_LOG."""
    plugins = {"ANSIBLE_CALLBACK_PLUGINS": str(_PLUGINS), "ANSIBLE_CALLBACKS_ENABLED": "killer"}
    return {**plugins, **{name: str(value) for name, value in wanted.items()}}


def changing_tasks(stand: Stand, playbook: str, **extra: object) -> list[str]:
    """The names of the tasks that change something when the playbook is run to its end, in order."""
    log = stand.folder / f"changed-{playbook}"
    log.unlink(missing_ok=True)
    stand.play(playbook, environ=killer(KILL_LOG=log), **extra)
    return log.read_text().splitlines() if log.exists() else []


def kill_at(stand: Stand, playbook: str, at: int, **extra: object) -> None:
    """Kill a run at its n-th change. Raises AssertionError when it ends before."""
    played = stand.play(playbook, check=False, environ=killer(KILL_AT=at), **extra)
    assert played.code == KILLED, f"{playbook} ended before its change {at}: {played.out[-3000:]}"


def settle(host: Host) -> None:
    """Wait until the host has finished or undone by itself what the dead controller had asked for."""
    if host.files.exists(TOOL) and host.files.exists("/etc/paper-trading/host.json"):
        until(lambda: tool(host, "facts")["in_flight"] == {}, within_s=120)


def converges(stand: Stand, host: Host, playbook: str, **extra: object) -> str:
    """One more run ends the work, and the one after it changes nothing; the active release."""
    stand.play(playbook, **extra)
    changed = changing_tasks(stand, playbook, **extra)
    assert not changed, changed
    return require_whole(host, str(tool(host, "facts")["active"]))

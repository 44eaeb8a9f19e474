"""A host that loses its power at a step of an activation, and what it is like when it is back."""

import json
import subprocess
import time
from pathlib import Path

from tests.fleet.lab import Host
from tests.fleet.stand import TOOL, tool, until

JOURNAL = "var/lib/paper-trading-deploy/activation.json"
STEPS = ("stop", "backup", "migrate", "link", "verify", "arm")


def lose_power(host: Host, step: str, *words: str, phase: str = "doing", after_s: float = 0.0) -> str:
    """Start an activation and cut the power once it is at this step; boots the host and waits until all is done.

    The step at which it was cut, which is a later one when this one passed unseen; empty when the activation had ended.
    """
    journal = Path(f"/proc/{host.leader}/root") / JOURNAL
    command = host.entering("/usr/bin/python3", "-I", TOOL, "activate", *words)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as asked:
        reached = _reached(journal, asked, step, phase)
        if reached:
            time.sleep(after_s)
            host.kill()
        asked.wait(120)
    if reached:
        host.boot()
        until(lambda: tool(host, "facts")["in_flight"] == {}, within_s=120)
    return reached


def _reached(journal: Path, asked: subprocess.Popen[bytes], step: str, phase: str) -> str:
    order = STEPS if phase == "doing" else STEPS[::-1]
    while asked.poll() is None:
        try:
            at = json.loads(journal.read_bytes())
        except (OSError, ValueError):
            continue
        if at["phase"] == phase and order.index(at["step"]) >= order.index(step):
            return str(at["step"])
    return ""


def require_whole(host: Host, *allowed: str) -> str:
    """One complete release is active, of these, and its timers run; which one."""
    facts = tool(host, "facts")
    assert facts["active"] in allowed, facts
    assert facts["settled"], facts
    assert facts["armed"], facts
    link = host.run("readlink", "/opt/paper-trading/current").out.strip()
    assert link == f"releases/{facts['active']}"
    starts = host.shell("cat /etc/systemd/system/paper-trading-*.service | grep -o 'releases/[0-9a-f]*' | sort -u").out
    assert starts.split() == [link]
    return str(facts["active"])

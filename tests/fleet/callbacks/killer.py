"""An Ansible callback that ends the whole run by SIGKILL, where the environment says so.

KILL_AT       at the end of the changing task that it counts to, from 1
KILL_BEFORE   before the task of this name
KILL_AT_START a moment after the task of this name has begun, so in its middle
KILL_LOG      nowhere: it names a file that gets the name of every changing task
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

_MOMENT_S = 0.5


class CallbackModule(CallbackBase):
    """Counts what changes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "killer"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._changed = 0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Kill before the task that is meant, or in its middle."""
        if os.environ.get("KILL_BEFORE") == task.get_name():
            _die()
        if os.environ.get("KILL_AT_START") == task.get_name():
            threading.Timer(_MOMENT_S, _die).start()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count the result when it changed something, and kill at the one that is meant."""
        if not result._result.get("changed"):
            return
        self._changed += 1
        if log := os.environ.get("KILL_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{result._task.get_name()}\n")
        if os.environ.get("KILL_AT") == str(self._changed):
            _die()


def _die() -> None:
    """End this process and all its workers, as a power loss at the controller would."""
    os.killpg(os.getpgrp(), signal.SIGKILL)

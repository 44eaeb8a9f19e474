"""Failures of the websocket to order: each meets the next messages of a kind, and is used up after so many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trader.simulated_exchange.refusals import invalid

Json = dict[str, Any]
NO_AUTH_ANSWER, DROP, FREEZE, OUT_OF_ORDER = "no_auth_answer", "drop", "freeze", "out_of_order"
AUTHENTICATE = "authenticate"
REWRITES: dict[str, Callable[[Json], list[Json]]] = {
    "duplicate": lambda data: [data, data],
    "unknown_event": lambda data: [data | {"event": "added_later"}],
    "unknown_status": lambda data: [data | {"order": data["order"] | {"status": "added_later"}}],
    "no_timestamp": lambda data: [{key: value for key, value in data.items() if key != "timestamp"}],
}
ACTIONS = frozenset({NO_AUTH_ANSWER, DROP, FREEZE, OUT_OF_ORDER, *REWRITES})


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Do `action` at the next `times` updates of kind `event`, None for any."""

    action: str
    event: str | None
    times: int


def read_stream_fault(body: Mapping[str, Any]) -> StreamFault:
    """The rule in a JSON body; RefusalError (422) for an unknown action or a count below 1."""
    action, times = body.get("action"), body.get("times", 1)
    if action not in ACTIONS:
        raise invalid(f"unknown action {action}; known are {', '.join(sorted(ACTIONS))}")
    if not isinstance(times, int) or times < 1:
        raise invalid("times is a whole number, at least 1")
    return StreamFault(str(action), body.get("event"), times)


class StreamFaults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        """None."""
        self._rules: list[StreamFault] = []

    def add(self, rule: StreamFault) -> None:
        """Put a rule in force."""
        self._rules.append(rule)

    def clear(self) -> None:
        """Lift every rule."""
        self._rules.clear()

    def take(self, event: str) -> str | None:
        """The action at this update, or at AUTHENTICATE, used up by asking."""
        for place, rule in enumerate(self._rules):
            if (rule.action == NO_AUTH_ANSWER) == (event == AUTHENTICATE) and rule.event in {None, event}:
                self._rules[place : place + 1] = [replace(rule, times=rule.times - 1)] if rule.times > 1 else []
                return rule.action
        return None

"""Failures to order: rules that match requests, each used up after so many."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from trader.simulated_exchange.refusals import invalid

FATES = frozenset({"reject_later", "stuck_cancel", "fill_before_cancel", "fill_after_cancel"})
"""What becomes of an order although its request is answered."""
ACTIONS = FATES | frozenset(
    {
        "504_before",
        "504_after",
        "502_html_before",
        "502_html_after",
        "drop_before",
        "drop_after",
        "hang_before",
        "hang_after",
        "429",
        "empty_after",
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request is about, as rules and the log see it."""

    method: str
    path: str
    query: str
    client_order_id: str | None
    symbol: str | None


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Do `action` to the next `times` requests that match; a path may hold * and ?, None matches anything."""

    action: str
    method: str
    path: str
    symbol: str | None
    client_order_id: str | None
    times: int

    def matches(self, call: Call) -> bool:
        """Whether the rule is about this call."""
        return (
            self.method == call.method
            and fnmatchcase(call.path, self.path)
            and self.symbol in {None, call.symbol}
            and self.client_order_id in {None, call.client_order_id}
        )


def read_rule(body: Mapping[str, Any]) -> FaultRule:
    """The rule in a JSON body; RefusalError (422) for an unknown action or a count below 1."""
    action, times = body.get("action"), body.get("times", 1)
    if action not in ACTIONS:
        raise invalid(f"unknown action {action}; known are {', '.join(sorted(ACTIONS))}")
    if not isinstance(times, int) or times < 1:
        raise invalid("times is a whole number, at least 1")
    method, path = str(body.get("method", "POST")).upper(), str(body.get("path", "/v2/orders"))
    return FaultRule(str(action), method, path, body.get("symbol"), body.get("client_order_id"), times)


class Faults:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        """None."""
        self.rules: list[FaultRule] = []

    def add(self, rule: FaultRule) -> None:
        """Put a rule in force."""
        self.rules.append(rule)

    def clear(self) -> None:
        """Lift every rule."""
        self.rules.clear()

    def take(self, call: Call) -> str | None:
        """The action for this call, used up by asking."""
        for place, rule in enumerate(self.rules):
            if rule.matches(call):
                self.rules[place : place + 1] = [replace(rule, times=rule.times - 1)] if rule.times > 1 else []
                return rule.action
        return None

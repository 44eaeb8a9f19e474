"""Plans as files: exactly the canonical JSON of the plan and a newline, so that `cmp` compares two of them."""

import json
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from trader.adapters import durable
from trader.domain.canonical import dumps, loads
from trader.domain.errors import InvariantViolated
from trader.domain.plan import Plan


class PlanFiles:
    """`YYYYMMDD.<account>.<strategy>.json` in `directory`."""

    def __init__(self, directory: Path, account: str, strategy: str) -> None:
        self._directory = directory
        self._account = account
        self._strategy = strategy

    def write(self, plan: Plan) -> str:
        """Write the plan, fsynced; the path. The same plan again changes nothing, another raises InvariantViolated."""
        path = self._path(plan.session_date)
        content = (dumps(plan) + "\n").encode()
        with durable.explained(path):
            if not durable.create(path, content) and path.read_bytes() != content:
                raise InvariantViolated(
                    f"{path} holds another plan",
                    "One day is decided once: compare it with the ledger's (`trader audit`), move the wrong one away.",
                )
        return str(path)

    def read(self, session_date: date) -> Plan | None:
        """The plan of that date, or None. Raises InvariantViolated for a file that is cut short or edited."""
        path = self._path(session_date)
        with durable.explained(path):
            if not path.exists():
                return None
            content = path.read_bytes()
        try:
            plan = _parse(content)
        except (ValueError, TypeError, ValidationError) as error:
            raise _damaged(path, str(error).splitlines()[0]) from None
        if (plan.session_date, plan.account, plan.strategy) != (session_date, self._account, self._strategy):
            raise _damaged(path, "it is the plan of another day, account or strategy")
        return plan

    def _path(self, day: date) -> Path:
        return self._directory / f"{day:%Y%m%d}.{self._account}.{self._strategy}.json"


def _parse(content: bytes) -> Plan:
    text = content.decode()
    # Compared as JSON, not as a Plan: a plan written before a field was added with a default stays readable.
    if dumps(json.loads(text)) + "\n" != text:
        raise ValueError("not in canonical form")
    return loads(Plan, text)


def _damaged(path: Path, reason: str) -> InvariantViolated:
    return InvariantViolated(
        f"{path} is no whole plan: {reason}", "Move the file away; the ledger holds the committed plan."
    )

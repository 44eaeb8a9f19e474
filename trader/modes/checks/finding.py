"""What a check looks at, and what it answers."""

from dataclasses import dataclass

from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.domain.market import SessionDay
from trader.modes.desk import Desk


@dataclass(frozen=True, slots=True)
class Look:
    """The desk, the session that is prepared, and the one whose decision can be rehearsed now.

    They differ while the session before is not over: its bars do not exist yet, and what can be known is judged on the
    bars there are.
    """

    desk: Desk
    session: SessionDay
    basis: SessionDay

    @property
    def early(self) -> bool:
        """Whether the session before is not over yet."""
        return self.basis != self.session


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether it is well, what was found and what to do; `warning` is well for today, and yet to be told."""

    ok: bool
    detail: str
    remedy: str = ""
    warning: bool = False
    exit_code: int = 0


def passed(detail: str) -> Finding:
    """All is well."""
    return Finding(True, detail)


def warned(detail: str, remedy: str) -> Finding:
    """It may be traded on, and a person should know."""
    return Finding(True, detail, remedy, warning=True)


def failed(detail: str, remedy: str) -> Finding:
    """Nothing may be opened (exit code 1)."""
    return Finding(False, detail, remedy, exit_code=ChecksFailed.exit_code)


def refused(detail: str, remedy: str) -> Finding:
    """Host or configuration bar the day (exit code 2)."""
    return Finding(False, detail, remedy, exit_code=ConfigurationError.exit_code)


def at_most(names: tuple[str, ...], count: int = 5) -> str:
    """The first names of many."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more

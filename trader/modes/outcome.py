"""How a session ended, and what a person does next."""

from dataclasses import dataclass
from datetime import date

from trader.domain.errors import ChecksFailed

REMEDIES = {
    "halted": "Find the cause, then `trader resume` and `trader session`.",
    "held_back": "Run `trader preflight`; when it names something, mend that, then `trader session`.",
    "too_late": "Run `trader eod`; the next session decides anew.",
    "unsettled": "Look at the open orders at the broker, then run `trader eod`.",
    "plan_lost": "Run `trader eod` after the close; trading goes on with the next session.",
}
"""What a person does after a session that did not complete."""


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """How a session ended. `result` is complete, recorded, closed, observed or stopped, or one of `REMEDIES`."""

    session_date: date
    result: str
    detail: str
    orders: int = 0
    filled: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is left for a person to do."""
        return self.result in ("complete", "recorded", "closed", "observed", "stopped")


def require_complete(outcome: SessionOutcome) -> SessionOutcome:
    """The outcome when nothing is left to do. Raises ChecksFailed otherwise."""
    if outcome.ok:
        return outcome
    raise ChecksFailed(f"session {outcome.session_date} {outcome.result}: {outcome.detail}", REMEDIES[outcome.result])

"""What the program remembers: ledger, trading state, open breaks, the model it may trade on."""

from datetime import timedelta

from trader.domain.journal import TradingState
from trader.modes.checks.finding import Finding, Look, failed, passed, warned

AGEING_DAYS = 14
"""A model that comes within so many days of its greatest age is told of."""


def schema(look: Look) -> Finding:
    """The ledger opens only when its schema is this release's."""
    return passed(f"{look.desk.ledger.schema_version()}, as this release needs")


def chain(look: Look) -> Finding:
    """The hash chain since the newest closed day."""
    return passed(f"{look.desk.ledger.verify(whole=False)} entries since the last checkpoint, chain intact")


def trading_state(look: Look) -> Finding:
    """No halt."""
    state, reason = look.desk.state.read()
    detail, remedy = f"{state.value} {reason}".strip(), "Find the cause, then `trader resume`."
    if state is TradingState.HALT:
        return failed(detail, remedy)
    return passed(detail) if state is TradingState.ACTIVE else warned(f"{detail}: nothing will be opened", remedy)


def model(look: Look) -> Finding:
    """The promoted artifact: whole, made for this release's features, and young enough."""
    ranker, policy = look.desk.models.promoted(), look.desk.policies.model
    age_days = (look.session.date - ranker.trained_until).days
    detail = f"{ranker.hash[:12]}, trained on bars up to {ranker.trained_until} ({age_days} days ago)"
    remedy = "`trader model train`, then `trader model promote`."
    if not 0 < age_days <= policy.max_age_days:
        return failed(f"{detail}; model.max_age_days is {policy.max_age_days}", remedy)
    if age_days > policy.max_age_days - AGEING_DAYS:
        last = ranker.trained_until + timedelta(days=policy.max_age_days)
        return warned(f"{detail}; it may trade until {last}", remedy)
    return passed(detail)

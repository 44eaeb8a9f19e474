"""What the program remembers: ledger, trading state, open breaks, the model it may trade on."""

from datetime import timedelta

from trader.domain.journal import TradingState
from trader.execution.breaks import frozen_by
from trader.modes.checks.finding import Finding, Look, at_most, failed, passed, warned
from trader.modes.reconcile import open_in

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
    detail, remedy = ": ".join(filter(None, (state.upper(), reason))), "Find the cause, then `trader resume`."
    if state is TradingState.HALT:
        return failed(detail, remedy)
    return passed(detail) if state is TradingState.ACTIVE else warned(f"{detail}: nothing will be opened", remedy)


def breaks(look: Look) -> Finding:
    """Open breaks: those of a symbol freeze it and can be traded around, one of the account bars every opener."""
    found = open_in(look.desk.ledger)
    frozen = tuple(sorted(frozen_by(found)))
    if not frozen:
        return passed("none open")
    detail = f"open in {at_most(tuple(symbol or 'the account' for symbol in frozen))}"
    remedy = "`trader breaks` shows both sides and what to do."
    if "" in frozen or not look.desk.policies.risk.trade_around_breaks:
        return failed(f"{detail}: nothing will be opened", remedy)
    return warned(f"{detail}: neither bought nor sold", remedy)


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

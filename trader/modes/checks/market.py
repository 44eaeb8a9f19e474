"""What the day is decided on: the book, the bars, the rehearsed plan."""

from trader.decision.decide import decide
from trader.domain.plan import Plan
from trader.modes.checks.finding import Finding, Look, at_most, failed, passed, warned
from trader.modes.planning import committed_plan, gather, open_account, require_agreement
from trader.modes.update import update_bars

_SHOW = "`trader plan` shows each symbol's reason; mend the data, or raise data.max_excluded_share."


def book(look: Look) -> Finding:
    """Ledger and broker before a decision; afterwards the plan holds the book it began with."""
    if committed_plan(look.desk, look.basis.date) is not None:
        return passed(f"the plan of {look.basis.date} is committed")
    return passed(require_agreement(look.desk, look.basis, open_account(look.desk, look.basis.date)))


def bars(look: Look) -> Finding:
    """What is missing is fetched."""
    report = update_bars(look.desk, look.desk.calendar.previous(look.basis.date).date)
    return passed(f"{report.rows} bars fetched, up to date through {report.through}")


def freshness(look: Look) -> Finding:
    """The newest bar of every candidate is the session's before."""
    due, known = look.desk.calendar.previous(look.basis.date).date, look.desk.bars.last_dates()
    symbols = look.desk.universe.symbols
    stale = tuple(symbol for symbol in symbols if symbol not in known or known[symbol] < due)
    if not stale:
        return passed(f"all {len(symbols)} symbols have their bar of {due}")
    detail = f"{len(stale)} of {len(symbols)} symbols lack the bar of {due}: {at_most(stale)}"
    if len(stale) > look.desk.policies.data.max_excluded_share * len(symbols):
        return failed(detail, "Look at `trader data show`; the feed may be late: run it again in some minutes.")
    return warned(detail, "They are left out of the day; take symbols that trade no longer out of data.universe.")


def quotes(look: Look, plan: Plan) -> Finding:
    """The quotes the session will need, as of now: before the open they are yesterday's."""
    wanted = tuple(dict.fromkeys(intent.symbol for intent in plan.intents))
    found = look.desk.market.quotes(wanted) if wanted else {}
    missing = tuple(symbol for symbol in wanted if symbol not in found)
    if missing:
        return warned(
            f"{len(missing)} of {len(wanted)} symbols have no quote as of now: {at_most(missing)}",
            "Without a quote nothing is sent for them.",
        )
    return passed(f"{len(wanted)} symbols have a quote as of now")


def tradable(look: Look, plan: Plan) -> Finding:
    """What the broker says of the symbols that would be opened."""
    assets = {asset.symbol: asset for asset in look.desk.broker.assets()}
    wanted = tuple(dict.fromkeys(intent.symbol for intent in plan.intents if not intent.reduces))
    barred = tuple(symbol for symbol in wanted if symbol not in assets or not assets[symbol].tradable)
    if barred:
        return warned(
            f"the broker does not trade {len(barred)} of {len(wanted)} symbols to be opened: {at_most(barred)}",
            "They are denied at sending; take them out of data.universe.",
        )
    return passed(f"the broker trades all {len(wanted)} symbols to be opened")


def rehearsed(look: Look) -> Plan:
    """The committed plan, or the decision on what is known now.

    Raises ChecksFailed when the model's predictions are no numbers or do not tell the symbols apart.
    """
    day = look.basis.date
    committed = None if look.early else committed_plan(look.desk, day)
    return committed or decide(gather(look.desk, look.basis, open_account(look.desk, day)))


def exclusions(look: Look, plan: Plan) -> Finding:
    """What would be ordered, and how much of the universe takes part."""
    candidates = len(look.desk.universe.symbols)
    share = len(plan.exclusions) / candidates if candidates else 1.0
    denied = f", {len(plan.denials)} denials" if plan.denials else ""
    detail = f"{len(plan.intents)} orders{denied}, {len(plan.exclusions)} of {candidates} symbols excluded"
    return failed(detail, _SHOW) if share > look.desk.policies.data.max_excluded_share else passed(detail)

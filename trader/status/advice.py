"""What a person does next, by what stands: the line `trader status` ends with."""

from datetime import date

from trader.domain.journal import TradingState
from trader.status.snapshot import StatusView

_AT_WORK = frozenset({"intended", "unknown", "working", "partially_filled", "pending_cancel"})


def next_steps(view: StatusView) -> tuple[str, ...]:
    """Sentences, the most pressing first; what a person may type stands in backquotes."""
    return (*_halt(view), *_breaks(view), *_day(view))


def _halt(view: StatusView) -> tuple[str, ...]:
    if view.state is TradingState.REDUCE:
        return ("Nothing is opened, what reduces goes on. Find the cause, then `trader resume`.",)
    if view.state is not TradingState.HALT:
        return ()
    halted = "Nothing is sent. Find the cause, then `trader resume`."
    if _AT_WORK.isdisjoint(status for status, _ in view.orders):
        return (halted,)
    return (halted, "Orders may work at the broker: `trader session` cancels them and sends nothing.")


def _breaks(view: StatusView) -> tuple[str, ...]:
    return ("Ledger and broker differ: `trader breaks` shows both sides and what to do.",) if view.breaks else ()


def _day(view: StatusView) -> tuple[str, ...]:
    day = view.session_date
    if _reached(view.closed_date, day):
        return ("The day is closed: nothing until the next session.",)
    if view.session_ended:
        return ("The plan is at its end: `trader session` watches what is held, `trader eod` after the close.",)
    if view.state is TradingState.HALT:
        return ()
    return (_begun(view) if view.plan_hash else _not_begun(view),)


def _begun(view: StatusView) -> str:
    if _checked(view):
        return "The plan is not at its end: unless it runs already, `trader session` goes on and sends nothing twice."
    return "What opens waits for `trader preflight`; when it has passed, `trader session` goes on."


def _not_begun(view: StatusView) -> str:
    if _checked(view):
        return "`trader session` trades the day."
    return "`trader preflight`; nothing is opened before it passes."


def _checked(view: StatusView) -> bool:
    return _reached(view.preflight_date, view.session_date) and not view.preflight_failed


def _reached(newest: date | None, day: date) -> bool:
    return newest is not None and newest >= day

"""When orders for the opening and the closing print may be sent."""

from datetime import datetime, time

from trader.simulated_exchange.calendar import Calendar
from trader.simulated_exchange.refusals import forbidden
from trader.simulated_exchange.timestamps import NEW_YORK, SECOND_NS, new_york_date, to_datetime, to_ns

_BEFORE_OPEN_NS = 120 * SECOND_NS
_BEFORE_CLOSE_NS = 600 * SECOND_NS
_EVENING = time(19)


def check_window(calendar: Calendar, time_in_force: str, now_ns: int) -> None:
    """RefusalError (403) for OPG from two minutes before the open, for CLS from ten before the close, until 19:00.

    On a day without a session there is no print to be late for.
    """
    session = calendar.session_on(new_york_date(now_ns))
    if session is None or time_in_force not in {"opg", "cls"}:
        return
    last_ns = session.open_ns - _BEFORE_OPEN_NS if time_in_force == "opg" else session.close_ns - _BEFORE_CLOSE_NS
    if last_ns <= now_ns < to_ns(datetime.combine(session.day, _EVENING, NEW_YORK)):
        local = to_datetime(last_ns).astimezone(NEW_YORK)
        until = f"{(local.hour - 1) % 12 + 1}:{local:%M%p}".lower()
        raise forbidden(f"{time_in_force} orders must be submitted after 7:00pm and before {until}")

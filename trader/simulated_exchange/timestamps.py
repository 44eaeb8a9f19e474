"""Instants are integers: nanoseconds since 1970 UTC. This is their only way in and out of text."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_ns(moment: datetime) -> int:
    """Nanoseconds of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def to_datetime(ns: int) -> datetime:
    """UTC datetime, cut to the microsecond."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def new_york_date(ns: int) -> date:
    """The date on a New York wall calendar."""
    return to_datetime(ns).astimezone(NEW_YORK).date()


def midnight_new_york(day: date) -> datetime:
    """Midnight in New York, where a daily bar's timestamp stands."""
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)


def zulu(ns: int) -> str:
    """RFC 3339 with nine decimals and a Z, as the broker's REST answers have it."""
    return f"{to_datetime(ns):%Y-%m-%dT%H:%M:%S}.{ns % SECOND_NS:09d}Z"


def new_york_text(ns: int) -> str:
    """RFC 3339 with the New York offset, as the broker's clock has it."""
    local = to_datetime(ns).astimezone(NEW_YORK)
    fraction = f".{ns % SECOND_NS:09d}" if ns % SECOND_NS else ""
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{offset[:3]}:{offset[3:]}"


def parse_instant(text: str) -> int:
    """Nanoseconds of an ISO 8601 time or date; without an offset it is UTC, as the broker reads it.

    Raises ValueError for anything else.
    """
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    return to_ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

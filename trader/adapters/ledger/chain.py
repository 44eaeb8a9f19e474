"""An event as a row of the journal, and the hash that ties the row to the one before. Pure.

hash = SHA-256(previous hash + canonical JSON of {at, body, kind, seq, session_date}), hex; the first previous hash is
64 zeros. The JSON is put together from the columns' own text, so that the chain proves exactly what is stored.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic import ValidationError

from trader.domain.canonical import dumps, loads
from trader.domain.errors import ConfigurationError, InvariantViolated
from trader.domain.journal import Adjusted, BreakFound, BreakResolved, Entry, Event, FillRecorded

KINDS: dict[str, type[Event]] = {kind.kind: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry's number and hash."""

    seq: int
    hash: str


GENESIS = Head(0, "0" * 64)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the journal, its fields in the table's order."""

    seq: int
    at: str
    session_date: str
    kind: str
    ref: str
    body: str
    prev_hash: str
    hash: str

    @property
    def head(self) -> Head:
        """What the next row is chained to."""
        return Head(self.seq, self.hash)


def record_of(previous: Head, at: datetime, event: Event) -> Record:
    """The event as the row after `previous`."""
    seq, instant, body = previous.seq + 1, at.astimezone(UTC).isoformat(), dumps(event)
    day, kind = event.session_date.isoformat(), event.kind
    digest = _digest(previous.hash, seq, instant, day, kind, body)
    return Record(seq, instant, day, kind, reference(event), body, previous.hash, digest)


def entry_of(record: Record) -> Entry:
    """The row as an entry. Raises ConfigurationError for a kind of a newer release, InvariantViolated for nonsense."""
    kind = KINDS.get(record.kind)
    if kind is None:
        raise ConfigurationError(
            f"ledger entry {record.seq}",
            f"its kind {record.kind!r} is not known to this release",
            "Use the release that wrote it, or a newer one.",
        )
    try:
        return Entry(record.seq, datetime.fromisoformat(record.at), loads(kind, record.body), record.hash)
    except ValidationError as error:
        raise broken(record.seq, f"its body is no {record.kind}: {error.errors()[0]['msg']}") from None


def reference(event: Event) -> str:
    """What an entry is found by: its client order id, else its symbol or subject, else nothing."""
    match event:
        case FillRecorded(client_order_id="", fill=fill):
            return fill.symbol
        case BreakFound(subject=subject):
            return subject
        case BreakResolved(symbol=symbol) | Adjusted(symbol=symbol):
            return symbol
        case _:
            return str(getattr(event, "client_order_id", ""))


def check(previous: Head, record: Record) -> None:
    """Raise InvariantViolated when the row is not the one that was written after `previous`."""
    if record.seq != previous.seq + 1:
        raise broken(previous.seq + 1, "it is missing")
    if record.prev_hash != previous.hash:
        raise broken(record.seq, "it is not chained to the entry before")
    if not _is_canonical(record.body):
        raise broken(record.seq, "its body is not canonical JSON")
    if record.hash != _digest(record.prev_hash, record.seq, record.at, record.session_date, record.kind, record.body):
        raise broken(record.seq, "it was changed after it was written")
    if record.kind in KINDS and record.ref != reference(entry_of(record).event):
        raise broken(record.seq, "its reference is not the one its body names")


def line_of(record: Record) -> str:
    """The row as a line of the export: canonical JSON of what is hashed, with both hashes."""
    return (
        f'{{"at":"{record.at}","body":{record.body},"hash":"{record.hash}","kind":"{record.kind}",'
        f'"prev_hash":"{record.prev_hash}","seq":{record.seq},"session_date":"{record.session_date}"}}'
    )


def broken(seq: int, what: str) -> InvariantViolated:
    """The error that names the first bad entry."""
    return InvariantViolated(
        f"ledger entry {seq}: {what}",
        "Trade nothing on it: restore a backup taken before, then run `trader ledger verify`.",
    )


def _digest(prev_hash: str, seq: int, at: str, day: str, kind: str, body: str) -> str:
    text = f'{{"at":"{at}","body":{body},"kind":"{kind}","seq":{seq},"session_date":"{day}"}}'
    return hashlib.sha256((prev_hash + text).encode()).hexdigest()


def _is_canonical(body: str) -> bool:
    """As JSON, not as an event: an entry written before a field was added with a default stays as it is."""
    try:
        document: Any = json.loads(body)
        return dumps(document) == body
    except (ValueError, TypeError):
        return False

"""Which preflights hold: the tokens of a date that no later failure has voided. Pure."""

from collections.abc import Iterable

from trader.domain.journal import Event, PreflightFailed, PreflightPassed

TOKEN_KINDS = (PreflightPassed, PreflightFailed)
"""The events of a date that `standing` reads."""


def standing(events: Iterable[Event]) -> tuple[PreflightPassed, ...]:
    """The tokens that hold, oldest first."""
    tokens: list[PreflightPassed] = []
    for event in events:
        if isinstance(event, PreflightPassed):
            tokens.append(event)
        elif isinstance(event, PreflightFailed):
            tokens = [token for token in tokens if not _voids(event, token)]
    return tuple(tokens)


def _voids(failed: PreflightFailed, token: PreflightPassed) -> bool:
    made_by = (token.provenance.release, token.provenance.config)
    return (failed.session_date, failed.release, failed.config) == (token.session_date, *made_by)

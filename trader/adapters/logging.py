"""Logs: words for people at a terminal, JSON lines for the journal and for files; never a secret."""

import re
import sys
from typing import IO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = ("debug", "info", "warning", "error")

_HIDDEN = "***"
_SECRET_NAME = re.compile(r"secret|password|passwd|token|authorization|api_?key|key_id", re.IGNORECASE)
_KEY_SHAPE = re.compile(r"\b[PA]K[A-Z0-9]{16,}\b")


def configure(level: str = "info", copy: IO[str] | None = None, quiet: bool = False) -> None:
    """Send the logs of this process to stderr, and to `copy` when given; `quiet` leaves warnings alone on stderr.

    A line in `copy` is JSON; so is one on stderr unless that is a terminal.
    """
    sinks: list[Processor] = []
    if copy is not None:
        sinks.append(_Copy(copy))
    if quiet:
        sinks.append(_warnings_alone)
    sinks.append(_words() if sys.stderr.isatty() else structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            redact,
            *sinks,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide what is named like a secret, typed as one or shaped like an Alpaca key; at every depth."""
    return {name: _HIDDEN if _SECRET_NAME.search(name) else _redacted(value) for name, value in event.items()}


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return redact(None, "", {str(name): item for name, item in value.items()})
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    if isinstance(value, SecretStr):
        return _HIDDEN
    return _KEY_SHAPE.sub(_HIDDEN, value) if isinstance(value, str) else value


class _Copy:
    """A processor that writes each event to a file and hands it on."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._render = structlog.processors.JSONRenderer()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        self._file.write(f"{self._render(logger, method, dict(event))!s}\n")
        return event


def _warnings_alone(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if method in ("debug", "info"):
        raise structlog.DropEvent
    return event


def _words() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=True,
        pad_event_to=0,
        timestamp_key="at",
        exception_formatter=structlog.dev.plain_traceback,  # the pretty one shows local variables
    )

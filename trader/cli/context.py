"""What every command shares: the global options, a date, `--json`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from trader.bootstrap.place import Place, find_place
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from trader.modes.desk import Desk


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write it as 2026-03-16") from None


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Day = Annotated[
    date | None,
    typer.Option("--date", parser=_date, metavar="YYYY-MM-DD", help="The session's date; today's when left out."),
]
DayArgument = Annotated[
    date | None, typer.Argument(parser=_date, metavar="[DATE]", help="The session's date; today's when left out.")
]
Until = Annotated[
    date | None,
    typer.Option("--until", parser=_date, metavar="YYYY-MM-DD", help="The last session to take; all when left out."),
]
RequiredDay = Annotated[date, typer.Argument(parser=_date, metavar="DATE", help="The session's date.")]


def named(place: Place) -> str:
    """The options that mean this place."""
    return f"--config {place.config} --state {place.state}"


@dataclass(frozen=True, slots=True)
class Options:
    """The options before the command."""

    config: Path | None
    state: Path | None
    log_level: str

    @property
    def place(self) -> Place:
        """Configuration file and state directory."""
        return find_place(self.config, self.state, os.environ)

    @property
    def traded(self) -> Place:
        """The place, in which there must be a ledger. Raises ConfigurationError that says where this looked."""
        place = self.place
        if not place.ledger.exists():
            raise ConfigurationError(
                str(place.ledger),
                "there is no ledger; the first session makes it",
                f"This looked at {named(place)}; name others before the command.",
            )
        return place

    def log(self, copy: IO[str] | None = None, quiet: bool = False) -> None:
        """Begin to log."""
        from trader.adapters.logging import configure

        configure(self.log_level, copy, quiet)


def options_of(context: typer.Context) -> Options:
    """The options given before the command."""
    assert isinstance(context.obj, Options)
    return context.obj


@contextmanager
def desk_of(context: typer.Context) -> "Iterator[Desk]":
    """Begin to log, and open the desk for the block."""
    from trader.bootstrap.desk import open_desk

    options = options_of(context)
    options.log()
    with open_desk(options.place) as desk:
        yield desk


def today(desk: "Desk") -> date:
    """The date in New York by the desk's clock."""
    from trader.domain.market import exchange_date

    return exchange_date(desk.clock.now())

"""What the units run beside trading: watchdog, alert, unfinished."""

import os
from datetime import time
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Json, options_of
from trader.cli.output import print_json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

app = typer.Typer()


def _time(text: str, option: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is no time of day; write it as 08:30") from None


def _zone(text: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(f"--zone: {text!r} is no time zone this machine knows") from None


@app.command()
def watchdog(
    context: typer.Context,
    session_at: Annotated[str, typer.Option(metavar="HH:MM", help="When the session starts.")] = "08:30",
    eod_at: Annotated[str, typer.Option(metavar="HH:MM", help="When the day is closed.")] = "15:10",
    zone: Annotated[str, typer.Option(help="Zone of both.")] = "America/Chicago",
    json: Json = False,
) -> None:
    """Look whether today's work was done.

    From ledger and STATE alone, ten minutes after the session's start and half an hour after the end of day. Exit code
    1 when something is missing, with what to type. On a day without a session, and in a halt, no session is due.

    Example: trader watchdog
    """
    from trader.bootstrap.alerts import watch
    from trader.status.watchdog import Schedule

    times = _time(session_at, "--session-at"), _time(eod_at, "--eod-at")
    found = watch(options_of(context).place, Schedule(*times, _zone(zone)))
    if json:
        print_json(found)
    elif not found.missed:
        typer.echo(found.summary)
    for each in () if json else found.missed:
        typer.echo(f"MISSED: {each.what}. {each.remedy}", err=True)
    raise typer.Exit(1 if found.missed else 0)


@app.command()
def unfinished(context: typer.Context) -> None:
    """Look whether a session was interrupted.

    Exit code 0: today's plan is in the ledger and the close is to come, so `trader session` has to go on. 1: not so.

    Example: trader unfinished && trader session
    """
    from trader.bootstrap.alerts import is_unfinished

    goes_on = is_unfinished(options_of(context).place)
    typer.echo("Today's session was begun and is not over." if goes_on else "No session is to go on with.")
    raise typer.Exit(0 if goes_on else 1)


@app.command()
def alert(
    context: typer.Context, unit: Annotated[str, typer.Argument(help="The unit that has failed, without .service.")]
) -> None:
    """Tell that a unit has failed.

    One line at error priority in the journal, and a row in the ledger's outbox; started by systemd after a failure.

    Example: trader alert paper-trading-session
    """
    import json
    import sys

    from trader.bootstrap.alerts import alert_of, keep

    place = options_of(context).place
    found = alert_of(place, unit.removesuffix(".service"), os.environ)
    priority = "<3>" if "JOURNAL_STREAM" in os.environ else ""
    line = {"event": "ALERT", "at": found.at.isoformat(), "unit": found.unit, "text": found.text}
    sys.stderr.write(f"{priority}{json.dumps(line, ensure_ascii=False)}\n")
    sys.stderr.flush()
    typer.echo(f"In the outbox as {keep(place, found)}.")

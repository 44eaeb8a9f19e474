"""What the units run beside trading: watchdog, alert, unfinished."""

import os
from datetime import time
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Json, options_of
from trader.cli.output import print_json

if TYPE_CHECKING:
    from trader.status.watchdog import Schedule

app = typer.Typer()

SessionAt = Annotated[
    str, typer.Option(metavar="HH:MM", envvar="TRADER_SESSION_AT", help="When the session starts; the units say so.")
]
EodAt = Annotated[
    str, typer.Option(metavar="HH:MM", envvar="TRADER_EOD_AT", help="When the day is closed; the units say so.")
]
Zone = Annotated[str, typer.Option(envvar="TRADER_TIMEZONE", help="Zone of both.")]


def _schedule(session_at: str, eod_at: str, zone: str) -> "Schedule":
    from zoneinfo import ZoneInfo

    from trader.status.watchdog import Schedule

    times = _time(session_at, "--session-at"), _time(eod_at, "--eod-at")
    try:
        return Schedule(*times, ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(f"--zone: {zone!r} is no time zone this machine knows") from None


def _time(text: str, option: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is no time of day; write it as 08:30") from None


@app.command()
def watchdog(
    context: typer.Context,
    session_at: SessionAt = "08:30",
    eod_at: EodAt = "15:10",
    zone: Zone = "America/Chicago",
    json: Json = False,
) -> None:
    """Look whether today's work was done.

    From ledger and STATE alone, ten minutes after the session's start and half an hour after the end of day. Exit code
    1 when something is missing, with what to type. On a day without a session, and in a halt, no session is due.

    Example: trader watchdog
    """
    from trader.bootstrap.alerts import watch

    found = watch(options_of(context).place, _schedule(session_at, eod_at, zone))
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
    context: typer.Context,
    unit: Annotated[str, typer.Argument(help="The unit that has failed, without .service.")],
    session_at: SessionAt = "08:30",
    eod_at: EodAt = "15:10",
    zone: Zone = "America/Chicago",
) -> None:
    """Tell that a unit has failed.

    One line at error priority in the journal, and a row in the ledger's outbox; started by systemd after a failure.

    Example: trader alert paper-trading-session
    """
    import json
    import sys

    from trader.bootstrap.alerts import alert_of, keep

    place, schedule = options_of(context).place, _schedule(session_at, eod_at, zone)
    found = alert_of(place, unit.removesuffix(".service"), schedule, os.environ)
    priority = "<3>" if "JOURNAL_STREAM" in os.environ else ""
    line = {"event": "ALERT", "at": found.at.isoformat(), "unit": found.unit, "text": found.text}
    sys.stderr.write(f"{priority}{json.dumps(line, ensure_ascii=False)}\n")
    sys.stderr.flush()
    typer.echo(f"In the outbox as {keep(place, found)}.")

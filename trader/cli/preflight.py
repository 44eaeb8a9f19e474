"""`trader preflight`: whether the day may begin."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Day, Json, desk_of, today
from trader.cli.output import print_json, print_table

if TYPE_CHECKING:
    from trader.modes.preflight import Check, PreflightReport

app = typer.Typer()

For = Annotated[
    str | None,
    typer.Option("--for", metavar="next-session", help="Instead of a date: the first session that has not opened yet."),
]


@app.command()
def preflight(context: typer.Context, date: Day = None, session: For = None, json: Json = False) -> None:
    """Check what the day stands on.

    Brings the bars up to date and rehearses the decision; openers wait until it has passed for the date, with this
    release, configuration and model. Before the close of the session before, all is judged as of now and lets nothing
    out yet. A day without a session needs none. Exit code 1: a check failed; 2, 3, 5: one failed of the configuration
    or host, the broker, the ledger.

    Example: trader preflight

    Example: trader preflight --for next-session
    """
    from trader.modes.preflight import next_session
    from trader.modes.preflight import preflight as check

    if session is not None and (session != "next-session" or date is not None):
        raise typer.BadParameter("--for takes next-session, and no --date beside it")
    with desk_of(context) as desk:
        day = next_session(desk) if session else date or today(desk)
        if date is None and desk.calendar.session(day) is None:  # a timer on a holiday, or late on a Saturday
            typer.echo(f"{day} is no trading session: nothing to check before {next_session(desk)}.")
            return
        report = check(desk, day)
    if json:
        named = ("session_date", "ok", "token", "checks", "unchecked")
        print_json({name: getattr(report, name) for name in named})
    else:
        _print(report)
    raise typer.Exit(report.exit_code)


def _print(report: "PreflightReport") -> None:
    rows = [(check.name, _word(check), check.detail, check.remedy or None) for check in report.checks]
    rows += [(name, "not made", "it rests on a check that failed", None) for name in report.unchecked]
    print_table(f"Preflight {report.session_date}", ("check", "", "found", "next"), rows)
    if report.token:
        typer.echo(f"Passed: openers may go out on {report.session_date}.")
    elif not report.ok:
        failed = ", ".join(check.name for check in report.checks if not check.ok)
        typer.echo(f"FAILED: {failed}. Nothing is opened on {report.session_date} before it has passed: run it again.")


def _word(check: "Check") -> str:
    if not check.ok:
        return "FAILED"
    return "warning" if check.warning else "ok"

"""trader data: import, update, check, show."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Json, Until, desk_of, options_of, today
from trader.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from trader.adapters.bar_import import ImportReport

app = typer.Typer(help="The bar store.", no_args_is_help=True)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: symbol, date, open, high, low, close, volume.")],
    until: Until = None,
    json: Json = False,
) -> None:
    """Store the bars of a file.

    All or nothing: a malformed row is named, and nothing is stored.

    Example: trader data import bars.parquet
    """
    from trader.adapters.bar_import import import_bars
    from trader.bootstrap.parts import bar_archive, exchange_calendar

    place = options_of(context).place
    report = import_bars(file, bar_archive(place), exchange_calendar(place), until)
    if json:
        print_json(report)
    else:
        _print_import(report)


@app.command()
def update(context: typer.Context, until: Until = None, json: Json = False) -> None:
    """Fetch the bars that are missing.

    Up to the last session before today.

    Example: trader data update
    """
    from trader.modes.update import update_bars

    with desk_of(context) as desk:
        report = update_bars(desk, until or desk.calendar.previous(today(desk)).date)
    if json:
        print_json(report)
    else:
        typer.echo(f"{report.rows} rows for {report.asked} symbols; up to date through {report.through}")


@app.command()
def check(context: typer.Context, json: Json = False) -> None:
    """Look for faults in what is stored.

    Malformed rows, missing sessions and the like; exit code 1 when there are any.

    Example: trader data check
    """
    from trader.adapters.bar_import import check_archive
    from trader.bootstrap.parts import bar_archive, exchange_calendar

    place = options_of(context).place
    found = check_archive(bar_archive(place), exchange_calendar(place))
    if json:
        print_json(found)
    elif found:
        print_table(f"{len(found)} findings", ("symbol", "finding"), [(each.symbol, each.reason) for each in found])
    else:
        typer.echo("The bars are well.")
    raise typer.Exit(1 if found else 0)


@app.command()
def show(
    context: typer.Context,
    symbol: Annotated[str | None, typer.Argument(help="A symbol, for its bars; a summary when left out.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="How many of the newest bars.")] = 10,
    json: Json = False,
) -> None:
    """Show what is stored.

    A summary, or the newest bars of a symbol.

    Example: trader data show AAPL --sessions 5
    """
    from trader.bootstrap import bars

    place = options_of(context).place
    if symbol is None:
        summary = bars.summary(place)
        if json:
            print_json(summary)
        else:
            print_facts("Bars", [("symbols", summary.symbols), *((f"up to {day}", n) for day, n in summary.newest)])
        return
    rows = bars.newest_bars(place, symbol.upper(), sessions)
    if json:
        print_json(rows)
    else:
        columns = ("date", "open", "high", "low", "close", "volume")
        print_table(symbol.upper(), columns, [(str(r.day), r.open, r.high, r.low, r.close, r.volume) for r in rows])


def _print_import(report: "ImportReport") -> None:
    facts: list[tuple[str, object]] = [
        ("rows read", report.read),
        ("rows stored", report.stored),
        ("new or different", report.changed),
        ("rows after the last date wanted", report.after_until),
        ("symbols", report.symbols),
        ("first", report.first),
        ("last", report.last),
        ("rows without volume", report.zero_volume),
    ]
    dropped = [(f"no session, dropped: {day}", f"{rows} rows") for day, rows in report.dropped]
    print_facts(report.source, [*facts, *dropped])

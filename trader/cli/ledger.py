"""trader ledger: migrate, verify, export."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli.context import Json, options_of
from trader.cli.output import print_json

app = typer.Typer(help="The hash-chained journal.", no_args_is_help=True)


@app.command()
def migrate(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="A revision, `head` or `base`.")] = "head",
) -> None:
    """Bring the schema to a revision.

    Up or down; a ledger that is missing is made.

    Example: trader ledger migrate
    """
    from trader.adapters.ledger.migration import migrate as run

    path = options_of(context).place.ledger
    typer.echo(f"{path}: schema {run(path, to) or 'base'}")


@app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Check the whole hash chain.

    And all that is derived from it.

    Example: trader ledger verify && echo sound
    """
    from trader.bootstrap.parts import require_ledger

    ledger = require_ledger(options_of(context).place)
    entries = ledger.verify()
    if json:
        print_json({"entries": entries, "head": ledger.head().hash})
    else:
        typer.echo(f"{entries} entries, chain intact, head {ledger.head().hash}")


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file to write, JSON lines with hashes.")],
) -> None:
    """Write the journal as JSON lines.

    With its hashes, so that others can check the chain.

    Example: trader ledger export journal.jsonl
    """
    from trader.bootstrap.parts import require_ledger

    typer.echo(f"{require_ledger(options_of(context).place).export(out)} entries in {out}")

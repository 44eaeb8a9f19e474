"""trader ledger: migrate, schema, verify, rebuild, adopt, export."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli.context import Json, desk_of, named, options_of
from trader.cli.output import print_facts, print_json, print_table

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
def schema(context: typer.Context, json: Json = False) -> None:
    """Show the schema that is there.

    And those that this release reads and writes. A ledger that is missing has none.

    Example: trader ledger schema --json
    """
    from trader.adapters.ledger.reading import schema_of
    from trader.adapters.ledger.revisions import REVISIONS, SCHEMA_MIN

    path = options_of(context).place.ledger
    found = schema_of(path)
    if json:
        print_json({"schema": found, "schema_min": SCHEMA_MIN, "schema_max": REVISIONS[-1]})
    else:
        typer.echo(f"{path}: schema {found or 'none'}; this release takes {SCHEMA_MIN} to {REVISIONS[-1]}")


@app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Check the whole hash chain.

    And all that is derived from it.

    Example: trader ledger verify && echo sound
    """
    from trader.bootstrap.parts import require_ledger

    ledger = require_ledger(options_of(context).traded)
    entries = ledger.verify()
    if json:
        print_json({"entries": entries, "head": ledger.head().hash})
    else:
        typer.echo(f"{entries} entries, chain intact, head {ledger.head().hash}")


@app.command()
def rebuild(context: typer.Context) -> None:
    """Make the tables beside the journal anew.

    When `trader ledger verify` says that one does not follow from it; the journal itself stays as it is.

    Example: trader ledger rebuild
    """
    from trader.bootstrap.parts import require_ledger

    ledger = require_ledger(options_of(context).traded)
    ledger.rebuild()
    typer.echo(f"Rebuilt; {ledger.verify()} entries, chain intact, head {ledger.head().hash}")


@app.command()
def adopt(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="What explains the difference; it stands in the ledger for good.")],
    json: Json = False,
) -> None:
    """Take over the broker's cash and positions.

    The whole book, and every open break ends: after a reset of the account, or when there is too much to resolve one
    by one (`trader breaks resolve`). Symbols that agree keep their cost. Not while the exchange is open.

    Example: trader ledger adopt --reason "the paper account was reset"
    """
    from trader.modes.planning import adopt as take_over

    place = options_of(context).traded
    with desk_of(context) as desk:
        book = take_over(desk, reason)
    if json:
        print_json(book)
        return
    print_facts("Adopted", [("cash, USD", book.cash_usd), ("holdings", len(book.holdings)), ("of", named(place))])
    if book.holdings:
        rows = [(held.symbol, held.quantity, held.cost_usd) for held in book.holdings]
        print_table("Book", ("symbol", "shares", "cost, USD"), rows)


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

    typer.echo(f"{require_ledger(options_of(context).traded).export(out)} entries in {out}")

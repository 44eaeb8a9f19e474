"""Where ledger and broker disagree: execution-reconcile, breaks, breaks resolve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Json, desk_of, options_of
from trader.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from trader.execution.reconciliation import Break

app = typer.Typer(help="Where ledger and broker disagree.")
commands = typer.Typer()


@commands.command("execution-reconcile")
def execution_reconcile(
    context: typer.Context,
    every: Annotated[
        int | None, typer.Option(min=30, metavar="SECONDS", help="Compare again so often, until the close.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare ledger and broker now.

    Orders, fills, positions and cash. What the broker's records explain is taken into the book, what nothing explains
    freezes its symbol. Sends nothing, and may run beside a session. Exit code 1 while a break is open.

    Example: trader execution-reconcile

    Example: trader execution-reconcile --every 900
    """
    from datetime import timedelta

    from trader.modes.reconcile import reconcile_account, reconcile_until_close

    _ = options_of(context).traded
    with desk_of(context) as desk:
        report = reconcile_until_close(desk, timedelta(seconds=every)) if every else reconcile_account(desk)
    if json:
        print_json(report)
    else:
        rows = [(each.cause, each.symbol, each.quantity, each.cash_usd, each.detail) for each in report.adjustments]
        if rows:
            print_table("Taken into the book", ("why", "symbol", "shares", "cash, USD", ""), rows)
        _print_open(report.open)
    raise typer.Exit(0 if report.ok else 1)


@app.callback(invoke_without_command=True)
def breaks(context: typer.Context, json: Json = False) -> None:
    """List the open breaks.

    From the ledger alone. Exit code 1 while there are any.

    Example: trader breaks
    """
    if context.invoked_subcommand is not None:
        return
    from trader.bootstrap.parts import require_ledger
    from trader.modes.reconcile import open_in

    found = open_in(require_ledger(options_of(context).traded))
    if json:
        print_json(found)
    else:
        _print_open(found)
    raise typer.Exit(1 if found else 0)


@app.command()
def resolve(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="SYMBOL|account", help="What the break is about.")],
    reason: Annotated[str, typer.Option(help="What explains it; it stands in the ledger for good.")],
    json: Json = False,
) -> None:
    """Take the broker's side over, and trade on.

    The broker's shares of a symbol, or its cash, become the book's: neither profit nor loss. Nothing is sent.

    Example: trader breaks resolve KO --reason "shares from another broker"

    Example: trader breaks resolve account --reason "money paid in"
    """
    from trader.bootstrap.stops import operator
    from trader.modes.resolve import resolve as take_over

    _ = options_of(context).traded
    with desk_of(context) as desk:
        adjusted = take_over(desk, subject, reason, operator())
    if json:
        print_json(adjusted)
        return
    facts = [("shares", adjusted.quantity), ("cash, USD", adjusted.cash_usd)] if adjusted else [("book", "as it was")]
    print_facts(f"Resolved: {subject}", facts)


def _print_open(found: "Sequence[Break]") -> None:
    if not found:
        typer.echo("No break is open.")
        return
    rows = [(each.code, each.subject, each.ours, each.broker, each.remedy) for each in found]
    print_table("Open breaks", ("break", "of", "ledger", "broker", "next"), rows)

"""trader model: train, list, show, promote."""

from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Json, Until, options_of
from trader.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from trader.decision.contract import ModelContract

app = typer.Typer(help="Models: to train and to promote.", no_args_is_help=True)
Hash = Annotated[str, typer.Argument(help="The artifact's hash, or its beginning.")]


@app.command()
def train(context: typer.Context, until: Until = None, json: Json = False) -> None:
    """Train on the stored bars.

    The artifact trades nothing until it is promoted.

    Example: trader model train --until 2026-03-13
    """
    from trader.bootstrap.training import train_model

    trained = train_model(options_of(context).place, until)
    if json:
        print_json({"hash": trained.hash, "contract": trained.contract})
    else:
        _print_contract(trained.hash, trained.contract)
        typer.echo(f"Let it trade: trader model promote {trained.hash[:12]}")


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """Every artifact, by the last date of its training.

    Example: trader model list
    """
    from trader.bootstrap.parts import model_store

    models = model_store(options_of(context).place).list()
    if json:
        print_json(models)
        return
    rows = []
    for each in models:
        until, ic = (
            (each.contract.trained_until, each.contract.held_out.mean_rank_ic) if each.contract else (None, None)
        )
        rows.append((each.hash[:12], str(until), ic, "promoted" if each.promoted else "", each.problem))
    print_table("Models", ("hash", "trained until", "rank IC", "", "problem"), rows)


@app.command()
def show(context: typer.Context, model: Hash, json: Json = False) -> None:
    """Show what an artifact is.

    What it was trained on, and how it did on sessions it had not seen.

    Example: trader model show 1f3a
    """
    from trader.bootstrap.parts import model_store

    found = model_store(options_of(context).place).load(model)
    if json:
        print_json({"hash": found.hash, "contract": found.contract})
    else:
        _print_contract(found.hash, found.contract)


@app.command()
def promote(context: typer.Context, model: Hash) -> None:
    """Let this artifact trade from the next plan on.

    Example: trader model promote 1f3a
    """
    from trader.bootstrap.parts import model_store, system_clock

    full = model_store(options_of(context).place).promote(model, system_clock().now())
    typer.echo(f"Promoted: {full}")


def _print_contract(model_hash: str, contract: "ModelContract") -> None:
    tested = contract.held_out
    print_facts(
        f"Model {model_hash[:12]}",
        [
            ("hash", model_hash),
            ("target", contract.target),
            ("trained on", f"{contract.trained_from} .. {contract.trained_until}"),
            ("examples", f"{contract.rows:,} of {contract.symbols} symbols"),
            ("features", len(contract.features)),
            ("not seen in a first fit", f"{tested.first} .. {tested.last}, {tested.sessions} sessions"),
            ("mean rank IC there", f"{tested.mean_rank_ic} (t {tested.t_statistic})"),
            ("xgboost", contract.xgboost),
        ],
    )

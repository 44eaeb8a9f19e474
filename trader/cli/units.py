"""The systemd units: units render, units variables."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli.output import print_table

app = typer.Typer(help="The systemd units that run the days by themselves.", no_args_is_help=True)

Variables = Annotated[Path | None, typer.Option("--variables", help="YAML file of variables.")]
Given = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One variable; may be repeated.")]


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Directory the units are written to; made when it is not there.")],
    variables: Variables = None,
    given: Given = None,
) -> None:
    """Write the units of this release.

    Nothing is installed or started: look at them, then copy them where systemd finds them.

    Example: trader units render --out units --set trader_scope=user --set trader_release_dir=%h/trader
    """
    from trader.bootstrap import units

    filled = units.variables(variables, tuple(given or ()))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in units.render(filled).items():
        (out / name).write_text(text)
        typer.echo(str(out / name))


@app.command("variables")
def show_variables(variables: Variables = None, given: Given = None) -> None:
    """List what the units are filled with, and what each variable means.

    Example: trader units variables
    """
    from trader.bootstrap import units

    filled = units.variables(variables, tuple(given or ()))
    fields = type(filled).model_fields
    rows = [(name, str(getattr(filled, name)), fields[name].description) for name in fields]
    print_table("Unit variables", ("key", "value", "meaning"), rows)

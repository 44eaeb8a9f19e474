"""trader config: check, show, schema."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli.context import Json, options_of
from trader.cli.output import print_json

app = typer.Typer(help="The configuration file.", no_args_is_help=True)


@app.command()
def check(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="The file; the one in use when left out.")] = None,
    json: Json = False,
) -> None:
    """Say what is wrong with the file.

    Reads it as every command does; problems are named by line and key.

    Example: trader config check config/demo.yaml
    """
    import os

    from trader.bootstrap.place import find_place

    options = options_of(context)
    found = find_place(path or options.config, options.state, os.environ).configuration()
    if json:
        print_json({"path": str(found.path), "hash": found.hash})
    else:
        typer.echo(f"{found.path} is well; hash {found.hash[:12]}")


@app.command()
def show(context: typer.Context, json: Json = False) -> None:
    """Print the settings in force.

    Defaults included, each key with its description.

    Example: trader --config config/demo.yaml config show
    """
    from trader.settings.render import commented

    found = options_of(context).place.configuration()
    if json:
        print_json(found.settings)
    else:
        typer.echo(f"# {found.path}, hash {found.hash}\n\n{commented(found.settings)}", nl=False)


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the reference page instead.")] = False,
) -> None:
    """Print the JSON schema, for editors.

    Example: trader config schema > config/execution.schema.json
    """
    from trader.settings import render

    typer.echo(render.reference() if markdown else render.schema(), nl=False)

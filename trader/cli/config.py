"""trader config: check, show, schema, translate."""

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


@app.command()
def translate(
    path: Annotated[Path, typer.Argument(help="The old execution.yaml.")],
    over: Annotated[
        Path | None, typer.Option(help="YAML file of keys of ours that hold whatever the old file says.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for execution.yaml and universe.csv.")] = None,
    json: Json = False,
) -> None:
    """Say a hand-made set-up's execution.yaml in our terms.

    Prints what becomes of each of its keys; exit code 1 when some are left for you to decide.

    Example: trader config translate old/config/execution.yaml --out new
    """
    from trader.bootstrap import translate as translating
    from trader.bootstrap.translation import told

    done = translating.translate_file(path, over)
    if out is not None:
        translating.write(done, out)
    if json:
        print_json(done.document())
    else:
        typer.echo(told(done), nl=False)
    raise typer.Exit(int(not done.ok))

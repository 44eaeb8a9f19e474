"""Releases, on the controller: release build, release show."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli.output import print_facts

app = typer.Typer(help="Releases, as the playbooks build them and lay them on hosts.", no_args_is_help=True)


@app.command()
def build(
    variables: Annotated[Path, typer.Option(help="JSON file: units, config, files, python, arch.")],
    out: Annotated[Path, typer.Option(help="Directory of what was built; made when it is not there.")],
    wheelhouses: Annotated[
        Path | None,
        typer.Option(
            envvar="TRADER_WHEELHOUSE_CACHE", help="Directory of downloaded wheels; else `wheelhouse` in --out."
        ),
    ] = None,
) -> None:
    """Build a release and all a host needs with it.

    Prints one line of JSON: the files to copy, and their hashes. What is there already is not built again.

    Example: trader release build --variables release.json --out var/releases
    """
    from trader.bootstrap import release

    found = out.resolve()
    built = release.build(variables, found, (wheelhouses or found / "wheelhouse").resolve(), _say)
    typer.echo(built.as_json())


@app.command()
def show(path: Annotated[Path, typer.Argument(metavar="ARCHIVE|DIR", help="A release.")]) -> None:
    """Print what a release says of itself.

    Example: trader release show var/releases/cp311-x86_64/0123456789ab.tar
    """
    from trader.bootstrap import release

    manifest = release.read_manifest(path)
    counted = ((key, f"{len(value)} files" if isinstance(value, dict) else value) for key, value in manifest.items())
    print_facts(f"Release {manifest.get('id')}", counted)


def _say(line: str) -> None:
    typer.echo(line, err=True)

"""What a person types on a host whose days run by themselves: start, stop, run-now."""

import os
from typing import Annotated

import typer

from trader.cli.output import units_text

app = typer.Typer()


@app.command()
def start() -> None:
    """Let the days run by themselves.

    Arms the timers of this host: the system's (as root), or those of `systemctl --user`.

    Example: trader start
    """
    from trader.bootstrap import services

    typer.echo(units_text(services.start(os.environ)))


@app.command()
def stop() -> None:
    """Disarm the timers and end what runs.

    Orders that work at the broker are cancelled by a session that ends; `trader halt` and `trader emergency-stop` say
    so to the broker. The timers stay disarmed over a reboot, until `trader start`.

    Example: trader stop
    """
    from trader.bootstrap import services

    typer.echo(units_text(services.stop(os.environ)))


@app.command("run-now")
def run_now(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="preflight, session, eod, execution-monitor, execution-reconcile, backup or backup-drill.",
        ),
    ],
) -> None:
    """Run one of the units now.

    Waits for its end, shows the last lines it has left in the journal, and exits as it did.

    Example: trader run-now preflight
    """
    from trader.bootstrap import services

    if name not in services.ON_DEMAND:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(services.ON_DEMAND)}")
    raise typer.Exit(services.run_now(name, os.environ, typer.echo))

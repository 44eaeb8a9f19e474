"""trader exchange serve."""

import typer

app = typer.Typer(help="The simulated exchange.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """A group, though it has one command."""


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def serve(context: typer.Context) -> None:
    """Serve Alpaca's dialect on this machine.

    Until SIGTERM; `trader exchange serve --help` lists the options.

    Example: trader exchange serve --state var/exchange --symbols 50 --history-start 2024-01-02
    --history-end 2026-12-31 --at 2026-03-16T08:00:00-04:00
    """
    import sys

    from trader.simulated_exchange.__main__ import main

    sys.argv = ["trader exchange serve", *context.args]
    raise typer.Exit(main())

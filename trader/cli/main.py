"""`trader`: the commands, the options before them, and the one place that turns errors into exit codes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trader.cli import (
    alerts,
    breaks,
    config,
    control,
    data,
    exchange,
    host,
    ledger,
    model,
    monitor,
    preflight,
    release,
    reporting,
    trading,
    units,
)
from trader.cli.context import Options
from trader.domain.errors import ConfigurationError, TraderError

app = typer.Typer(
    help="Daily equity PAPER trading on Alpaca: decide once, execute exactly once, prove both.",
    epilog="Exit codes: 0 done, 1 checks failed or breaks found, 2 configuration, 3 broker unavailable, "
    "4 outcome unknown, 5 invariant violated.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (
    preflight.app,
    trading.app,
    monitor.app,
    breaks.commands,
    control.app,
    reporting.app,
    host.app,
    alerts.app,
):
    app.add_typer(commands)
for name, group in (
    ("data", data),
    ("model", model),
    ("config", config),
    ("ledger", ledger),
    ("breaks", breaks),
    ("exchange", exchange),
    ("units", units),
    ("release", release),
):
    app.add_typer(group.app, name=name)


@app.callback()
def options(
    context: typer.Context,
    config_path: Annotated[
        Path | None, typer.Option("--config", help="Configuration; else EXECUTION_CONFIG_PATH, config/execution.yaml.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="State directory; else TRADER_STATE, STATE_DIRECTORY, ./var/<config name>.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Hold the options for the command."""
    if log_level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("--log-level is debug, info, warning or error")
    context.obj = Options(config_path, state, log_level)


def main() -> None:
    """The console script."""
    sys.exit(run())


def run() -> int:
    """Run the command line; the exit code."""
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except TraderError as error:
        typer.echo(f"trader: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _unexpected(error) if isinstance(error, ConnectionError) else _refused_by_the_system(error)
    except Exception as error:
        return _unexpected(error)
    return 0


def _refused_by_the_system(error: OSError) -> int:
    """A full disk, a file that may not be written: whoever runs the machine can mend it."""
    _log_frames("EXECUTION refused by the system", error)
    typer.echo(f"trader: {error}. Make room, or give this user access, then run the command again.", err=True)
    return ConfigurationError.exit_code


def _unexpected(error: Exception) -> int:
    """One line for the operator; the log has where it happened."""
    _log_frames("EXECUTION unexpected error", error)
    typer.echo(f"trader: unexpected {type(error).__name__}; this is a defect, please report it with the log.", err=True)
    return TraderError.exit_code


def _log_frames(event: str, error: Exception) -> None:
    """Where it happened, without the values of local variables."""
    import traceback

    import structlog

    from trader.adapters.logging import configure

    if not structlog.is_configured():
        configure()
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger().error(event, error=type(error).__name__, frames=frames)

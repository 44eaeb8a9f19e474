"""execution-monitor: beside the session, through the whole day."""

import typer

from trader.cli.context import Day, Json, options_of, today
from trader.cli.output import print_facts, print_json

app = typer.Typer()


@app.command("execution-monitor")
def execution_monitor(context: typer.Context, date: Day = None, json: Json = False) -> None:
    """Stand by the session until the close.

    What it may do is said by execution.integration. integrated: observe, and cancel in a halt. monitored: take over
    when the orders lease has been free for takeover_after_s in an unfinished session, and watch after a finished one.
    split: send the plan that the session has recorded, and watch. It never decides. On a day without a session it ends
    at once, at SIGTERM within a pass.

    Example: trader execution-monitor

    Example: trader --config config/lab.yaml execution-monitor --date 2026-03-16
    """
    from trader.bootstrap.desk import open_desk
    from trader.modes.monitor import run_monitor
    from trader.modes.outcome import require_complete

    options = options_of(context)
    options.log()
    with open_desk(options.place, follows=True) as desk:
        outcome = run_monitor(desk, date or today(desk))
    if json:
        print_json(outcome)
    else:
        facts = [("result", outcome.result), ("orders", outcome.orders), ("filled", outcome.filled)]
        print_facts(f"Monitor {outcome.session_date}", [*facts, ("detail", outcome.detail or None)])
    require_complete(outcome)

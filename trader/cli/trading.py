"""The trading day: session, eod, day, plan, replay."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli.context import Day, Json, RequiredDay, desk_of, named, options_of, today
from trader.cli.output import print_facts, print_json, print_table

if TYPE_CHECKING:
    from trader.domain.plan import Denial, Plan
    from trader.modes.desk import Desk

app = typer.Typer()


@app.command()
def session(context: typer.Context, date: Day = None, json: Json = False) -> None:
    """Trade the day's plan.

    Decides once or resumes, sends exactly once, follows every order to its end; safe to run again at any time. With
    execution.integration `integrated` it then watches until shortly before the close, with `split` it ends once the
    plan is recorded. It only observes, and exits with 0, while another process holds the orders lease.

    Example: trader session

    Example: trader session --date 2026-03-16 --json
    """
    from trader.modes.outcome import require_complete
    from trader.modes.session import run_session

    with desk_of(context) as desk:
        outcome = run_session(desk, date or today(desk))
    if json:
        print_json(outcome)
    else:
        facts = [("result", outcome.result), ("orders", outcome.orders), ("filled", outcome.filled)]
        print_facts(f"Session {outcome.session_date}", [*facts, ("detail", outcome.detail or None)])
    require_complete(outcome)


@app.command()
def eod(context: typer.Context, date: Day = None, json: Json = False) -> None:
    """Close the day and report it.

    Reconciles with the broker and proves cash to the cent; after the close.

    Example: trader eod
    """
    from trader.bootstrap.parts import report_files
    from trader.cli.reporting import print_report
    from trader.modes.eod import close_day

    with desk_of(context) as desk:
        found = close_day(desk, date or today(desk), report_files(options_of(context).place))
    if found is None:
        typer.echo("The exchange was closed: nothing to reconcile.")
        return
    print_report(options_of(context).place, found, json)


@app.command()
def day(
    context: typer.Context,
    date: Day = None,
    days: Annotated[int, typer.Option(min=1, help="How many sessions, one after another.")] = 1,
    bars: Annotated[
        Path | None, typer.Option(help="Simulated venue: real bars to trade on (Parquet), instead of synthetic ones.")
    ] = None,
    sectors: Annotated[Path | None, typer.Option(help="With --bars: CSV with the columns symbol, sector.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Simulated venue: forget the old state first.")] = False,
    json: Json = False,
) -> None:
    """Run whole days at their times.

    Preflight, session, end of day; execution-monitor follows the session where it has a part. On a simulated venue
    everything a first day needs is made before it.

    Example: trader --config config/demo.yaml day --fresh

    Example: trader --config config/demo.yaml day --bars bars.parquet --sectors sectors.csv --date 2022-03-01 --days 20
    """
    from trader.bootstrap.days import DayOrders, forget, run_days
    from trader.cli.watching import watched

    options, orders = options_of(context), DayOrders(date, days, bars, sectors)
    if fresh:
        forget(options.place, orders)
    with watched(options) as (progress, announce):
        runs = run_days(options.place, orders, progress, announce)
    from trader.cli.reporting import print_days

    print_days(options.place, runs, json)


@app.command()
def plan(context: typer.Context, date: Day = None, json: Json = False) -> None:
    """Show what would be ordered, and why.

    Sends nothing; shows the committed plan when the day was decided, and what was denied when it was sent.

    Example: trader plan --json
    """
    from trader.modes.planning import plan_day

    place = options_of(context).place
    if not place.ledger.exists():
        typer.echo(f"No ledger yet in {named(place)}", err=True)
    with desk_of(context) as desk:
        found = plan_day(desk, date or today(desk))
        stage, denied = _stage(desk, found), _denied_at_sending(desk, found)
    if json:
        print_json(found)
    else:
        _print_plan(found, stage, denied)


@app.command()
def replay(context: typer.Context, date: RequiredDay, json: Json = False) -> None:
    """Decide a past day again and compare.

    From its bars, model and configuration; the plan must come out the same to the byte.

    Example: trader replay 2026-03-16
    """
    from trader.modes.planning import replay as decide_again

    _ = options_of(context).traded
    with desk_of(context) as desk:
        outcome = decide_again(desk, date)
    if json:
        print_json({"identical": outcome.identical, "outcome": outcome})
    elif outcome.identical:
        typer.echo(f"{date}: identical, {outcome.committed_hash}")
    else:
        typer.echo(f"{date}: DIFFERENT in {', '.join(outcome.differences)}")
    raise typer.Exit(0 if outcome.identical else 1)


def _stage(desk: "Desk", found: "Plan") -> str:
    from trader.domain.journal import DayClosed, PlanCommitted

    kinds = {type(entry.event) for entry in desk.ledger.entries(found.session_date, (PlanCommitted, DayClosed))}
    if PlanCommitted not in kinds:
        return "not committed yet"
    return "committed and closed" if DayClosed in kinds else "committed"


def _denied_at_sending(desk: "Desk", found: "Plan") -> list["Denial"]:
    from trader.domain.journal import OrderDenied

    events = (entry.event for entry in desk.ledger.entries(found.session_date, (OrderDenied,)))
    return [event.denial for event in events if isinstance(event, OrderDenied) and not event.passing]


def _print_plan(found: "Plan", stage: str, denied: list["Denial"]) -> None:
    targets = {target.symbol: target for target in found.targets}
    rows = []
    for intent in found.intents:
        target = targets.get(intent.symbol)
        signal, weight = (target.signal, target.weight) if target else (None, None)
        action = "reduce" if intent.reduces else "open"
        price = intent.reference_price
        rows.append((intent.sequence, intent.symbol, intent.side, intent.quantity, price, signal, weight, action))
    title = f"Plan {found.session_date}, {stage}: {len(rows)} orders on bars up to {found.data_as_of}"
    print_table(title, ("", "symbol", "side", "shares", "close, USD", "signal", "weight", "action"), rows)
    left_out = [(each.symbol, each.code, each.detail) for each in (*found.denials, *denied)]
    left_out += [(each.symbol, each.code, each.detail) for each in found.exclusions]
    if left_out:
        print_table("Denied and left out", ("symbol", "code", "why"), left_out)

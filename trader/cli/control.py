"""Stop controls and the present state: status, halt, resume, emergency-stop."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from trader.cli.context import Json, desk_of, named, options_of
from trader.cli.output import facts_text, print_facts, print_json, units_text

if TYPE_CHECKING:
    from trader.modes.emergency import StopReport
    from trader.status.present import Status
    from trader.status.snapshot import StatusView

app = typer.Typer()


@app.command()
def status(
    context: typer.Context, json: Json = False, answer: Annotated[bool, typer.Option("--answer", hidden=True)] = False
) -> None:
    """Show the state of trading.

    From ledger and STATE file alone: asks no broker, and needs no sound configuration. On a host with units, also when
    each ran last and runs next. Who may not read the state asks the host's status socket, and sees the same.

    Example: trader status --json
    """
    from trader.bootstrap.asking import answer_for

    place = options_of(context).place
    if not answer and (told := answer_for(place)) is not None:
        _say(told.text, told.status if json else None, told.exit_code)
    from trader.bootstrap.stops import status as view

    found = view(place)
    text = _status_text(found)
    _say(text, {"status": found, "text": text} if answer else found if json else None, found.exit_code)


def _say(text: str, document: object, exit_code: int) -> NoReturn:
    """Print the document as JSON, or the text when there is none, and end."""
    if document is None:
        typer.echo(text)
    else:
        print_json(document)
    raise typer.Exit(exit_code)


@app.command()
def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; it stands in the STATE file, the ledger and `trader status`.")],
) -> None:
    """Stop sending orders.

    A running session cancels what works and ends.

    Example: trader halt --reason "prices look wrong"
    """
    from trader.bootstrap import stops

    place = options_of(context).place
    stops.halt(place, reason)
    typer.echo(f"HALT for {named(place)}: nothing new is sent. Go on with `trader resume`.")
    if unrecorded := stops.record_halt(place, reason):
        typer.echo(f"trader: the halt holds, but the ledger has no copy of it: {unrecorded}", err=True)
        raise typer.Exit(1)


@app.command()
def resume(context: typer.Context) -> None:
    """Trade again after a halt or an emergency stop.

    Example: trader resume
    """
    from trader.bootstrap.stops import resume as go_on

    with desk_of(context) as desk:
        following = go_on(desk)
    typer.echo(f"ACTIVE for {named(options_of(context).place)}. {following}")


@app.command("emergency-stop")
def emergency_stop(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why.")] = "emergency stop",
    flatten: Annotated[bool, typer.Option("--flatten", help="Close every position as well.")] = False,
    json: Json = False,
) -> None:
    """Halt, cancel everything, bar the broker.

    Cancels every open order and has the broker refuse new ones; with --flatten closes every position.

    Example: trader emergency-stop --flatten --reason "model misbehaves"
    """
    from trader.bootstrap import stops

    options = options_of(context)
    options.log()
    report = stops.emergency_stop(options.place, reason, flatten)
    if json:
        print_json(report)
    else:
        _print_stop(report, named(options.place), flatten)
    raise typer.Exit(0 if report.clean else 1)


def _print_stop(report: "StopReport", place: str, flatten: bool) -> None:
    facts: list[tuple[str, object]] = [
        ("orders cancelled", report.cancelled),
        ("orders still open", ", ".join(report.open_orders) or "none"),
        ("positions closed", ", ".join(report.closed) or "none"),
        ("positions still open", ", ".join(report.open_positions) or ("none" if flatten else "left alone")),
        ("took", f"{report.took_s} s"),
        ("not in the ledger", report.unrecorded or None),
        *(("trouble", trouble) for trouble in report.troubles),
        ("of", place),
    ]
    print_facts("Emergency stop: the broker takes no new orders", facts)


def _status_text(found: "Status") -> str:
    view = found.view
    facts: list[tuple[str, object]] = [
        ("trading", ": ".join(filter(None, (view.state.upper(), view.reason)))),
        ("plan", _plan(view) if view.plan_hash else None),
        ("orders", ", ".join(f"{count} {status}" for status, count in view.orders) or None),
        ("preflight", _preflight(view)),
        ("day closed", f"{view.closed_date} at {view.closed_at:%H:%M} UTC" if view.closed_at else None),
        ("equity", f"{view.equity_usd:,} USD" if view.equity_usd is not None else None),
        ("breaks", "; ".join(f"{each.subject}: {each.code}" for each in view.breaks) or "none"),
        ("breakers today", "; ".join(view.tripped) or "none"),
        *([("to be closed", ", ".join(view.unclosed))] if view.unclosed else []),
        ("sends orders", "; ".join(found.senders) or None),
        ("model", view.provenance.model[:12] if view.provenance else None),
        ("release", found.release),
        ("config", found.config),
        ("state", found.state),
        *([("trouble", found.trouble)] if found.trouble else []),
        *(("next", step) for step in found.next_steps),
    ]
    units = ["Units, in Chicago's time", units_text(found.units)] if found.units else []
    return "\n".join([facts_text(f"Session {view.session_date}", facts), *units])


def _plan(view: "StatusView") -> str:
    partly = f", {view.partial_orders} in part" if view.partial_orders else ""
    return f"{view.plan_hash[:12]}, {view.planned_orders} orders: {view.filled_orders} filled{partly}"


def _preflight(view: "StatusView") -> str:
    if view.preflight_date is None or view.preflight_at is None:
        return f"not passed for {view.session_date}"
    when = f"for {view.preflight_date}, at {view.preflight_at:%Y-%m-%d %H:%M} UTC"
    if view.preflight_failed:
        return f"FAILED {when}: {view.preflight_failed}"
    passed = f"passed {when}"
    return passed if view.preflight_date >= view.session_date else f"not passed for {view.session_date}; {passed}"

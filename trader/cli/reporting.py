"""What happened: report, audit; and the closing tables."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from trader.bootstrap.place import Place
from trader.cli.context import DayArgument, Json, options_of
from trader.cli.output import print_json, print_table

if TYPE_CHECKING:
    from trader.bootstrap.days import DayRun
    from trader.reporting.day_report import DayReport

app = typer.Typer()
_FIGURES = ("session", "orders", "filled", "fills", "slippage, bps", "USD", "P&L, USD", "equity, USD", "exposure", "ok")


@app.command()
def report(context: typer.Context, date: DayArgument = None, json: Json = False) -> None:
    """Make a closed day's report again.

    From the ledger alone, byte for byte.

    Example: trader report 2026-03-16
    """
    from trader.bootstrap.reports import written_again

    place = options_of(context).traded
    print_report(place, written_again(place, date), json)


@app.command()
def audit(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="DATE|ORDER", help="A session's date or an order id.")],
    json: Json = False,
) -> None:
    """Show how a day or an order came about.

    Signal, limits passed, POST and its answer, fills; with the hashes of release, config, model and data.

    Example: trader audit pt1.main.xgb.20260316.AAPL.b.p0.0.0
    """
    from trader.bootstrap.parts import require_ledger
    from trader.cli.audit import print_day, print_order
    from trader.modes.audit import DayAudit, audit_day, audit_order

    ledger = require_ledger(options_of(context).traded)
    day = _as_date(subject)
    found = audit_order(ledger, subject) if day is None else audit_day(ledger, day)
    if json:
        print_json(found)
    elif isinstance(found, DayAudit):
        print_day(found)
    else:
        print_order(found)


def print_report(place: Place, found: "DayReport", json: bool) -> None:
    """The day's row, its checks and the page's path; exit code 1 when there are breaks."""
    if json:
        print_json(found)
    else:
        print_table("End of day", _FIGURES, [_figures(found)])
        _print_left_out(found)
        print_table("Ledger and broker", ("check", "", "ledger", "broker"), _checks(found))
        typer.echo(f"Report: {_page(place, found.header.session_date)}")
    raise typer.Exit(0 if found.ok else 1)


def print_days(place: Place, runs: "Sequence[DayRun]", json: bool) -> None:
    """A row a closed day, the last page's path, and what failed; exit code 1 unless every day ended well."""
    reports = [run.report for run in runs if run.report is not None]
    if json:
        print_json([{"session_date": run.session_date, "ok": run.ok, "report": run.report} for run in runs])
    else:
        _print_closed_days(place, reports)
        for run in runs:
            _print_failures(run)
    raise typer.Exit(0 if all(run.ok for run in runs) else 1)


def _print_closed_days(place: Place, reports: "Sequence[DayReport]") -> None:
    if reports:
        print_table("", _FIGURES, [_figures(each) for each in reports])
        _print_left_out(reports[-1])
        print_table("Ledger and broker", ("check", "", "ledger", "broker"), _checks(reports[-1]))
        typer.echo(f"Report: {_page(place, reports[-1].header.session_date)}")


def _figures(found: "DayReport") -> tuple[object, ...]:
    f = found.figures
    exposure = f"{100 * f.gross_usd / f.equity_usd:.1f} %" if f.equity_usd else None
    money = (f.slippage_bps, f.slippage_usd, f.profit.total_usd, f.equity_usd)
    return (str(found.header.session_date), f.orders, f.filled, f.fills, *money, exposure, found.ok)


def _checks(found: "DayReport") -> list[tuple[object, ...]]:
    return [(check.name, check.ok, check.ours, check.broker) for check in found.checks]


def _print_left_out(found: "DayReport") -> None:
    rows = [(each.code, len(each.symbols), " ".join(each.symbols)) for each in found.exclusions]
    rows += [(each.code, 1, f"{each.symbol}: {each.detail}") for each in found.denials]
    if rows:
        print_table(f"Left out on {found.header.session_date}", ("why", "", "symbols"), rows)


def _print_failures(run: "DayRun") -> None:
    for check in run.checks.checks:
        if not check.ok:
            typer.echo(f"{run.session_date} preflight, {check.name}: {check.detail} {check.remedy}")
    if run.outcome is not None and not run.outcome.ok:
        typer.echo(f"{run.session_date} session {run.outcome.result}: {run.outcome.detail}")
    for each in run.report.breaks if run.report else ():
        typer.echo(f"{run.session_date} break, {each.code} {each.subject}: ledger {each.ours}, broker {each.broker}")


def _page(place: Place, day: date) -> str:
    return str((place.state / "reports" / f"{day:%Y%m%d}.html").resolve())


def _as_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

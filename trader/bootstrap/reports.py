"""A closed day's report, made again from the ledger."""

from datetime import date
from typing import TYPE_CHECKING

from trader.bootstrap.parts import known_universe, report_files, require_ledger
from trader.bootstrap.place import Place
from trader.domain.journal import DayClosed
from trader.domain.market import Universe

if TYPE_CHECKING:
    from trader.reporting.day_report import DayReport


def written_again(place: Place, day: date | None) -> "DayReport":
    """Write the report's files of `day` (the newest closed one when None). Raises ChecksFailed for an open day."""
    from trader.domain.canonical import dumps
    from trader.modes.eod import report_of
    from trader.reporting.page import render_html

    configuration, ledger = place.configuration(), require_ledger(place)
    newest = ledger.latest(DayClosed)
    wanted = day or (newest.event.session_date if newest else date.min)
    universe = known_universe(place, configuration) or Universe(())
    policy = configuration.settings.reporting
    report = report_of(ledger, wanted, universe, policy.top)
    report_files(place).write(wanted, render_html(report, policy.plots), dumps(report) + "\n")
    return report

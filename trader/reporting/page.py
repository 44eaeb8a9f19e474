"""The report as one self-contained page: it asks nothing of any other host, and the same report has the same bytes."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from trader.execution.reconciliation import REMEDIES
from trader.reporting import formats
from trader.reporting.day_report import DayReport, Header, OrderLine

_SHOWN_WHOLE = 20
_COSTLIEST = 8
_VENUES = {"alpaca": "Alpaca’s paper service", "simulated": "simulated exchange on this machine", "": "paper"}


def render_html(report: DayReport, with_plots: bool = True) -> str:
    """The page; `with_plots` false leaves the plots out, and matplotlib unloaded."""
    return (
        _environment()
        .get_template("day.html")
        .render(
            report=report,
            head=report.header,
            f=report.figures,
            plots=_plots(report) if with_plots else {},
            venue=_VENUES.get(report.header.venue, report.header.venue),
            remedies=REMEDIES,
            summary=_summary(report),
            prefix=_prefix(report.orders),
            costliest=_costliest(report.orders),
            provenance=_provenance(report.header),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trader.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = ("usd", "signed_usd", "percent", "signed_percent", "bps", "number", "price", "tone")
    environment.filters.update({name: getattr(formats, name) for name in names})
    environment.filters.update({"words": _words, "long_date": _long_date, "tail": _tail})
    environment.globals["share"] = _share
    return environment


def _plots(report: DayReport) -> dict[str, str]:
    from trader.reporting.plots import plots

    return plots(report)


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole else None


def _words(code: str) -> str:
    return code.replace("_", " ")


def _long_date(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _tail(client_order_id: str) -> str:
    """The part of an order id that differs within a day; a foreign id as it is."""
    parts = client_order_id.split(".", 4)
    return parts[4] if len(parts) == 5 else client_order_id


def _prefix(orders: Sequence[OrderLine]) -> str:
    return orders[0].client_order_id.removesuffix(_tail(orders[0].client_order_id)) if orders else ""


def _summary(report: DayReport) -> str:
    counted = Counter(_words(order.status) for order in report.orders)
    parts = [f"{count} {status}" for status, count in counted.most_common()]
    unsent = report.figures.unsent
    return ", ".join(parts + ([f"{unsent} planned and never sent"] if unsent else [])) + "."


def _costliest(orders: Sequence[OrderLine]) -> list[OrderLine]:
    """The orders with the largest slippage in USD; none when the whole table is short."""
    measured = [order for order in orders if order.slippage_usd is not None]
    ranked = sorted(measured, key=lambda order: (-(order.slippage_usd or 0), order.client_order_id))
    return ranked[:_COSTLIEST] if len(orders) > _SHOWN_WHOLE else []


def _provenance(header: Header) -> list[tuple[str, str]]:
    found = header.provenance
    hashes = [("Release", found.release), ("Config", found.config), ("Model", found.model)] if found else []
    data = [("Data", f"{found.data} to {header.data_as_of}")] if found else []
    return [*hashes, *data, *([("Plan", header.plan_hash)] if header.plan_hash else [])]

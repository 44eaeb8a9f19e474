"""The report's plots as inline SVG: same report, same bytes; colours and fonts are left to the page's style sheet."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trader.reporting.day_report import DayReport
from trader.reporting.formats import signed_usd, usd

_WIDTH_IN = 8.6
_SINGLE_BARS = 120  # more holdings than this are drawn as one shape
_INK, _MUTED, _RULE, _ACCENT, _GAIN, _LOSS = (f"#0a0b0{n}" for n in range(1, 7))
_VARIABLES = {_INK: "ink", _MUTED: "muted", _RULE: "rule", _ACCENT: "accent", _GAIN: "gain", _LOSS: "loss"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
}

Draw = Callable[[Axes, DayReport], None]


def plots(report: DayReport) -> dict[str, str]:
    """SVG text by the plot's name; a plot without data is absent."""
    rows = max(1, len(report.sectors))
    wanted: tuple[tuple[str, bool, float, Draw], ...] = (
        ("equity", len(report.curve) > 1, 2.2, _equity),
        ("profit", bool(report.sectors), 0.5 + 0.27 * rows, _profit),
        ("exposure", bool(report.sectors), 0.5 + 0.27 * rows, _exposure),
        ("weights", any(line.quantity for line in report.symbols), 1.9, _weights),
        ("slippage", any(line.slippage_bps is not None for line in report.orders), 1.9, _slippage),
    )
    return {name: _svg(name, height_in, draw, report) for name, there, height_in, draw in wanted if there}


def _svg(name: str, height_in: float, draw: Draw, report: DayReport) -> str:
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"trader-{name}"}):
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        draw(figure.add_subplot(), report)
        text = StringIO()
        figure.savefig(text, format="svg")
    return _for_page(name, text.getvalue())


def _for_page(name: str, svg: str) -> str:
    """Only the element itself: no prolog, no ids but those it uses, sizes by the page, colours by CSS variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{name}">', svg)
    svg = re.sub(r' id="(?:figure|axes|patch|matplotlib|xtick|ytick|line2d|text|FillBetween)[^"]*"', "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", svg)
    for sentinel, variable in _VARIABLES.items():
        svg = svg.replace(sentinel, f"var(--{variable})")
    return svg.strip()


def _equity(axes: Axes, report: DayReport) -> None:
    equity = [float(point.equity_usd) for point in report.curve]
    at = range(len(equity))
    axes.plot(at, equity, color=_ACCENT, linewidth=1.6)
    axes.fill_between(at, equity, min(equity), color=_ACCENT, alpha=0.10, linewidth=0)
    axes.plot(at[-1], equity[-1], "o", color=_ACCENT, markersize=4)
    axes.margins(x=0.01)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: usd(Decimal(value))))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    dates = [f"{point.session_date.day} {point.session_date:%b}" for point in report.curve]
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: dates[int(value)] if value == int(value) and 0 <= value < len(dates) else "")
    )


def _profit(axes: Axes, report: DayReport) -> None:
    lines = sorted(report.sectors, key=lambda line: (line.profit.total_usd, line.sector))
    totals = [float(line.profit.total_usd) for line in lines]
    axes.barh([line.sector for line in lines], totals, height=0.62, color=_tones(totals))
    _across(axes, signed_usd)


def _exposure(axes: Axes, report: DayReport) -> None:
    lines = sorted(report.sectors, key=lambda line: (line.gross_usd, line.sector))
    longs = [float((line.gross_usd + line.net_usd) / 2) for line in lines]
    shorts = [float((line.net_usd - line.gross_usd) / 2) for line in lines]
    names = [line.sector for line in lines]
    axes.barh(names, longs, height=0.62, color=_ACCENT)
    axes.barh(names, shorts, height=0.62, color=_LOSS)
    _across(axes, usd)


def _weights(axes: Axes, report: DayReport) -> None:
    weights = sorted((float(line.weight) * 100 for line in report.symbols if line.quantity), reverse=True)
    if len(weights) <= _SINGLE_BARS:
        axes.bar(range(1, len(weights) + 1), weights, width=0.8, color=_ACCENT)
    else:
        axes.stairs(weights, fill=True, color=_ACCENT)
    axes.set_xlabel("holdings, largest first")
    axes.set_ylabel("% of equity")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.margins(x=0.01)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _slippage(axes: Axes, report: DayReport) -> None:
    values = [float(line.slippage_bps) for line in report.orders if line.slippage_bps is not None]
    axes.hist(values, bins=max(5, min(40, len(values) // 3)), color=_ACCENT, rwidth=0.9)
    axes.axvline(0, color=_MUTED, linewidth=0.8)
    axes.set_xlabel("basis points against arrival price; right of zero is a cost")
    axes.set_ylabel("orders")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y")


def _across(axes: Axes, text: Callable[[Decimal], str]) -> None:
    axes.axvline(0, color=_MUTED, linewidth=0.8)
    axes.grid(axis="x")
    axes.margins(y=0.02)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(Decimal(value))))


def _tones(values: Sequence[float]) -> list[str]:
    return [_GAIN if value >= 0 else _LOSS for value in values]

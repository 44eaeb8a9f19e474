"""Price jumps that look like a split the bars were not adjusted for."""

from dataclasses import dataclass

import numpy as np

from trader.domain.bars import BarPanel

WIDTHS = {1.5: 1.5} | dict.fromkeys((2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0), 5.0)
"""The common ratios, and how many tolerances open and close may stand from each: the day moves on top of its split.

Crashes come near 3:2, so it is held to less; 4:3 and 5:4 cannot be told from news.
"""
NEWS = 3.0
"""From this multiple of the usual dollar volume on, a jump is taken for news: a split changes no dollar volume."""
USUAL_SESSIONS = 20

_NEAREST = 1.4  # no close this near to the one before can match a ratio


@dataclass(frozen=True, slots=True)
class Jump:
    """A split-like jump: row and column in the panel, ratio of new to old price, open and close over the last close."""

    row: int
    column: int
    ratio: float
    opened: float
    closed: float


def split_like(panel: BarPanel, tolerance: float) -> list[Jump]:
    """The panel's split-like jumps, oldest first.

    Open and close both stand near a ratio times the close before, and dollar volume is not that of news.
    """
    with np.errstate(invalid="ignore"):
        change = panel.close[1:] / panel.close[:-1]
        suspects = np.argwhere((change > _NEAREST) | (change < 1 / _NEAREST))
    found = (_jump(panel, int(row) + 1, int(column), tolerance) for row, column in suspects)
    return [jump for jump in found if jump]


def _jump(panel: BarPanel, row: int, column: int, tolerance: float) -> Jump | None:
    close = float(panel.close[row - 1, column])
    opened, closed = float(panel.open[row, column]) / close, float(panel.close[row, column]) / close
    for ratio, width in _ratios():
        near = max(abs(opened / ratio - 1), abs(closed / ratio - 1)) <= width * tolerance
        if near and not _is_news(panel, row, column):
            return Jump(row, column, ratio, opened, closed)
    return None


def _ratios() -> list[tuple[float, float]]:
    return [(ratio, width) for split, width in WIDTHS.items() for ratio in (split, 1 / split)]


def _is_news(panel: BarPanel, row: int, column: int) -> bool:
    """Whether dollar volume is far above its median over the sessions before; unknown counts as no."""
    before = slice(max(0, row - USUAL_SESSIONS), row)
    usual = panel.close[before, column] * panel.volume[before, column]
    usual = usual[usual > 0]
    traded = float(panel.close[row, column] * panel.volume[row, column])
    return bool(usual.size) and traded > NEWS * float(np.median(usual))

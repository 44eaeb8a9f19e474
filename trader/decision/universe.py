"""Which symbols may be traded on the day, and which bars are missing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from trader.decision.splits import Jump, split_like
from trader.domain.bars import BarPanel
from trader.domain.plan import Exclusion
from trader.domain.policy import DataPolicy


def screen(panel: BarPanel, policy: DataPolicy) -> tuple[Exclusion, ...]:
    """The symbols whose bars do not bear a decision, in the panel's order, each with the first code that applies:

    no_bars, stale, short_history, gap, split_like, zero_volume, low_price.
    """
    jumps = {jump.column: jump for jump in split_like(panel, float(policy.split_tolerance))}
    found = (_exclusion(panel, column, jumps.get(column), policy) for column in range(len(panel.symbols)))
    return tuple(exclusion for exclusion in found if exclusion)


def _exclusion(panel: BarPanel, column: int, jump: Jump | None, policy: DataPolicy) -> Exclusion | None:
    rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
    code, detail = _reason(panel, column, rows.tolist(), jump, policy)
    return Exclusion(panel.symbols[column], code, detail) if code else None


def _reason(
    panel: BarPanel, column: int, rows: Sequence[int], jump: Jump | None, policy: DataPolicy
) -> tuple[str, str]:
    """Code and detail; both empty for a symbol that may be traded."""
    if not rows:
        return "no_bars", f"no bar in {len(panel.dates)} sessions"
    last, missing = rows[-1], rows[-1] - rows[0] + 1 - len(rows)
    close, volume = float(panel.close[last, column]), float(panel.volume[last, column])
    behind = len(panel.dates) - 1 - last
    reasons = {
        "stale": (behind > policy.max_stale_sessions, f"last bar {panel.dates[last]}, {behind} sessions old"),
        "short_history": (
            len(rows) < policy.min_history_sessions,
            f"{len(rows)} bars, {policy.min_history_sessions} needed",
        ),
        "gap": (missing > 0, f"{missing} sessions without a bar since {panel.dates[rows[0]]}"),
        "split_like": (jump is not None, _described(panel, jump) if jump else ""),
        "zero_volume": (volume == 0, f"no share traded on {panel.dates[last]}"),
        "low_price": (close < policy.min_price_usd, f"closed at {close:.4f} USD, {policy.min_price_usd} needed"),
    }
    return next(((code, detail) for code, (holds, detail) in reasons.items() if holds), ("", ""))


def _described(panel: BarPanel, jump: Jump) -> str:
    ratio = f"{jump.ratio:g}" if jump.ratio > 1 else f"1/{1 / jump.ratio:g}"
    return (
        f"{panel.dates[jump.row]} opened at {jump.opened:.4f} and closed at {jump.closed:.4f} of the close before, "
        f"near {ratio}"
    )


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Bars to ask for: symbols (sorted), first and last date, both included."""

    symbols: tuple[str, ...]
    start: date
    end: date


def missing_ranges(
    last_dates: Mapping[str, date],
    symbols: Iterable[str],
    sessions: Sequence[date],
    refetch: Collection[str] = (),
) -> tuple[BarRequest, ...]:
    """The bars that are missing up to the last of `sessions`, symbols with the same first missing session together.

    `sessions` are the ascending session dates a decision reads; a symbol without bars, or in `refetch` (its bars are to
    be replaced, after a split), is asked for from the first of them.
    """
    groups: dict[date, list[str]] = defaultdict(list)
    for symbol in sorted(set(symbols)):
        last = None if symbol in refetch else last_dates.get(symbol)
        start = next((day for day in sessions if last is None or day > last), None)
        if start:
            groups[start].append(symbol)
    return tuple(BarRequest(tuple(names), start, sessions[-1]) for start, names in sorted(groups.items()))

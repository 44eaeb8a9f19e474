"""Ranks along the rows of a panel."""

import numpy as np

from trader.domain.bars import Panel


def doubled_ranks(values: Panel) -> Panel:
    """2 r - 1 along each row, r the average rank; NaN sort last and their ranks mean nothing."""
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    begins = np.ones(values.shape, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones(values.shape, dtype=bool)
    ends[:, :-1] = begins[:, 1:]
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, places, values.shape[1])[:, ::-1], axis=1)[:, ::-1]
    doubled = np.empty_like(values)
    np.put_along_axis(doubled, order, (first + last + 1).astype(np.float64), axis=1)
    return doubled


def percentile_ranks(values: Panel) -> Panel:
    """(r - 1/2) / n along each row, r the average rank among its n numbers; NaN stays NaN."""
    known = ~np.isnan(values)
    counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, doubled_ranks(values) / (2 * counts), np.nan)

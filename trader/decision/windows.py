"""Values over moving windows of sessions, by merging blocks of doubling length.

Each window is merged by one tree that depends on its length alone, and only with + - x / and square roots: a value is
the same to the last bit whether the panel begins a day or ten years before it. Rows whose window is not full, or holds
a NaN, are NaN.
"""

from collections.abc import Callable

import numpy as np

from trader.domain.bars import Panel

State = tuple[Panel, ...]
Merge = Callable[[State, int, State, int], State]


def before(values: Panel, sessions: int) -> Panel:
    """The value `sessions` rows earlier."""
    shifted = np.full_like(values, np.nan)
    shifted[sessions:] = values[: max(0, len(values) - sessions)]
    return shifted


def mean(values: Panel, window: int) -> Panel:
    """Arithmetic mean of the last `window` rows."""
    return _over(window, (values,), _add)[0] / window


def deviation(values: Panel, window: int) -> Panel:
    """Sample standard deviation of the last `window` rows (divisor window - 1)."""
    return np.sqrt(_over(window, (values, np.where(np.isnan(values), np.nan, 0.0)), _moments)[1] / (window - 1))


def highest(values: Panel, window: int) -> Panel:
    """Maximum of the last `window` rows."""
    return _over(window, (values,), lambda a, _, b, __: (np.maximum(a[0], b[0]),))[0]


def lowest(values: Panel, window: int) -> Panel:
    """Minimum of the last `window` rows."""
    return _over(window, (values,), lambda a, _, b, __: (np.minimum(a[0], b[0]),))[0]


def _add(a: State, _: int, b: State, __: int) -> State:
    return (a[0] + b[0],)


def _moments(a: State, size_a: int, b: State, size_b: int) -> State:
    """Mean and sum of squared deviations of two blocks together (Chan, Golub and LeVeque, 1979)."""
    size, delta = size_a + size_b, b[0] - a[0]
    return a[0] + delta * (size_b / size), a[1] + b[1] + delta * delta * (size_a * size_b / size)


def _over(window: int, block: State, merge: Merge) -> State:
    """Merge every run of `window` rows; `block` holds what a single row means."""
    rows = len(block[0]) - window + 1
    padded = tuple(np.full_like(part, np.nan) for part in block)
    if rows < 1:
        return padded
    size, covered = 1, 0
    found: State = ()
    while covered < window:
        if window & size:
            piece = tuple(part[covered : covered + rows] for part in block)
            found = merge(found, covered, piece, size) if found else piece
            covered += size
        if covered < window:
            block = merge(tuple(part[:-size] for part in block), size, tuple(part[size:] for part in block), size)
            size *= 2
    for whole, part in zip(padded, found, strict=True):
        whole[window - 1 :] = part
    return padded

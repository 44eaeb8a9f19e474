"""What the gate must know of each symbol of the plan, from the bars: the one place that measures it."""

from collections.abc import Collection, Mapping
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from trader.domain.bars import BarPanel
from trader.domain.market import Universe
from trader.domain.plan import Trait
from trader.domain.policy import RiskPolicy

_SHARE = Decimal(1)
_NONE = Decimal(0)


def traits(
    panel: BarPanel, symbols: Collection[str], prices: Mapping[str, Decimal], universe: Universe, risk: RiskPolicy
) -> dict[str, Trait]:
    """The traits of `symbols`; volume is not known (0) for one without a bar in each of the last adv_sessions."""
    names = sorted(symbols)
    sectors = dict(universe.sectors)
    volume, together = _volumes(panel, risk.adv_sessions), correlated(panel, names, risk)
    return {
        s: Trait(s, sectors.get(s, "unclassified"), prices[s], volume.get(s, _NONE), together.get(s, ())) for s in names
    }


def correlated(panel: BarPanel, symbols: Collection[str], risk: RiskPolicy) -> dict[str, tuple[str, ...]]:
    """For each symbol those whose daily log returns correlate with its own at correlation_threshold or more.

    Pearson's coefficient over correlation_sessions in steps of 1e-6; a symbol with a missing bar or a constant price
    moves with none. Empty when max_correlation_exposure is no less than max_gross_exposure: no group can be larger
    than the whole.
    """
    if risk.max_correlation_exposure >= risk.max_gross_exposure:
        return {}
    columns = [column for column, symbol in enumerate(panel.symbols) if symbol in symbols]
    close = panel.last(risk.correlation_sessions + 1).close[:, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.diff(np.log(close), axis=0)
        usable = np.isfinite(returns).all(axis=0) & (returns.std(axis=0) > 0)
    if len(close) <= risk.correlation_sessions or not usable.any():
        return {}
    names = [panel.symbols[column] for column, known in zip(columns, usable, strict=True) if known]
    steps = np.rint(np.atleast_2d(np.corrcoef(returns[:, usable], rowvar=False)) * 1e6).astype(int)
    near = steps >= int(risk.correlation_threshold * 1_000_000)
    np.fill_diagonal(near, val=False)
    return {name: tuple(names[n] for n in np.flatnonzero(row)) for name, row in zip(names, near, strict=True)}


def _volumes(panel: BarPanel, sessions: int) -> dict[str, Decimal]:
    """Mean daily volume in whole shares, rounded down."""
    recent = panel.last(sessions).volume
    if len(recent) < sessions:
        return {}
    means = zip(panel.symbols, recent.mean(axis=0), strict=True)
    return {s: Decimal(float(mean)).quantize(_SHARE, ROUND_FLOOR) for s, mean in means if np.isfinite(mean)}

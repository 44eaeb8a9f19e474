"""From the model's predictions to each symbol's rank for the day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from trader.decision.features import FEATURES, features
from trader.decision.model import Ranker
from trader.domain.bars import BarPanel, Panel
from trader.domain.errors import ChecksFailed, ConfigurationError
from trader.domain.plan import Exclusion

MICRO = Decimal("0.000001")

LARGEST = 1e9
"""No prediction of a rank is beyond this, nor NaN."""

LEAST_DISTINCT_SHARE = Decimal("0.1")
"""The share of the symbols a model must tell apart, unless the policy says otherwise."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Rank in [0, 1] of each symbol that could be ranked (1 best, steps of 1e-6), and the symbols that could not."""

    ranks: dict[str, Decimal]
    exclusions: tuple[Exclusion, ...]


def signal(
    panel: BarPanel,
    sectors: Sequence[str],
    excluded: Collection[str],
    ranker: Ranker,
    least_distinct: Decimal = LEAST_DISTINCT_SHARE,
) -> Signals:
    """Rank the symbols on the panel's last session by the model's prediction; ties go to the earlier symbol.

    Excluded symbols take no part, not even in the ranks of the features. Raises ConfigurationError when the model was
    trained on other features, ChecksFailed when its predictions are no ranking: not finite, or a smaller share of them
    than `least_distinct` is distinct.
    """
    if ranker.features != FEATURES:
        raise ConfigurationError(
            f"model {ranker.hash[:12]}",
            "it was trained on other features than this release computes",
            "Train a model with this release and promote it, or go back to the release that trained it.",
        )
    values = features(_without(panel, excluded), sectors, last_only=True)[0]
    known = ~np.isnan(values).any(axis=1)
    symbols = [symbol for symbol, usable in zip(panel.symbols, known, strict=True) if usable]
    missing = [s for s, usable in zip(panel.symbols, known, strict=True) if not usable and s not in excluded]
    detail = f"not all {len(FEATURES)} features of {panel.dates[-1]} can be computed"
    return Signals(
        _ranks(dict(zip(symbols, _predictions(ranker, values[known], least_distinct), strict=True))),
        tuple(Exclusion(symbol, "features_missing", detail) for symbol in missing),
    )


def _without(panel: BarPanel, excluded: Collection[str]) -> BarPanel:
    close = panel.close.copy()
    close[:, [symbol in excluded for symbol in panel.symbols]] = np.nan
    return replace(panel, close=close)


def _predictions(ranker: Ranker, values: Panel, least_distinct: Decimal) -> list[Decimal]:
    """Predictions in steps of 1e-6, so that the last bits of another machine do not reorder them."""
    if len(values) < 2:
        raise ChecksFailed(
            f"only {len(values)} symbols can be ranked",
            "Run `trader preflight`: it fetches missing bars and says why symbols are left out.",
        )
    predicted = ranker.predict(np.ascontiguousarray(values))
    model = f"model {ranker.hash[:12]}"
    remedy = "Promote another model with `trader model promote`, or train one; nothing is traded on this one."
    if predicted.shape != (len(values),) or not (np.abs(predicted) < LARGEST).all():
        raise ChecksFailed(f"{model} predicts values that are no usable numbers", remedy)
    steps = [Decimal(float(value)).quantize(MICRO, ROUND_HALF_EVEN) for value in predicted]
    if len(set(steps)) < max(Decimal(2), least_distinct * len(steps)):
        raise ChecksFailed(f"{model} predicts only {len(set(steps))} values for {len(steps)} symbols", remedy)
    return steps


def _ranks(predictions: dict[str, Decimal]) -> dict[str, Decimal]:
    best_first = sorted(predictions, key=lambda symbol: (-predictions[symbol], symbol))
    steps = len(best_first) - 1
    ranks = {s: (Decimal(steps - n) / steps).quantize(MICRO, ROUND_HALF_EVEN) for n, s in enumerate(best_first)}
    return dict(sorted(ranks.items()))

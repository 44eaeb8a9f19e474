"""Rankers that need no training."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from trader.decision.features import FEATURES
from trader.domain.bars import Panel


def momentum(features: Panel) -> Panel:
    """Score by the three momentum columns, weighted so that ties are rare."""
    columns = [n for n, name in enumerate(FEATURES) if name.startswith("momentum")]
    return 0.50 * features[:, columns[0]] + 0.31 * features[:, columns[1]] + 0.19 * features[:, columns[2]]


@dataclass(frozen=True, slots=True)
class FormulaRanker:
    """decision.model.Ranker that scores by a formula."""

    formula: Callable[[Panel], Panel] = momentum
    hash: str = "f" * 64
    features: tuple[str, ...] = FEATURES
    trained_until: date = date(2026, 1, 2)

    def predict(self, features: Panel) -> Panel:
        """The formula's score of each row."""
        return np.asarray(self.formula(features), dtype=np.float64)

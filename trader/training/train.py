"""Train a ranker on daily bars.

The target is what a trade earns: decided after the close of t, bought at the open of t + 1, replaced at the open of
t + 2, so the return from open t + 1 to open t + 2, as a percentile rank among the symbols of the date. Ranks as target
make every date count alike, crash or calm, so plain squared error serves; a pairwise objective would sample pairs to
learn the same order. The fit is the same to the byte for the same bars, whatever the number of threads.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from trader.decision.contract import HeldOut, ModelContract, Trained
from trader.decision.features import BARS_NEEDED, FEATURES, features, fingerprint
from trader.decision.ranks import percentile_ranks
from trader.decision.splits import split_like
from trader.domain.bars import BarPanel, Panel
from trader.domain.errors import ChecksFailed
from trader.domain.policy import ModelPolicy

if TYPE_CHECKING:
    import xgboost

TARGET = "percentile rank of open[t+2] / open[t+1] - 1 among the symbols of t"
AHEAD = 2
"""Sessions after t that its target reads."""
HELD_OUT_SHARE = 0.2
LEAST_SESSIONS = 60
SPLIT_TOLERANCE = 0.02
THREADS = 2

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    """T x S x F features and T x S returns and targets; NaN where a symbol is no example on a date."""

    dates: tuple[date, ...]
    features: Panel
    returns: Panel
    targets: Panel

    def rows(self, sessions: slice) -> tuple[Rows, Rows]:
        """The examples of some sessions as N x F and N."""
        targets = self.targets[sessions]
        known = ~np.isnan(targets)
        return self.features[sessions][known].astype(np.float32), targets[known].astype(np.float32)


def train(panel: BarPanel, sectors: Sequence[str], policy: ModelPolicy) -> Trained:
    """Learn from the panel's last `train_sessions` examples; `trained_until` is the panel's last date.

    The newest fifth is held out to measure a first fit, then all of it goes into the model. A symbol with a split-like
    jump is left out. Raises ChecksFailed when there is too little to learn from.
    """
    seen = panel.last(policy.train_sessions + AHEAD + BARS_NEEDED - 1)
    examples = _examples(seen, sectors, policy.train_sessions)
    count = len(examples.dates)
    if count < LEAST_SESSIONS:
        raise ChecksFailed(
            f"{count} sessions to learn from, {LEAST_SESSIONS} needed: each needs {BARS_NEEDED - 1} before it "
            f"and {AHEAD} after it, and at least two symbols",
            "Import or update bars with a longer history.",
        )
    held_out = _held_out(examples, round(count * (1 - HELD_OUT_SHARE)), policy)
    matrix, targets = examples.rows(slice(None))
    model = bytes(_fit(matrix, targets, policy).save_raw("ubj"))
    contract = ModelContract(
        name=policy.name,
        target=TARGET,
        features=FEATURES,
        feature_meaning=fingerprint(),
        trained_from=examples.dates[0],
        trained_until=panel.dates[-1],
        symbols=int((~np.isnan(examples.targets)).any(axis=0).sum()),
        rows=len(targets),
        bars=seen.digest(),
        policy=policy,
        held_out=held_out,
        xgboost=_library().__version__,
        model_sha256=hashlib.sha256(model).hexdigest(),
    )
    return Trained(contract, model)


def _library() -> Any:
    import xgboost

    return xgboost


def _examples(panel: BarPanel, sectors: Sequence[str], sessions: int) -> _Examples:
    """The newest `sessions` dates with at least two symbols whose features and target are known."""
    values = features(panel, sectors)
    returns = np.full(panel.open.shape, np.nan)
    returns[:-AHEAD] = panel.open[AHEAD:] / panel.open[1 : 1 - AHEAD] - 1
    returns[np.isnan(values).any(axis=2)] = np.nan
    returns[:, [jump.column for jump in split_like(panel, SPLIT_TOLERANCE)]] = np.nan
    rows = np.flatnonzero((~np.isnan(returns)).sum(axis=1) > 1)[-sessions:]
    dates = tuple(panel.dates[row] for row in rows)
    return _Examples(dates, values[rows], returns[rows], percentile_ranks(returns[rows]))


def _held_out(examples: _Examples, split: int, policy: ModelPolicy) -> HeldOut:
    """Fit on the sessions before `split`, less those whose targets reach beyond it, and measure on the rest."""
    booster = _fit(*examples.rows(slice(0, split - AHEAD)), policy)
    correlations = []
    for session in range(split, len(examples.dates)):
        known = ~np.isnan(examples.returns[session])
        predicted = booster.inplace_predict(examples.features[session][known].astype(np.float32))
        correlations.append(_rank_correlation(predicted, examples.returns[session][known]))
    mean, spread = float(np.mean(correlations)), float(np.std(correlations, ddof=1))
    t_statistic = mean / spread * math.sqrt(len(correlations)) if spread > 0 else 0.0
    return HeldOut(
        examples.dates[split], examples.dates[-1], len(correlations), _decimal(mean, 5), _decimal(t_statistic, 2)
    )


def _rank_correlation(predicted: npt.NDArray[Any], returns: Panel) -> float:
    """Spearman's correlation; 0 where one side does not vary."""
    a, b = (percentile_ranks(np.asarray(side, dtype=np.float64)[None])[0] - 0.5 for side in (predicted, returns))
    scale = math.sqrt(float((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _decimal(value: float, places: int) -> Decimal:
    return Decimal(f"{value:.{places}f}")


def _fit(matrix: Rows, targets: Rows, policy: ModelPolicy) -> "xgboost.Booster":
    parameters = {
        "objective": "reg:squarederror",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_bin": 64,
        "max_depth": policy.max_depth,
        "learning_rate": float(policy.learning_rate),
        "subsample": 0.7,
        "colsample_bytree": 0.7,
        "seed": policy.seed,
        "nthread": THREADS,
        "verbosity": 0,
    }
    library = _library()
    data = library.QuantileDMatrix(matrix, targets, max_bin=64, nthread=THREADS, feature_names=list(FEATURES))
    booster: xgboost.Booster = library.train(parameters, data, num_boost_round=policy.rounds)
    return booster

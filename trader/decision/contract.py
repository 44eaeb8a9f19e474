"""A trained model as a document: what it was trained on, how it did on sessions it had not seen, and its bytes."""

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trader.domain import canonical
from trader.domain.policy import ModelPolicy


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rank correlation of prediction and return by session on the newest sessions, by a model that had not seen them.

    `t_statistic` is mean / standard error over the sessions: a measurement of the past, no promise.
    """

    first: date
    last: date
    sessions: int
    mean_rank_ic: Decimal
    t_statistic: Decimal


@dataclass(frozen=True, slots=True)
class ModelContract:
    """What the bytes beside it are and may be used for.

    `feature_meaning` is the fingerprint of the features' values, `bars` the digest of the panel trained on.
    """

    name: str
    target: str
    features: tuple[str, ...]
    feature_meaning: str
    trained_from: date
    trained_until: date
    symbols: int
    rows: int
    bars: str
    policy: ModelPolicy
    held_out: HeldOut
    xgboost: str
    model_sha256: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Trained:
    """A contract and the model it speaks of (XGBoost's UBJSON)."""

    contract: ModelContract
    model: bytes

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the contract's canonical text and the model."""
        return artifact_hash(canonical.dumps(self.contract).encode(), self.model)


def artifact_hash(contract: bytes, model: bytes) -> str:
    """SHA-256 (hex) over both files of an artifact."""
    return hashlib.sha256(contract + model).hexdigest()

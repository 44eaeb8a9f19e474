"""What a decision needs of a model."""

from datetime import date
from typing import Protocol

from trader.domain.bars import Panel


class Ranker(Protocol):
    """A trained model whose contract names the features it was trained on."""

    @property
    def hash(self) -> str:
        """SHA-256 of the artifact."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the feature columns, in order."""
        ...

    @property
    def trained_until(self) -> date:
        """Date of the last bar the training saw."""
        ...

    def predict(self, features: Panel) -> Panel:
        """One score a row (higher is better) for an S x F matrix; float64, finite."""
        ...

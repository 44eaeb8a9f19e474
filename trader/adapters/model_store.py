"""Model artifacts on disk: one directory each, named by the beginning of its hash, and the list of promotions.

An artifact is read whole and checked before a number of it is used. XGBoost is imported by the first prediction.
"""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from trader.adapters import durable
from trader.decision.contract import ModelContract, Trained, artifact_hash
from trader.decision.features import FEATURES, fingerprint
from trader.domain import canonical
from trader.domain.bars import Panel
from trader.domain.errors import ConfigurationError

_NAME_LENGTH = 12
_RETRAIN = "Train a model with `trader model train`, or promote another one; `trader model list` shows them."


@dataclass(frozen=True, slots=True)
class StoredModel:
    """An artifact in the store: `contract` when it may be used, else the `problem`; `promoted` when it is to trade."""

    hash: str
    contract: ModelContract | None
    promoted: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BoosterRanker:
    """decision.model.Ranker over an artifact."""

    hash: str
    contract: ModelContract
    model: bytes

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the feature columns, in order."""
        return self.contract.features

    @property
    def trained_until(self) -> date:
        """Date of the last bar the training saw."""
        return self.contract.trained_until

    def predict(self, features: Panel) -> Panel:
        """One score a row (higher is better)."""
        return np.asarray(_booster(self.model).inplace_predict(features.astype(np.float32)), dtype=np.float64)


@cache
def _booster(model: bytes) -> Any:
    import xgboost

    return xgboost.Booster({"nthread": 1}, model_file=bytearray(model))


class ModelStore:
    """ports.stores.ModelStore in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, trained: Trained) -> str:
        """Store the artifact, durably; its hash. Storing it again changes nothing."""
        target = self._directory / trained.hash[:_NAME_LENGTH]
        if not target.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=self._directory, prefix=".draft-"))
            durable.replace(draft / "model.ubj", trained.model)
            durable.replace(draft / "contract.json", canonical.dumps(trained.contract).encode())
            draft.rename(target)
            durable.sync_directory(self._directory)
        return trained.hash

    def promoted(self) -> BoosterRanker:
        """The promoted model. Raises ConfigurationError when there is none or it cannot be trusted."""
        promotions = self.promotions()
        if not promotions:
            raise ConfigurationError(str(self._directory), "no model is promoted", _RETRAIN)
        return self.load(promotions[-1][1])

    def load(self, model_hash: str) -> BoosterRanker:
        """The artifact of this hash, or of the only one that begins so. Raises ConfigurationError."""
        return self._checked(self._found(model_hash), model_hash)

    def list(self) -> tuple[StoredModel, ...]:
        """Every artifact, usable or not, by the last date of its training."""
        promoted = "".join(name for _, name in self.promotions()[-1:])
        models = [self._described(path, promoted.startswith(path.name)) for path in self._directories()]
        return tuple(sorted(models, key=lambda m: (m.contract.trained_until if m.contract else date.min, m.hash)))

    def promote(self, model_hash: str, at: datetime) -> str:
        """Let this artifact trade from now on; its full hash. It is checked first."""
        full = self.load(model_hash).hash
        lines = [f"{when.isoformat()} {promoted}\n" for when, promoted in (*self.promotions(), (at, full))]
        durable.replace(self._promotions, "".join(lines).encode())
        return full

    def promotions(self) -> tuple[tuple[datetime, str], ...]:
        """When (UTC) which artifact was promoted, oldest first."""
        if not self._promotions.exists():
            return ()
        try:
            lines = [line.split(" ") for line in self._promotions.read_text().splitlines()]
            return tuple((datetime.fromisoformat(when), promoted) for when, promoted in lines)
        except ValueError as error:
            raise ConfigurationError(
                str(self._promotions), f"cannot be read ({error})", "Move it away and promote a model again."
            ) from error

    @property
    def _promotions(self) -> Path:
        return self._directory / "PROMOTED"

    def _directories(self) -> tuple[Path, ...]:
        return tuple(sorted(path for path in self._directory.glob("[0-9a-f]*") if path.is_dir()))

    def _found(self, model_hash: str) -> Path:
        name = model_hash[:_NAME_LENGTH]
        found = [path for path in self._directories() if name and path.name.startswith(name)]
        if len(found) != 1:
            problem = f"{len(found)} artifacts begin with {model_hash!r}" if found else f"no artifact {model_hash!r}"
            raise ConfigurationError(str(self._directory), problem, _RETRAIN)
        return found[0]

    def _described(self, path: Path, promoted: bool) -> StoredModel:
        try:
            model = self._checked(path, "")
        except ConfigurationError as error:
            return StoredModel(path.name, None, promoted, error.what)
        return StoredModel(model.hash, model.contract, promoted)

    def _checked(self, path: Path, model_hash: str) -> BoosterRanker:
        with durable.explained(path):
            text, model = (path / "contract.json").read_bytes(), (path / "model.ubj").read_bytes()
        full = artifact_hash(text, model)
        if full[:_NAME_LENGTH] != path.name or not full.startswith(model_hash):
            raise ConfigurationError(str(path), "its files were edited or cut short: the hash does not match", _RETRAIN)
        try:
            contract = canonical.loads(ModelContract, text)
        except ValidationError as error:
            raise ConfigurationError(str(path / "contract.json"), "another release wrote it", _RETRAIN) from error
        if (contract.features, contract.feature_meaning) != (FEATURES, fingerprint()):
            raise ConfigurationError(
                str(path), "it was trained on features this release computes otherwise, or not at all", _RETRAIN
            )
        return BoosterRanker(full, contract, model)

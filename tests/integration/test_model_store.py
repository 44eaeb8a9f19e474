"""Model artifacts: nothing but what was trained and promoted may trade."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.support.markets import random_panel, sectors_of
from trader.adapters.model_store import ModelStore
from trader.decision.contract import Trained
from trader.decision.features import features
from trader.decision.signal import signal
from trader.domain.errors import ConfigurationError
from trader.domain.policy import ModelPolicy
from trader.training.train import train

PANEL = random_panel(seed=22, symbols=12, sessions=340)
SECTORS = sectors_of(PANEL)
AT = datetime(2026, 3, 16, 13, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(PANEL, SECTORS, ModelPolicy(train_sessions=120, rounds=12, max_depth=3))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def directory(store: ModelStore, model_hash: str) -> Path:
    return store._directory / model_hash[:12]


def test_a_model_goes_in_and_comes_out_ready_to_rank(store: ModelStore, trained: Trained) -> None:
    model_hash = store.save(trained)
    assert store.save(trained) == model_hash == trained.hash
    ranker = store.load(model_hash)
    assert (ranker.hash, ranker.features, ranker.trained_until) == (
        trained.hash,
        trained.contract.features,
        PANEL.dates[-1],
    )
    ranks = signal(PANEL, SECTORS, frozenset(), ranker).ranks
    scores = ranker.predict(features(PANEL, SECTORS, last_only=True)[0])
    assert scores.dtype == np.float64
    assert max(ranks, key=ranks.__getitem__) == PANEL.symbols[int(np.argmax(scores))]
    assert store.load(model_hash[:6]) == ranker


def test_only_a_promoted_model_trades_and_promotions_are_remembered(store: ModelStore, trained: Trained) -> None:
    with pytest.raises(ConfigurationError, match=r"no model is promoted.*model train"):
        store.promoted()
    second = replace(trained, contract=replace(trained.contract, name="second"))
    for artifact in (trained, second):
        store.save(artifact)
    assert store.promote(trained.hash[:12], AT) == trained.hash
    store.promote(second.hash, AT)
    assert store.promoted().hash == second.hash
    assert [(model.hash, model.promoted) for model in store.list()] == sorted(
        [(trained.hash, False), (second.hash, True)]
    )
    store.promote(trained.hash, AT)
    assert ModelStore(store._directory).promoted().hash == trained.hash
    assert store.promotions() == ((AT, trained.hash), (AT, second.hash), (AT, trained.hash))


@pytest.mark.parametrize("name", ["model.ubj", "contract.json"])
@pytest.mark.parametrize("edit", [lambda b: b[:-1], lambda b: b.replace(b"2", b"3", 1), lambda b: b + b"\n"])
def test_an_edited_or_cut_artifact_is_refused(store: ModelStore, trained: Trained, name: str, edit: object) -> None:
    assert callable(edit)
    store.promote(store.save(trained), AT)
    file = directory(store, trained.hash) / name
    file.write_bytes(edit(file.read_bytes()))
    for use in (store.promoted, lambda: store.load(trained.hash), lambda: store.promote(trained.hash, AT)):
        with pytest.raises(ConfigurationError, match=r"edited or cut short.*model list"):
            use()
    (listed,) = store.list()
    assert (listed.contract, listed.promoted) == (None, True)
    assert "edited or cut short" in listed.problem


def test_a_swapped_artifact_is_not_the_one_that_was_promoted(store: ModelStore, trained: Trained) -> None:
    """Whoever copies another model's files into the place of the promoted one changes its hash."""
    other = replace(trained, contract=replace(trained.contract, name="other"))
    store.promote(store.save(trained), AT)
    store.save(other)
    for name in ("model.ubj", "contract.json"):
        (directory(store, trained.hash) / name).write_bytes((directory(store, other.hash) / name).read_bytes())
    with pytest.raises(ConfigurationError, match="edited or cut short"):
        store.promoted()


def test_a_model_for_features_that_mean_something_else_is_refused(store: ModelStore, trained: Trained) -> None:
    for change in ({"feature_meaning": "0" * 64}, {"features": trained.contract.features[::-1]}):
        foreign = store.save(replace(trained, contract=replace(trained.contract, **change)))
        with pytest.raises(ConfigurationError, match="features this release computes otherwise"):
            store.promote(foreign, AT)


def test_unknown_hashes_missing_files_and_broken_lists_are_named(store: ModelStore, trained: Trained) -> None:
    store.promote(store.save(trained), AT)
    for wrong in ("", "0000", trained.hash[:12] + "0" * 52):
        with pytest.raises(ConfigurationError, match=r"no artifact|hash does not match"):
            store.load(wrong)
    (directory(store, trained.hash) / "model.ubj").unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        store.promoted()
    (store._directory / "PROMOTED").write_text("yesterday\n")
    with pytest.raises(ConfigurationError, match=r"PROMOTED: cannot be read"):
        store.promoted()


def test_looking_at_models_imports_no_xgboost(store: ModelStore, trained: Trained) -> None:
    store.promote(store.save(trained), AT)
    code = (
        "import sys; from pathlib import Path; from trader.adapters.model_store import ModelStore\n"
        "store = ModelStore(Path(sys.argv[1])); store.list(); store.promoted()\n"
        "print(sorted({'pandas', 'scipy', 'xgboost'} & set(sys.modules)))\n"
    )
    run = [sys.executable, "-c", code, str(store._directory)]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"

"""Training: the same bars give the same bytes, the future gives nothing, and what is there to learn is learnt."""

from dataclasses import replace
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from tests.support.markets import random_panel, sectors_of
from trader.decision.contract import Trained
from trader.decision.features import BARS_NEEDED, FEATURES
from trader.domain.bars import BarPanel, Panel
from trader.domain.errors import ChecksFailed
from trader.domain.policy import ModelPolicy
from trader.training import train as training
from trader.training.train import train

POLICY = ModelPolicy(train_sessions=120, rounds=20, max_depth=3)
PANEL = random_panel(seed=21, symbols=30, sessions=400)


@cache
def trained() -> Trained:
    return train(PANEL, sectors_of(PANEL), POLICY)


def with_prices(panel: BarPanel, factors: Panel) -> BarPanel:
    fields = {name: getattr(panel, name) * factors for name in ("open", "high", "low", "close")}
    return replace(panel, **fields)


def test_the_same_bars_give_the_same_bytes_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(PANEL, sectors_of(PANEL), POLICY) == trained()
    monkeypatch.setattr(training, "THREADS", 1)
    assert train(PANEL, sectors_of(PANEL), POLICY).hash == trained().hash


def test_what_is_older_than_the_training_needs_changes_nothing() -> None:
    first = len(PANEL.dates) - POLICY.train_sessions - BARS_NEEDED - 1
    factors = np.ones((400, 30))
    factors[:first] = 1.2
    assert train(with_prices(PANEL, factors), sectors_of(PANEL), POLICY) == trained()
    factors[first, 3] = 1.2
    assert train(with_prices(PANEL, factors), sectors_of(PANEL), POLICY) != trained()


def test_the_contract_says_what_was_done() -> None:
    contract = trained().contract
    assert contract.features == FEATURES
    assert (contract.trained_from, contract.trained_until) == (PANEL.dates[-122], PANEL.dates[-1])
    assert (contract.symbols, contract.rows) == (30, 3600)
    assert (contract.held_out.sessions, contract.held_out.last) == (24, PANEL.dates[-3])
    assert contract.policy == POLICY


def test_noise_is_not_called_skill() -> None:
    assert abs(trained().contract.held_out.t_statistic) < Decimal(4)


def test_a_pattern_that_is_there_is_found_where_it_was_not_trained() -> None:
    """Symbols whose 20-session return ranks high go up from the next open to the one after."""
    draw = np.random.default_rng(4)
    persistent = np.repeat(draw.normal(0, 0.006, (20, 30)), 20, axis=0)
    trending = with_prices(PANEL, np.exp(np.cumsum(persistent, axis=0)))
    held_out = train(trending, sectors_of(PANEL), POLICY).contract.held_out
    assert held_out.mean_rank_ic > Decimal("0.05")
    assert held_out.t_statistic > 2


def test_the_target_is_bought_at_the_next_open_and_sold_at_the_one_after() -> None:
    examples = training._examples(PANEL, sectors_of(PANEL), sessions=120)
    row, column = PANEL.dates.index(examples.dates[50]), 7
    assert examples.returns[50, column] == PANEL.open[row + 2, column] / PANEL.open[row + 1, column] - 1
    assert examples.dates[-1] == PANEL.dates[-3]
    below = sum(examples.returns[50] < examples.returns[50, column])
    assert examples.targets[50, column] == pytest.approx((below + 0.5) / 30)


def test_the_measured_fit_sees_no_price_of_the_sessions_it_is_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[bytes] = []
    fit = training._fit

    def remembering(matrix: training.Rows, targets: training.Rows, policy: ModelPolicy) -> object:
        fits.append(matrix.tobytes() + targets.tobytes())
        return fit(matrix, targets, policy)

    monkeypatch.setattr(training, "_fit", remembering)
    factors = np.ones((400, 30))
    factors[PANEL.dates.index(trained().contract.held_out.first) :] = np.random.default_rng(1).uniform(0.8, 1.2, 30)
    for panel in (PANEL, with_prices(PANEL, factors)):
        train(panel, sectors_of(PANEL), POLICY)
    first, whole, first_again, whole_again = fits
    assert first == first_again
    assert whole != whole_again


def test_a_symbol_with_an_unadjusted_split_teaches_nothing() -> None:
    factors = np.ones((400, 30))
    factors[:390, 4] = 4.0
    split = train(with_prices(PANEL, factors), sectors_of(PANEL), POLICY)
    assert (split.contract.symbols, split.contract.rows) == (29, 29 * 120)


def test_too_short_a_history_is_refused_with_the_numbers() -> None:
    with pytest.raises(ChecksFailed, match=r"59 sessions to learn from, 60 needed.*Import"):
        train(PANEL.last(BARS_NEEDED - 1 + 2 + 59), sectors_of(PANEL), POLICY)

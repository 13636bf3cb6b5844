"""Networks of predictors: what the comparator minimises, what it answers, what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from harness.estimators.predictors.models import networks
from harness.estimators.predictors.models.networks import Comparator, Network
from harness.stats import kendall_tau

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3))
Y = 80 + 5 * X[:, 0] + 3 * np.abs(X[:, 1])


def fitted(x: np.ndarray = X[:30], y: np.ndarray = Y[:30]) -> Comparator:
    model = Comparator()
    model.fit(x, y, 0)
    return model


def test_the_comparator_minimises_the_mean_cross_entropy_of_all_pairs() -> None:
    accuracy = [3.0, 1.0, 2.0, 1.0]
    scores = torch.tensor([0.3, -0.2, 0.9, 0.1], dtype=torch.float64, requires_grad=True)
    losses = []
    for i, own in enumerate(accuracy):
        for j, other in enumerate(accuracy):
            won = torch.tensor(0.5 if own == other else float(own > other), dtype=torch.float64)
            losses.append(binary_cross_entropy(torch.sigmoid(scores[i] - scores[j]), won))
    torch.stack(losses).mean().backward()
    found = Comparator()._slope(scores.detach(), torch.tensor(accuracy, dtype=torch.float64))
    torch.testing.assert_close(found, scores.grad)


def test_a_prediction_is_the_mean_probability_of_beating_a_label() -> None:
    model = fitted()
    x, known = model._standardise(X), model._standardise(X[:30])
    expected = np.zeros(len(X))
    with torch.no_grad():
        for network in model._networks:
            beats = [torch.sigmoid(network(x) - network(other)).squeeze(1) for other in known]
            expected += torch.stack(beats).mean(dim=0).numpy() / len(model._networks)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-9)


def test_any_increasing_map_of_the_labels_gives_the_same_comparator() -> None:
    np.testing.assert_array_equal(fitted().predict(X), fitted(y=np.exp(Y[:30] / 20)).predict(X))


def test_the_regression_is_fitted_to_standardised_ranks() -> None:
    target = Network().target(np.array([10.0, 95.0, 90.0, 90.0]))
    np.testing.assert_allclose(target, (np.array([1, 4, 2.5, 2.5]) - 2.5) / np.sqrt(4.5 / 4))
    np.testing.assert_array_equal(Network().target(np.array([5.0, 5.0])), [0.0, 0.0])


def test_more_rows_than_fit_into_a_step_are_drawn_anew_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(networks, "MOST_ROWS", 8)
    model = fitted()
    assert len(model._known) == 8
    tau = kendall_tau(model.predict(X[30:]), Y[30:]).value
    assert tau is not None
    assert tau > 0.85  # 0.89; of eight rows alone, 0.71 to 0.79


def test_neither_the_global_generator_nor_the_threads_are_touched() -> None:
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with_two = fitted().predict(X)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(with_two, fitted().predict(X))
    assert torch.equal(torch.get_rng_state(), before)

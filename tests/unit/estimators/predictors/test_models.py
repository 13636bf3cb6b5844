"""Averages of regressions, and how they are named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import rankdata

from harness.errors import UsageError
from harness.estimators.predictors.models import describe, load_model, predict, read_models

RNG = np.random.RandomState(0)
X = RNG.normal(size=(50, 3))
Y = 70 + 9 * X[:, 0] - 4 * X[:, 1] ** 2
LABELLED = np.arange(20)


def test_several_models_are_averaged_in_standard_units() -> None:
    parts = [predict([name], X, LABELLED, Y[:20], 0) for name in ("forest", "gp")]
    both = predict(["forest", "gp"], X, LABELLED, Y[:20], 0)
    expected = np.mean([(part - part.mean()) / part.std() for part in parts], axis=0)
    np.testing.assert_allclose(both, expected, rtol=1e-12)


def test_a_model_is_fitted_to_the_rows_with_a_label() -> None:
    order = np.random.RandomState(1).permutation(20)
    ours = predict(["gp"], X, LABELLED[order], Y[order], 0)
    np.testing.assert_allclose(ours, predict(["gp"], X, LABELLED, Y[:20], 0), rtol=1e-3)
    other = predict(["gp"], X, LABELLED + 30, Y[30:], 0)
    assert not np.allclose(ours, other, rtol=0.01)


def test_the_seed_is_the_forest_s() -> None:
    first, second = (predict(["forest"], X, LABELLED, Y[:20], seed) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_a_process_far_from_its_labels_follows_the_prior_and_a_forest_does_not() -> None:
    prior = RNG.permutation(50).astype(np.float64)
    far = X + 1e6 * (np.arange(50) >= 20)[:, np.newaxis]
    ranks = rankdata(Y[:20])
    slope = np.cov(prior[:20], ranks)[0, 1] / np.var(prior[:20], ddof=1)
    line = ranks.mean() + slope * (prior - prior[:20].mean())
    with_prior = predict(["gp"], far, LABELLED, Y[:20], 0, prior)
    # Beyond the length scale the process is at the mean of what the line leaves, which is zero.
    np.testing.assert_allclose(with_prior[20:], line[20:], atol=1e-6)
    assert np.ptp(predict(["gp"], far, LABELLED, Y[:20], 0)[20:]) < 1e-6
    forest, same = (predict(["forest"], X, LABELLED, Y[:20], 0, p) for p in (prior, None))
    np.testing.assert_array_equal(forest, same)


def test_a_prior_that_tells_the_labels_nothing_apart_changes_nothing() -> None:
    prior = np.where(np.arange(50) < 20, 3.0, np.arange(50))
    with_prior = predict(["gp"], X, LABELLED, Y[:20], 0, prior)
    np.testing.assert_allclose(with_prior, predict(["gp"], X, LABELLED, Y[:20], 0), rtol=1e-6)


def test_processes_differ_in_what_they_are_fitted_to() -> None:
    accuracy = np.array([10.0, 50.0, 90.0, 99.5, 99.5, 100.0])
    names = ["forest", "gp", "gp-error", "gp-top"]
    targets = {name: load_model(name)().target(accuracy) for name in names}
    np.testing.assert_array_equal(targets["forest"], accuracy)
    np.testing.assert_array_equal(targets["gp"], [1, 2, 3, 4.5, 4.5, 6])
    errors = [-math.log(90), -math.log(50), -math.log(10), 0.0, 0.0, 0.0]
    np.testing.assert_allclose(targets["gp-error"], errors, atol=1e-12)
    shares = np.array([5.5, 4.5, 3.5, 2.0, 2.0, 0.5]) / 6
    np.testing.assert_allclose(targets["gp-top"], -np.log(shares))
    found = [predict([name], X, LABELLED, Y[:20], 0) for name in names[1:]]
    assert not np.allclose(found[0], found[1])
    assert not np.allclose(found[0], found[2])


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("forest", ["forest"], "accuracy, percent, predicted by forest from graf"),
        ("gp", ["gp"], "rank among the labels, predicted by gp from graf"),
        (
            "gp + forest+gp",
            ["gp", "forest"],
            "mean of standardised predictions of gp, forest from graf",
        ),
    ],
)
def test_names_are_separated_by_plus_signs(text: str, names: list[str], words: str) -> None:
    assert read_models(text) == names
    assert describe(names, "graf", None) == words
    assert describe(names, "graf", "jacov") == f"{words}, prior jacov"


@pytest.mark.parametrize("text", ["forrest", "gp+", "forest,gp"])
def test_an_unknown_model_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Unknown model of a predictor .* Available: comparator"):
        read_models(text)


def test_models_are_fitted_to_all_encodings_of_a_label() -> None:
    encodings = np.stack([X[:20], X[30:]], axis=1)
    found = predict(["forest"], X, LABELLED, Y[:20], 0, None, encodings)
    forest = load_model("forest")()
    forest.fit(encodings.reshape(40, 3), Y[:20].repeat(2), 0)
    np.testing.assert_array_equal(found, forest.predict(X))

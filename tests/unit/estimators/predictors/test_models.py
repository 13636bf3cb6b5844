"""Averages of regressions, and how they are named."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.estimators.predictors.models import describe, predict, read_models

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


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("forest", ["forest"], "accuracy, percent, predicted by forest"),
        ("gp", ["gp"], "rank among the labels, predicted by gp"),
        ("gp + forest+gp", ["gp", "forest"], "mean of standardised predictions of gp, forest"),
    ],
)
def test_names_are_separated_by_plus_signs(text: str, names: list[str], words: str) -> None:
    assert read_models(text) == names
    assert describe(names) == words


@pytest.mark.parametrize("text", ["forrest", "gp+", "forest,gp"])
def test_an_unknown_model_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Unknown model of a predictor .* Available: forest, gp"):
        read_models(text)

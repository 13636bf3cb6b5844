"""The laws of the regressions that predictors are made of."""

from __future__ import annotations

import numpy as np
import pytest

from harness.estimators.predictors.models import MODELS as REGISTRY
from harness.estimators.predictors.models import load_model
from harness.estimators.predictors.models.base import FloatArray, Regression
from harness.stats import kendall_tau
from tests.contract.predictors import MODELS

RNG = np.random.RandomState(0)
X = RNG.normal(size=(200, 4))
Y = 80 + 5 * X[:, 0] + 3 * np.abs(X[:, 1])
"""Features 2 and 3 say nothing."""
N = 60

each = pytest.mark.parametrize("name", MODELS)


def fit(name: str, x: FloatArray = X[:N], y: FloatArray = Y[:N], seed: int = 0) -> Regression:
    model = load_model(name)()
    model.fit(x, model.target(y), seed)
    return model


def test_every_model_has_its_row() -> None:
    assert set(MODELS) == set(REGISTRY)


@each
def test_equal_data_and_seed_give_the_same_bits(name: str) -> None:
    np.testing.assert_array_equal(fit(name).predict(X), fit(name).predict(X))


@each
def test_a_prediction_does_not_depend_on_which_others_are_asked_for(name: str) -> None:
    whole, part = fit(name).predict(X), fit(name).predict(X[::-3])
    # Products of matrices are summed in another order for other shapes.
    np.testing.assert_allclose(part, whole[::-3], rtol=1e-9)


@each
def test_what_was_not_seen_is_ranked_by_what_was(name: str) -> None:
    tau = kendall_tau(fit(name).predict(X[N:]), Y[N:]).value
    assert tau is not None
    assert tau > 0.6  # 0.70 to 0.86; a model of the first feature alone has 0.66 at best


@each
def test_labels_that_are_noise_are_fitted_without_a_warning(name: str) -> None:
    noise = 50 + np.random.RandomState(1).normal(size=N)
    assert np.isfinite(fit(name, y=noise).predict(X)).all()


@each
def test_features_that_never_differ_are_no_obstacle(name: str) -> None:
    x = np.concatenate([X, np.ones((len(X), 1))], axis=1)
    assert np.isfinite(fit(name, x[:N]).predict(x)).all()

"""The regressions that predictors are made of, a file each, found by `MODELS`.

Names resolve lazily, so that reading a setting imports neither scikit-learn nor torch.

Axes: n, architectures with a label; pool, all architectures of a run; f, features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.estimators.naming import read_sum
from harness.registry import load_class
from harness.seeding import derive_seed
from harness.stats.correlation import FloatArray, IntArray

if TYPE_CHECKING:
    from harness.estimators.predictors.models.base import Regression

_HERE = "harness.estimators.predictors.models"

MODELS = {
    "forest": f"{_HERE}.forest:Forest",
    "gp": f"{_HERE}.process:GaussianProcess",
    "gp-error": f"{_HERE}.process:ErrorProcess",
    "gp-top": f"{_HERE}.process:TopProcess",
    "comparator": f"{_HERE}.networks:Comparator",
    "network": f"{_HERE}.networks:Network",
}
"""`module:Class` of each regression, by name."""


def read_models(text: str) -> list[str]:
    """Return the models that a setting names, with plus signs between them.

    Raises:
        UsageError: If a name is unknown.
    """
    return read_sum(text, MODELS, "model of a predictor")


def load_model(name: str) -> type[Regression]:
    """Import a regression by its key in `MODELS`."""
    return load_class("model of a predictor", name, MODELS, f"{_HERE}.base:Regression")


def model_seed(seed: int) -> int:
    """Return the seed of the models of a run, or of a user's seed."""
    return derive_seed(seed, "predictor") % 2**32


def predict(
    models: Sequence[str],
    x: FloatArray,
    labelled: IntArray,
    y: FloatArray,
    seed: int,
    prior: FloatArray | None = None,
    encodings: FloatArray | None = None,
) -> FloatArray:
    """Fit models to the architectures with a label, and predict all.

    Args:
        models: Keys of `MODELS`, at least one.
        x: Features, [pool, f].
        labelled: Rows with a label, [n].
        y: Their accuracies, percent, [n].
        seed: Seed of the models.
        prior: What is known without labels, higher is better, [pool]: the mean of models that have
            one is a line in it.
        encodings: Features of the rows with a label in several isomorphic encodings, [n, e, f],
            all of which models are fitted to; None: those of `x`.

    Returns:
        The predictions of one model; of several the mean of theirs, each standardised over the
        pool; [pool].
    """
    rows = x[labelled][:, None] if encodings is None else encodings
    predictions = []
    for name in models:
        regression = load_model(name)()
        target = regression.target(y)
        mean = np.zeros(len(x))
        if prior is not None and regression.has_mean:
            mean = _fit_line(prior, labelled, target)
            target = target - mean[labelled]
        targets = np.repeat(target, rows.shape[1], axis=0)
        regression.fit(rows.reshape(-1, x.shape[1]), targets, seed)
        predictions.append(regression.predict(x) + mean)
    if len(predictions) == 1:
        return predictions[0]
    return np.asarray(np.mean([_standardise(own) for own in predictions], axis=0))


def describe(models: Sequence[str], features: str, prior: str | None) -> str:
    """Say what `predict` returns, from which features and which prior."""
    what = f"mean of standardised predictions of {', '.join(models)}"
    if len(models) == 1:
        what = f"{load_model(models[0]).predicts}, predicted by {models[0]}"
    return f"{what} from {features}" + (f", prior {prior}" if prior else "")


def _fit_line(prior: FloatArray, labelled: IntArray, target: FloatArray) -> FloatArray:
    """Fit a line in the prior by least squares, a constant where it has one value: [pool]."""
    known = prior[labelled]
    degree = int(known.min() < known.max())
    slope = np.polynomial.Polynomial.fit(known - known.mean(), target, degree, domain=[-1, 1])
    return np.asarray(slope(prior - known.mean()), dtype=np.float64)


def _standardise(values: FloatArray) -> FloatArray:
    centred: FloatArray = values - values.mean()
    return centred / (float(values.std()) or 1.0)

"""The regressions that predictors are made of.

Axes: n, architectures with a label; pool, all architectures of a run; f, features.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from harness.estimators.naming import read_sum
from harness.seeding import derive_seed
from harness.stats.correlation import FloatArray, IntArray, dense_ranks, mean_ranks


class Regression(ABC):
    """A regression of accuracy.

    Laws: equal data and seed give the same bits; a better prediction is higher; the prediction for
    a row does not depend on which others are asked for.

    Attributes:
        predicts: What a prediction is, in words.
        has_mean: Whether it is fitted to what a line in the prior leaves, if there is a prior.
    """

    predicts: ClassVar[str]
    has_mean: ClassVar[bool] = False

    def target(self, y: FloatArray) -> FloatArray:
        """Return what it is fitted to, of accuracies in percent, [n]."""
        return y

    @abstractmethod
    def fit(self, x: FloatArray, y: FloatArray, seed: int) -> None:
        """Fit to features, [n, f], and targets, [n]."""

    @abstractmethod
    def predict(self, x: FloatArray) -> FloatArray:
        """Predict architectures by their features, [pool, f]: [pool]."""


class Forest(Regression):
    """A random forest of 200 trees, otherwise with scikit-learn's defaults.

    Reference: Breiman, Random Forests, 2001.
    """

    predicts = "accuracy, percent"

    def fit(self, x: FloatArray, y: FloatArray, seed: int) -> None:
        """Grow the trees."""
        from sklearn.ensemble import RandomForestRegressor

        self._forest = RandomForestRegressor(200, random_state=seed).fit(x, y)

    def predict(self, x: FloatArray) -> FloatArray:
        """Average the trees."""
        return np.asarray(self._forest.predict(x), dtype=np.float64)


class GaussianProcess(Regression):
    """A Gaussian process on standardised features, fitted to the ranks of the accuracies.

    Its kernel is Matern's with nu = 5/2 and one length scale, plus noise; both and their weights
    maximise the marginal likelihood. Its mean is a line in the prior, fitted beforehand by least
    squares (the book's section 2.7 fits both at once). A few dead architectures are 80 points below
    all others, which its stationary kernel cannot follow: with ranks, tau on CIFAR-100's truth
    (label seeds 100 to 103, n = 32 / 128 / 512) is 0.724 / 0.801 / 0.860, with accuracies 0.668 /
    0.751 / 0.830. For the forest it is the other way round: 0.650 / 0.749 / 0.833 and 0.687 / 0.760
    / 0.842.

    Reference: Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, section 5.4.1.
    """

    predicts = "rank among the labels"
    has_mean = True

    def target(self, y: FloatArray) -> FloatArray:
        """Return ranks, 1 the worst, ties their mean."""
        return mean_ranks(dense_ranks(y))

    def fit(self, x: FloatArray, y: FloatArray, seed: int) -> None:
        """Maximise the marginal likelihood from one starting point."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        kernel = ConstantKernel(1.0) * Matern(10.0, nu=2.5) + WhiteKernel(0.1)
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
        self._process = make_pipeline(StandardScaler(), process)
        with warnings.catch_warnings():
            # A length scale or a noise at its bound is an answer: such as "these labels are noise".
            warnings.filterwarnings("ignore", module="sklearn.gaussian_process")
            self._process.fit(x, y)

    def predict(self, x: FloatArray) -> FloatArray:
        """Return the posterior mean."""
        return np.asarray(self._process.predict(x), dtype=np.float64)


class ErrorProcess(GaussianProcess):
    """The same process, fitted to minus the logarithm of the error.

    Halving the error counts as much at the top as anywhere, so that the best are spread out and the
    worst are not.
    """

    predicts = "minus ln(error in percent)"

    def target(self, y: FloatArray) -> FloatArray:
        """Return minus ln(error); errors of less than one percent count as one."""
        return np.asarray(-np.log(np.maximum(100.0 - y, 1.0)))


class TopProcess(GaussianProcess):
    """The same process, fitted to how few labels are better: the best are spread out most.

    Alone it ranks the best tenth well and all worse than the others; it is to be averaged.
    """

    predicts = "minus ln(share of the labels that are better)"

    def target(self, y: FloatArray) -> FloatArray:
        """Return minus ln((n + 1/2 - rank) / n), rank 1 the worst, ties their mean."""
        n = len(y)
        return np.asarray(-np.log((n + 0.5 - mean_ranks(dense_ranks(y))) / n))


MODELS: dict[str, type[Regression]] = {
    "forest": Forest,
    "gp": GaussianProcess,
    "gp-error": ErrorProcess,
    "gp-top": TopProcess,
}
"""Regressions by name."""


def read_models(text: str) -> list[str]:
    """Return the models that a setting names, with plus signs between them.

    Raises:
        UsageError: If a name is unknown.
    """
    return read_sum(text, MODELS, "model of a predictor")


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

    Returns:
        The predictions of one model; of several the mean of theirs, each standardised over the
        pool; [pool].
    """
    predictions = []
    for name in models:
        regression = MODELS[name]()
        target = regression.target(y)
        mean = np.zeros(len(x))
        if prior is not None and regression.has_mean:
            mean = _fit_line(prior, labelled, target)
        regression.fit(x[labelled], target - mean[labelled], seed)
        predictions.append(regression.predict(x) + mean)
    if len(predictions) == 1:
        return predictions[0]
    return np.asarray(np.mean([_standardise(own) for own in predictions], axis=0))


def describe(models: Sequence[str], features: str, prior: str | None) -> str:
    """Say what `predict` returns, from which features and which prior."""
    what = f"mean of standardised predictions of {', '.join(models)}"
    if len(models) == 1:
        what = f"{MODELS[models[0]].predicts}, predicted by {models[0]}"
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

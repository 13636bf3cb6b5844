"""Gaussian processes, which differ in what they are fitted to."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness.estimators.predictors.models.base import Regression
from harness.stats.correlation import FloatArray, dense_ranks, mean_ranks


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

"""What a model of a predictor is.

Axes: n, rows with a label; pool, all architectures of a run; f, features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from harness.stats.correlation import FloatArray


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

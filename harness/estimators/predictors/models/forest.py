"""A random forest."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from harness.estimators.predictors.models.base import Regression
from harness.stats.correlation import FloatArray


class Forest(Regression):
    """A random forest of 200 trees, otherwise with scikit-learn's defaults.

    Reference: Breiman, Random Forests, 2001.
    """

    predicts = "accuracy, percent"

    def fit(self, x: FloatArray, y: FloatArray, seed: int) -> None:
        """Grow the trees."""
        self._forest = RandomForestRegressor(200, random_state=seed).fit(x, y)

    def predict(self, x: FloatArray) -> FloatArray:
        """Average the trees."""
        return np.asarray(self._forest.predict(x), dtype=np.float64)

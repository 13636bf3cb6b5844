"""One seed's scores of some architectures, with what is computed from them, once each.

Axis letters: n architectures; part, the contributions to the variance over architectures.
"""

from __future__ import annotations

import numpy as np

from harness.stats.correlation import FloatArray
from harness.stats.metrics import Computed, Method, compute_metric, find_metric
from harness.stats.populations import BoolArray


class Scored:
    """The scores of one training seed, judged by a truth.

    Attributes:
        scores: Estimates, higher is better, finite numbers, [n].
        truth: Ground truth, [n].
        known: As `compute_metric` takes it.
    """

    def __init__(
        self, scores: FloatArray, truth: FloatArray, known: BoolArray | None = None
    ) -> None:
        self.scores = scores
        self.truth = truth
        self.known = known
        self._computed: dict[str, Computed] = {}
        self._parts: dict[str, FloatArray | None] = {}

    def compute(self, name: str) -> Computed:
        """Compute a metric, a key of `METRICS`, as `compute_metric` does."""
        if name not in self._computed:
            self._computed[name] = compute_metric(name, self.scores, self.truth, self.known)
        return self._computed[name]

    def parts(self, name: str) -> FloatArray | None:
        """Compute a metric's contributions to its variance over architectures, [part].

        The sum of their squares is the variance over draws from an infinite population. None if the
        metric has no interval over architectures.
        """
        if name not in self._parts:
            self._parts[name] = self._find_parts(name)
        return self._parts[name]

    def _find_parts(self, name: str) -> FloatArray | None:
        metric = find_metric(name)
        if metric.method is Method.INFLUENCE:
            influence = self.compute(name).influence
            if influence is None:
                return None
            n = len(influence)
            return np.asarray(influence / np.sqrt(n * (n - 1.0)))
        if metric.replicates is None:
            return None
        replicates = metric.replicates(self.scores, self.truth)[0]
        return np.asarray((replicates - replicates.mean()) / np.sqrt(len(replicates) - 1.0))

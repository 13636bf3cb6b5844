"""How uncertain the mean of a metric over training seeds is, or a difference of two.

Reports and the gate use the same construction. The unit is the training seed; architectures are a
draw from their population. The variance of the mean has two parts:

- Over seeds it is measured directly, from one number per seed: Student's t. This part covers the
  effect of a seed on all architectures and on single ones.
- The draw of architectures adds only the effect of an architecture in *every* seed. The influence
  values of the mean over seeds measure that *plus* the seeds' own scatter, which the first part
  already covers. That scatter is therefore subtracted (the interaction of a two-way layout, by
  expected mean squares), and the rest is multiplied by 1 - n/population.

The half-width is sqrt((t se_seeds)^2 + (z se_architectures)^2). By simulation
(`tests/unit/stats/test_coverage.py`) it covers 0.94 to 0.99 with 2 to 10 seeds, and 0.95 to 0.965
if no effect persists from seed to seed. Without subtracting the scatter it covers 0.99, with
intervals a third wider; a single t with Satterthwaite's degrees of freedom covers 0.86 to 0.94 with
two seeds.

Axis letters: seed; part, the contributions to the variance over architectures, such as one per
architecture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.stats.correlation import FloatArray
from harness.stats.intervals import normal_quantile, seeds_se, student_quantile

_SMALLEST_TAIL = 5e-13
_HALVINGS = 50  # of the range of log p, 27 wide: precise far beyond any printed digit


class Uncertainty(NamedTuple):
    """The variance components of a mean over seeds, or of a difference of two.

    Attributes:
        seeds_se: Standard error over training seeds; None if neither side has two seeds.
        degrees: Its degrees of freedom.
        architectures_se: Standard error over the draw of architectures, beyond that of the seeds;
            0 if the whole population was scored, None if unknown.
    """

    seeds_se: float | None
    degrees: float
    architectures_se: float | None

    @property
    def se(self) -> float:
        """The root of the sum of squares of the known components."""
        return math.hypot(self.seeds_se or 0.0, self.architectures_se or 0.0)

    def half_width(self, confidence: float) -> float:
        """Return the distance to a one-sided bound; infinite if no component is known.

        Args:
            confidence: Confidence level of the bound, above 0.5 to 1; 0.975 gives half of a
                two-sided 95% interval.
        """
        if self.seeds_se is None and self.architectures_se is None:
            return math.inf
        over_seeds = over_archs = 0.0
        if self.seeds_se:
            over_seeds = student_quantile(self.degrees, confidence) * self.seeds_se
        if self.architectures_se:
            over_archs = normal_quantile(confidence) * self.architectures_se
        return math.hypot(over_seeds, over_archs)

    def p_value(self, value: float) -> float:
        """Return the two-sided p-value for no difference: at 1-p the interval just reaches 0.

        Args:
            value: The mean, or difference.

        Returns:
            1e-12 to 1; 1 if no component is known, or for a value of 0.
        """
        low, high = math.log(_SMALLEST_TAIL), math.log(0.5)
        if value == 0.0 or self.half_width(1.0 - _SMALLEST_TAIL) <= abs(value):
            return 1.0 if value == 0.0 else 2.0 * _SMALLEST_TAIL
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            is_wide = self.half_width(1.0 - math.exp(middle)) > abs(value)
            low, high = (middle, high) if is_wide else (low, middle)
        return 2.0 * math.exp(high)


EXACT = Uncertainty(0.0, 1.0, 0.0)
"""The uncertainty of a side compared with itself."""


def over_one_group(values: FloatArray) -> Uncertainty:
    """Measure the scatter over seeds of a mean, such as a mean of paired differences.

    Args:
        values: One per seed, [seed], at least one; a single one has no scatter.
    """
    if len(values) < 2:
        return Uncertainty(None, 0.0, None)
    return Uncertainty(seeds_se(values), len(values) - 1.0, None)


def over_two_groups(first: FloatArray, second: FloatArray) -> Uncertainty:
    """Measure the scatter over seeds of a difference of two means over different seeds.

    A side with one seed has no spread of its own, and borrows that of the other.

    Args:
        first: One value per seed, [seed], at least one.
        second: Likewise, for other seeds.

    Reference:
        Welch, The generalization of Student's problem when several different population variances
        are involved, 1947; Satterthwaite's degrees of freedom.
    """
    sizes = np.array([len(first), len(second)], dtype=np.float64)
    if sizes.max() < 2:
        return Uncertainty(None, 0.0, None)
    spreads = [float(np.var(side, ddof=1)) if len(side) > 1 else None for side in (first, second)]
    known = [spread for spread in spreads if spread is not None]
    parts = np.array([known[0] if v is None else v for v in spreads]) / sizes
    total = float(parts.sum())
    degrees = max(1.0, sizes.max() - 1.0)
    if len(known) == 2 and total > 0.0:
        degrees = total**2 / float((parts**2 / (sizes - 1.0)).sum())
    return Uncertainty(math.sqrt(total), degrees, None)


def lasting_se(mean: FloatArray, groups: Sequence[FloatArray], left: float) -> float:
    """Compute the standard error over the draw of architectures, minus the seeds' scatter.

    Args:
        mean: Parts of the mean, or difference of means, [part]: the sum of their squares is its
            variance over draws from an infinite population.
        groups: The parts of each seed, [seed, part], for each independent group that contributed.
        left: The finite population correction, 1 - n/population.

    Returns:
        The root of the variance over architectures minus each group's interaction; 0 if that is
        negative. A group with one seed has no interaction to subtract.
    """
    variance = float(mean @ mean)
    for group in groups:
        n_seeds = len(group)
        if n_seeds > 1:
            residuals = group - group.mean(axis=0)
            variance -= float((residuals**2).sum()) / (n_seeds * (n_seeds - 1))
    return math.sqrt(left * max(0.0, variance))

"""How far the mean of a metric over training seeds, or a difference of two, can be told.

One construction serves reports and the gate. The unit is the training seed; architectures are a
draw from their population. The variance of the mean has two parts:

- Over seeds it is measured directly, from one number a seed: Student's t. This part holds what a
  seed does to all architectures, and what it does to one and not to another.
- The draw of architectures adds only what an architecture does in every seed alike. The influence
  of the mean over seeds measures that *plus* the seeds' own scatter, which the first part holds
  already, and which is therefore taken out (the interaction of a two-way layout, by expected mean
  squares), times 1 - n/population.

The half-width is sqrt((t se_seeds)^2 + (z se_architectures)^2). By simulation
(`tests/unit/stats/test_coverage.py`) it covers 0.94 to 0.99 with 2 to 10 seeds, and 0.95 to 0.965
where nothing lasts from seed to seed. Without taking the scatter out it covers 0.99, with intervals
a third wider; a single t with Satterthwaite's degrees of freedom covers 0.86 to 0.94 of two seeds.

Axis letters: seed; part, the pieces that the draw of architectures is told by, such as one an
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
_HALVINGS = 50  # of the range of log p, 27 wide: far below any digit that is shown


class Uncertainty(NamedTuple):
    """What scatters a mean over seeds, or a difference of two.

    Attributes:
        seeds_se: Standard error over training seeds; None where no side has two seeds.
        degrees: Degrees of freedom behind it.
        architectures_se: Standard error over the draw of architectures, beyond that of the seeds;
            0 where the whole population was scored, None where it is not known.
    """

    seeds_se: float | None
    degrees: float
    architectures_se: float | None

    @property
    def se(self) -> float:
        """The root of the sum of squares of what is known."""
        return math.hypot(self.seeds_se or 0.0, self.architectures_se or 0.0)

    def half_width(self, confidence: float) -> float:
        """Return the distance of a one-sided bound; infinite where nothing is known.

        Args:
            confidence: Of the bound, above 0.5 to 1; 0.975 gives half of a two-sided 95% interval.
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
        """Return the two-sided p-value of no difference: at 1-p the interval just reaches 0.

        Args:
            value: The mean, or difference.

        Returns:
            1e-12 to 1; 1 where nothing is known, and for a value of 0.
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
"""That of a side compared with itself."""


def over_one_group(values: FloatArray) -> Uncertainty:
    """Measure the scatter over seeds of a mean, such as one of paired differences.

    Args:
        values: One a seed, [seed], at least one; one alone has no scatter.
    """
    if len(values) < 2:
        return Uncertainty(None, 0.0, None)
    return Uncertainty(seeds_se(values), len(values) - 1.0, None)


def over_two_groups(first: FloatArray, second: FloatArray) -> Uncertainty:
    """Measure the scatter over seeds of a difference of two means over different seeds.

    A side of one seed has no spread of its own, and borrows that of the other.

    Args:
        first: One value a seed, [seed], at least one.
        second: Likewise, of other seeds.

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
    """Compute the standard error over the draw of architectures, less what seeds scatter.

    Args:
        mean: Parts of the mean, or difference of means, [part]: the sum of their squares is its
            variance over draws from an infinite population.
        groups: Those of each seed, [seed, part], of each independent group that went into it.
        left: The finite population's factor, 1 - n/population.

    Returns:
        The root of the variance over architectures less each group's interaction; 0 where that
        is negative. A group of one seed has none to take out.
    """
    variance = float(mean @ mean)
    for group in groups:
        n_seeds = len(group)
        if n_seeds > 1:
            residuals = group - group.mean(axis=0)
            variance -= float((residuals**2).sum()) / (n_seeds * (n_seeds - 1))
    return math.sqrt(left * max(0.0, variance))

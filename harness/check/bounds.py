"""How far the difference of two methods can be told: one-sided bounds over training seeds.

The two sides are on the same architectures, against the same truth. What a change does differs
from seed to seed, and from architecture to architecture; the bounds cover both, with the seed as
the unit. Axis letters: seed; n architectures.

The variance of the mean difference has two parts. Over seeds it is measured directly, from one
number a seed: Student's t. The draw of architectures adds only what a change does to an
architecture in every seed alike: the influence function of the mean over seeds measures that plus
the seeds' own scatter, which the first part has already, and which is taken out of it here (the
interaction of a two-way layout). Without that, a check where nothing changed but the seeds counts
all its noise twice: by simulation it fails 1% of the time and not 5%, with bounds a third wider.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.stats import Sample
from harness.stats.correlation import FloatArray
from harness.stats.intervals import influence_se, seeds_se

CONFIDENCE = 0.95
"""Of each bound, one-sided: at a difference of exactly the margin a check fails 5% of the time."""
POWER = 0.8
"""How often the smallest effect that a check "could have seen" would have made it fail."""


class Spread(NamedTuple):
    """What scatters a mean difference.

    Attributes:
        seeds_se: Standard error over training seeds; None where there is no spread to tell it by.
        degrees: Degrees of freedom behind it.
        archs_se: Standard error over the draw of architectures, beyond that of the seeds; None
            where the figure is not one of architectures.
    """

    seeds_se: float | None
    degrees: float
    archs_se: float | None

    def half_width(self, confidence: float) -> float:
        """Return the distance of a one-sided bound; infinite where nothing is known."""
        from scipy.special import ndtri, stdtrit  # not at the top: most commands need no scipy

        if self.seeds_se is None and self.archs_se is None:
            return math.inf
        over_seeds = over_archs = 0.0
        if self.seeds_se:
            over_seeds = float(stdtrit(self.degrees, confidence)) * self.seeds_se
        if self.archs_se:
            over_archs = float(ndtri(confidence)) * self.archs_se
        return math.hypot(over_seeds, over_archs)


EXACT = Spread(0.0, 1.0, 0.0)
"""That of a side compared with itself."""


def paired_spread(differences: FloatArray, parts: FloatArray | None, population: int) -> Spread:
    """Measure the scatter of a mean of paired differences.

    Args:
        differences: One a seed, [seed], at least one.
        parts: Their influence values, [seed, n]; None where architectures add nothing.
        population: Architectures that the n were drawn from.

    Returns:
        The spread; with one seed that over architectures alone.
    """
    if not differences.any() and (parts is None or not parts.any()):
        return EXACT
    several = len(differences) > 1
    archs = None if parts is None else lasting_se(parts.mean(axis=0), [parts], population)
    return Spread(seeds_se(differences) if several else None, len(differences) - 1.0, archs)


def unpaired_spread(first: FloatArray, second: FloatArray) -> Spread:
    """Measure the scatter of a difference of two means over different seeds.

    A side of one seed has no spread of its own, and borrows that of the other.

    Args:
        first: One value a seed, [seed], at least one.
        second: Likewise, of other seeds.

    Returns:
        The spread over seeds.

    Reference:
        Welch, The generalization of Student's problem when several different population variances
        are involved, 1947; Satterthwaite's degrees of freedom.
    """
    sizes = np.array([len(first), len(second)], dtype=np.float64)
    if sizes.max() < 2:
        return Spread(None, 0.0, None)
    spreads = [float(np.var(side, ddof=1)) if len(side) > 1 else None for side in (first, second)]
    known = [spread for spread in spreads if spread is not None]
    parts = np.array([known[0] if v is None else v for v in spreads]) / sizes
    total = float(parts.sum())
    if len(known) == 1 or total == 0.0:
        return Spread(math.sqrt(total), max(1.0, sizes.max() - 1.0), None)
    return Spread(math.sqrt(total), total**2 / float((parts**2 / (sizes - 1.0)).sum()), None)


def spread_of_samples(first: Sample, second: Sample, is_paired: bool) -> Spread:
    """Measure the scatter of the difference of a metric's means.

    Args:
        first: A metric of one side.
        second: The same of the other, on the same architectures.
        is_paired: Whether the seeds are the same, in the same order.

    Returns:
        The spread, over seeds and architectures.
    """
    parts = (first.parts, second.parts)
    if is_paired:
        both = None if parts[0] is None or parts[1] is None else parts[0] - parts[1]
        spread = paired_spread(first.values - second.values, both, first.population)
    else:
        archs = None
        if parts[0] is not None and parts[1] is not None:
            mean = parts[0].mean(axis=0) - parts[1].mean(axis=0)
            archs = lasting_se(mean, [parts[0], parts[1]], first.population)
        spread = unpaired_spread(first.values, second.values)._replace(archs_se=archs)
    # Where all of a population was scored its draw adds nothing, which is known, not missing.
    return spread if spread.archs_se is not None else spread._replace(archs_se=0.0)


def lasting_se(mean: FloatArray, groups: list[FloatArray], population: int) -> float:
    """Compute the standard error over the draw of architectures, less what seeds scatter.

    Args:
        mean: Influence values of the mean difference, [n].
        groups: Those of each seed, [seed, n], of each independent group that went into it.
        population: Architectures that the n were drawn from.

    Returns:
        The root of the variance over architectures less each group's interaction mean square
        over seeds and n; 0 where that is negative. A group of one seed has none to take out.
    """
    n = len(mean)
    left = 1.0 - n / population
    variance = influence_se(mean, population) ** 2
    for group in groups:
        n_seeds = len(group)
        if n_seeds > 1:
            residuals = group - group.mean(axis=0)
            mean_square = float((residuals**2).sum()) / ((n_seeds - 1) * (n - 1))
            variance -= left * mean_square / (n_seeds * n)
    return math.sqrt(max(0.0, variance))

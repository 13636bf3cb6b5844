"""A figure of training over seeds: its mean, its spread, and its interval where it has one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats import over_seeds
from harness.stats.intervals import Limits
from harness.stats.uncertainty import over_two_groups


@dataclass(frozen=True)
class SeedMean:
    """A figure over training seeds.

    Attributes:
        mean: Mean over the seeds that have it; None if none has.
        values: One for each seed, in order; None where a seed lacks it. Empty for a difference
            over independent seeds.
        sd: Standard deviation over seeds; None for fewer than two values.
        interval: 95%, [low, high]; None where there is none.
    """

    mean: float | None
    values: tuple[float | None, ...]
    sd: float | None = None
    interval: tuple[float, float] | None = None


def mean_over_seeds(values: Sequence[float | None], limits: Limits | None = None) -> SeedMean:
    """Average a figure over seeds, leaving out the seeds that lack it.

    Args:
        values: One for each seed.
        limits: Smallest and largest possible value, if there is one.

    Returns:
        The mean, with Student's t interval if at least two seeds have the figure.
    """
    found = [value for value in values if value is not None]
    if not found:
        return SeedMean(None, tuple(values))
    sd = float(np.std(found, ddof=1)) if len(found) > 1 else None
    interval = over_seeds(found, limits)
    ends = None if interval is None else (interval.low, interval.high)
    return SeedMean(float(np.mean(found)), tuple(values), sd, ends)


def subtract_means(
    first: Sequence[float | None], second: Sequence[float | None], *, is_paired: bool
) -> SeedMean:
    """Subtract the mean of one side over its seeds from that of another.

    Args:
        first: One value for each seed of the one; None where a seed lacks it.
        second: Those of the one that is subtracted.
        is_paired: Whether both have the same seeds, in the same order.

    Returns:
        The difference: seed by seed with Student's t interval where the seeds are paired, else of
        the means with Welch's, which has no value for a seed.
    """
    if is_paired:
        pairs = zip(first, second, strict=True)
        return mean_over_seeds([None if a is None or b is None else a - b for a, b in pairs])
    sides = [np.array([value for value in side if value is not None]) for side in (first, second)]
    if not all(map(len, sides)):
        return SeedMean(None, ())
    mean = float(sides[0].mean() - sides[1].mean())
    half = over_two_groups(*sides).half_width(0.975)
    return SeedMean(mean, (), None, (mean - half, mean + half) if math.isfinite(half) else None)

"""A figure over training seeds: its mean, its spread, and the interval that it may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats import over_seeds
from harness.stats.intervals import Limits


@dataclass(frozen=True)
class SeedMean:
    """A figure over training seeds.

    Attributes:
        mean: Mean over the seeds that have it; None if none has.
        values: One a seed, in the order of the row's seeds; None where a seed lacks it.
        sd: Spread over seeds; None for one seed.
        interval: 95%, [low, high]; None where there is none.
    """

    mean: float | None
    values: tuple[float | None, ...]
    sd: float | None = None
    interval: tuple[float, float] | None = None


def mean_over_seeds(values: Sequence[float | None], limits: Limits | None = None) -> SeedMean:
    """SeedMean the mean of any figure over seeds, leaving out the seeds that lack it.

    Args:
        values: One a seed.
        limits: Smallest and largest possible value, where there are such.

    Returns:
        The estimate, with Student's t interval where two seeds or more have the figure.
    """
    found = [value for value in values if value is not None]
    if not found:
        return SeedMean(None, tuple(values))
    sd = float(np.std(found, ddof=1)) if len(found) > 1 else None
    interval = over_seeds(found, limits)
    ends = None if interval is None else (interval.low, interval.high)
    return SeedMean(float(np.mean(found)), tuple(values), sd, ends)


def subtract(a: float | None, b: float | None) -> float | None:
    """Subtract figures of which either may be missing."""
    return None if a is None or b is None else a - b

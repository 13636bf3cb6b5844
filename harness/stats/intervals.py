"""Intervals of a metric, each of which names the source of chance that it covers.

All intervals are at 95%. None means that the interval is not available, never that its width is
zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError

Limits = tuple[float, float]

TAU_LIMITS: Limits = (-1.0, 1.0)
FISHER_BELOW = 100
"""With fewer architectures than this, the interval is symmetric in Fisher's z, not in tau."""


OVER_SEEDS = "seeds"
OVER_ARCHITECTURES = "architectures"
OVER_BOTH = "seeds and architectures"


class Interval(NamedTuple):
    """A 95% interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        se: Standard error of the estimate.
        over: Source of chance: `OVER_SEEDS`, `OVER_ARCHITECTURES` or `OVER_BOTH`. Over
            architectures alone it applies to these trained seeds, over seeds alone to these
            architectures.
    """

    low: float
    high: float
    se: float
    over: str


def over_seeds(values: Sequence[float], limits: Limits | None = None) -> Interval | None:
    """Compute Student's t interval of the mean over training seeds.

    Args:
        values: One number per seed: a metric, or a paired difference of it.
        limits: Smallest and largest possible value, None where unbounded.

    Returns:
        The interval, around the mean; None for fewer than two seeds.

    Raises:
        UsageError: If a value is not finite.
    """
    numbers = _check_values(values)
    if len(numbers) < 2:
        return None
    se = seeds_se(numbers)
    half = student_quantile(len(numbers) - 1, 0.975) * se
    return around(float(numbers.mean()), half, se, OVER_SEEDS, limits)


def median_bounds(values: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """Bound the median over seeds on either side, whatever the distribution.

    Args:
        values: One number per seed, independent of each other.
        confidence: Confidence level of each one-sided bound.

    Returns:
        The lower and the upper bound, both among the values; None for too few seeds, for 0.95 fewer
        than five.

    Raises:
        UsageError: If a value is not finite.

    Reference:
        Conover, Practical Nonparametric Statistics, 1999: the order statistics of the sign test.
    """
    ordered = np.sort(_check_values(values))
    n = len(ordered)
    beyond, place = 0, -1  # subsets of the seeds, all of which lie on one side of the median
    while (beyond := beyond + math.comb(n, place + 1)) <= (1.0 - confidence) * 2**n:
        place += 1
    return None if place < 0 else (float(ordered[place]), float(ordered[n - 1 - place]))


def around(
    centre: float,
    half: float,
    se: float,
    over: str,
    limits: Limits | None,
    n_archs: int = FISHER_BELOW,
) -> Interval:
    """Make the interval with a given half-width.

    Args:
        centre: The estimate.
        half: Half of the width.
        se: Its standard error.
        over: Source of chance.
        limits: Smallest and largest possible value, at which the interval is cut; None for none.
        n_archs: Number of architectures; with fewer than 100 and `TAU_LIMITS` the interval is
            symmetric in Fisher's z.
    """
    if limits == TAU_LIMITS and n_archs < FISHER_BELOW and abs(centre) < 1.0:
        z, half_z = math.atanh(centre), half / (1.0 - centre**2)
        return Interval(math.tanh(z - half_z), math.tanh(z + half_z), se, over)
    low, high = limits or (-math.inf, math.inf)
    return Interval(max(low, centre - half), min(high, centre + half), se, over)


def finite_factor(n: int, population: int | None) -> float:
    """Return the finite population correction 1 - n/population, 0 to 1.

    Args:
        n: Number of architectures drawn.
        population: Number of architectures that they were drawn from; None if too large to count.
    """
    return 1.0 if population is None else max(0.0, 1.0 - n / population)


def seeds_se(numbers: npt.NDArray[np.float64]) -> float:
    """Compute the standard error of the mean over two seeds or more, [seed]."""
    return float(numbers.std(ddof=1)) / math.sqrt(len(numbers))


def student_quantile(degrees: float, confidence: float) -> float:
    """Return a quantile of Student's t."""
    from scipy.special import stdtrit  # not at the top: most commands need no scipy

    return float(stdtrit(degrees, confidence))


def normal_quantile(confidence: float) -> float:
    """Return a quantile of the normal distribution."""
    from scipy.special import ndtri  # not at the top: most commands need no scipy

    return float(ndtri(confidence))


def _check_values(values: Sequence[float]) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise UsageError(
            f"An interval over seeds was requested for {values!r}; it takes one finite number per "
            "seed. Leave out the seeds without a value."
        )
    return numbers

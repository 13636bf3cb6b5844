"""Intervals of a metric, each of which says what it is over.

All intervals are at 95%. None means that there is no such interval, never that it is zero wide.
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
DIFFERENCE_LIMITS: Limits = (-2.0, 2.0)
FISHER_BELOW = 100
"""Below this many architectures the interval is symmetric in Fisher's z, not in tau."""

NORMAL_975 = 1.959963984540054


OVER_SEEDS = "seeds"
OVER_ARCHITECTURES = "architectures"
OVER_BOTH = "seeds and architectures"


class Interval(NamedTuple):
    """A 95% interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        se: Standard error of the estimate.
        over: What is left to chance: `OVER_SEEDS`, `OVER_ARCHITECTURES` or `OVER_BOTH`. Over
            architectures alone it speaks of these trained seeds, over seeds alone of these
            architectures.
    """

    low: float
    high: float
    se: float
    over: str


def over_seeds(values: Sequence[float], limits: Limits | None = None) -> Interval | None:
    """Compute Student's t interval of the mean over training seeds.

    Args:
        values: One number a seed: a metric, or a paired difference of it.
        limits: Smallest and largest possible value, where there are such.

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


def around(
    centre: float,
    half: float,
    se: float,
    over: str,
    limits: Limits | None,
    n_archs: int = FISHER_BELOW,
) -> Interval:
    """Make the interval of a half-width.

    Args:
        centre: The estimate.
        half: Half of the width.
        se: Its standard error.
        over: What is left to chance.
        limits: Smallest and largest possible value, at which the interval is cut; None for none.
        n_archs: With fewer than 100, and `TAU_LIMITS`, it is symmetric in Fisher's z instead.
    """
    if limits == TAU_LIMITS and n_archs < FISHER_BELOW and abs(centre) < 1.0:
        z, half_z = math.atanh(centre), half / (1.0 - centre**2)
        return Interval(math.tanh(z - half_z), math.tanh(z + half_z), se, over)
    low, high = limits or (-math.inf, math.inf)
    return Interval(max(low, centre - half), min(high, centre + half), se, over)


def finite_factor(n: int, population: int | None) -> float:
    """Return the share of a variance that a draw of n of a population leaves, 0 to 1.

    Args:
        n: Architectures that were drawn.
        population: Architectures that they were drawn from; None for more than can be counted.
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
            f"An interval over seeds was asked for {values!r}; it takes one finite number a "
            "seed. Leave out the seeds without a value."
        )
    return numbers

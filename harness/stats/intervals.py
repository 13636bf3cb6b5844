"""Uncertainty of a metric: over the architectures that were drawn, and over training seeds.

All intervals are at 95%. None means that there is no such interval, never that it is zero wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.spaces.nb201.encoding import N_ARCHS
from harness.stats.correlation import Estimate
from harness.stats.populations import MIN_ARCHS

Limits = tuple[float, float]

TAU_LIMITS: Limits = (-1.0, 1.0)
DIFFERENCE_LIMITS: Limits = (-2.0, 2.0)
FISHER_BELOW = 100
"""Below this many architectures the interval is symmetric in Fisher's z, not in tau."""

NORMAL_975 = 1.959963984540054


class Interval(NamedTuple):
    """A 95% interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        se: Standard error of the estimate.
    """

    low: float
    high: float
    se: float


def over_architectures(tau: Estimate, population: int = N_ARCHS) -> Interval | None:
    """Compute the interval of one tau over the draw of architectures.

    It speaks of one trained estimator: what its tau over the whole population may be, given the
    sample that was ranked.

    Args:
        tau: Tau, or another correlation, of a simple random sample, with influence values.
        population: Number of architectures that the sample was drawn from.

    Returns:
        The interval; None for fewer than 30 architectures ("too few"), for an undefined tau,
        and for the whole population, which leaves nothing to chance.

    Reference:
        SE^2 = sum L_i^2 / (n(n-1)), times the finite population factor 1 - n/population; under
        100 architectures through Fisher's z by the delta method.
    """
    n = len(tau.influence)
    if tau.value is None or n < MIN_ARCHS or n >= population:
        return None
    se = influence_se(tau.influence, population)
    return _around_correlation(tau.value, NORMAL_975 * se, se, n)


def paired_over_architectures(
    tau_a: Estimate, tau_b: Estimate, population: int = N_ARCHS
) -> Interval | None:
    """Compute the interval of the difference a - b of two taus over the draw of architectures.

    Args:
        tau_a: Tau of one estimator.
        tau_b: Tau of another on the same architectures in the same order, against the same
            truth.
        population: Number of architectures that the sample was drawn from.

    Returns:
        The interval, around the difference; None as for `over_architectures`.

    Raises:
        UsageError: If the taus are not over the same number of architectures.
    """
    if len(tau_a.influence) != len(tau_b.influence):
        raise UsageError(
            f"A paired difference was asked for taus over {len(tau_a.influence)} and "
            f"{len(tau_b.influence)} architectures; both must be over the same ones. Restrict "
            "both rankings to the architectures that they share."
        )
    n = len(tau_a.influence)
    if tau_a.value is None or tau_b.value is None or n < MIN_ARCHS or n >= population:
        return None
    se = influence_se(tau_a.influence - tau_b.influence, population)
    return around(tau_a.value - tau_b.value, NORMAL_975 * se, se, DIFFERENCE_LIMITS)


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
    return around(float(numbers.mean()), student_975(len(numbers)) * se, se, limits)


def combined(
    values: Sequence[float],
    influences: npt.ArrayLike,
    population: int = N_ARCHS,
    limits: Limits = TAU_LIMITS,
) -> Interval | None:
    """Compute the interval of the mean over seeds, over both seeds and architectures.

    The half-width is sqrt((t s/sqrt(S))^2 + (1.96 SE)^2), with s the spread of the S seeds and
    SE that of the seeds' mean influence values. It is slightly conservative: what differs
    between seeds from one architecture to the next is in both parts. Under 100 architectures the
    interval of a mean of taus is symmetric in Fisher's z, as that of one tau is; that of a
    difference never is. With one seed only the architectures' part is left, and it speaks of that
    seed alone; with the whole population ranked, only the seeds' part.

    Args:
        values: Tau, or a paired difference of two, of each seed.
        influences: Their influence values (or the differences of these) on the same
            architectures in the same order, [seed, arch].
        population: Number of architectures that the sample was drawn from.
        limits: Smallest and largest possible value: `TAU_LIMITS` or `DIFFERENCE_LIMITS`.

    Returns:
        The interval, around the mean; None for fewer than 30 architectures, and for one seed
        with the whole population.

    Raises:
        UsageError: If a value is not finite or the shapes do not fit.
    """
    numbers, matrix = _check_values(values), np.asarray(influences, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) != len(numbers) or len(numbers) == 0:
        raise UsageError(
            f"A combined interval was asked for {len(numbers)} values and influences of shape "
            f"{matrix.shape}; it takes at least one value and influences [seed, arch]. Pass one "
            "row of influences a value."
        )
    n = matrix.shape[1]
    whole = n >= population
    if n < MIN_ARCHS or (whole and len(numbers) < 2):
        return None
    arch_se = 0.0 if whole else influence_se(matrix.mean(axis=0), population)
    return combine(numbers, arch_se, limits, n)


def combine(
    numbers: npt.NDArray[np.float64], other_se: float, limits: Limits, n_archs: int
) -> Interval:
    """Put the spread over seeds together with an independent normal error.

    Args:
        numbers: One value a seed, [seed], at least one; one alone has no spread.
        other_se: Standard error of their mean from all else.
        limits: Smallest and largest possible value; with `TAU_LIMITS` the interval is symmetric in
            Fisher's z under 100 architectures, unless only seeds are left to chance.
        n_archs: Architectures.

    Returns:
        The interval, around the mean.
    """
    seed_se, seed_half = 0.0, 0.0
    if len(numbers) > 1:
        seed_se = seeds_se(numbers)
        seed_half = student_975(len(numbers)) * seed_se
    half, se = math.hypot(seed_half, NORMAL_975 * other_se), math.hypot(seed_se, other_se)
    mean = float(numbers.mean())
    if limits == TAU_LIMITS and other_se > 0.0:
        return _around_correlation(mean, half, se, n_archs)
    return around(mean, half, se, limits)


def influence_se(influence: npt.NDArray[np.float64], population: int) -> float:
    """Compute the standard error over the draw of n of a population, from influences [n]."""
    n = len(influence)
    variance = float(influence @ influence) / (n * (n - 1))
    return math.sqrt(variance * max(0.0, 1.0 - n / population))


def replicates_se(replicates: npt.NDArray[np.float64], n: int, population: int) -> float:
    """Compute the same from a bootstrap's replicates, [b], undefined ones (NaN) left out."""
    spread = float(np.std(replicates[np.isfinite(replicates)], ddof=1))
    return spread * math.sqrt(max(0.0, 1.0 - n / population))


def seeds_se(numbers: npt.NDArray[np.float64]) -> float:
    """Compute the standard error of the mean over two seeds or more, [seed]."""
    return float(numbers.std(ddof=1)) / math.sqrt(len(numbers))


def student_975(n_seeds: int) -> float:
    """Return the 97.5% quantile of Student's t with one degree of freedom fewer than seeds."""
    from scipy.special import stdtrit  # not at the top: most commands need no scipy

    return float(stdtrit(n_seeds - 1, 0.975))


def around(centre: float, half: float, se: float, limits: Limits | None) -> Interval:
    """Make the interval of a half-width, cut at the limits."""
    low, high = limits or (-math.inf, math.inf)
    return Interval(max(low, centre - half), min(high, centre + half), se)


def _around_correlation(centre: float, half: float, se: float, n: int) -> Interval:
    if n >= FISHER_BELOW or abs(centre) == 1.0:
        return around(centre, half, se, TAU_LIMITS)
    z, half_z = math.atanh(centre), half / (1.0 - centre**2)
    return Interval(math.tanh(z - half_z), math.tanh(z + half_z), se)


def _check_values(values: Sequence[float]) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise UsageError(
            f"An interval over seeds was asked for {values!r}; it takes one finite number a "
            "seed. Leave out the seeds without a value."
        )
    return numbers

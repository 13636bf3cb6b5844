"""Contrasts between methods over paired training seeds: p-values, Holm correction, power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtrinc, stdtr, stdtrit

from harness.errors import UsageError


class Contrast(NamedTuple):
    """The mean of paired differences.

    Attributes:
        mean: Mean difference.
        low: Lower end of its 95% interval.
        high: Upper end.
        sd: Spread of the differences over seeds.
        p: Two-sided p-value for no difference.
        n: Number of seed pairs.
    """

    mean: float
    low: float
    high: float
    sd: float
    p: float
    n: int


def paired_contrast(differences: npt.ArrayLike) -> Contrast:
    """Estimate the mean of differences between two methods with Student's t.

    Args:
        differences: One per pair of runs with the same seed, [seed]; 2 or more.

    Returns:
        The contrast; p is 1 if all differences are zero.

    Raises:
        UsageError: If there are fewer than 2, or one is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = values.size
    if values.ndim != 1 or n < 2 or not np.isfinite(values).all():
        raise UsageError(
            f"A contrast was requested for {values.tolist()}: it needs 2 or more finite "
            "differences, one per pair of seeds. Train more seeds."
        )
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    half = float(stdtrit(n - 1, 0.975)) * sd / math.sqrt(n)
    if sd == 0:
        return Contrast(mean, mean, mean, 0.0, 1.0 if mean == 0 else 0.0, n)
    p = 2 * float(stdtr(n - 1, -abs(mean) * math.sqrt(n) / sd))
    return Contrast(mean, mean - half, mean + half, sd, p, n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values to control the family-wise error rate (Holm's step-down procedure).

    Args:
        p_values: P-values of a family of contrasts, 0 to 1.

    Returns:
        The adjusted p-values, in the same order.

    Reference:
        Holm, 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[position]))
        corrected[position] = worst
    return corrected


def smallest_detectable(sd: float, n: int, power: float = 0.8, level: float = 0.05) -> float:
    """Return the smallest true difference that a paired design detects with a given power.

    Args:
        sd: Spread of the differences over seeds.
        n: Number of seed pairs, 2 or more.
        power: Probability of detecting it, above `level` and below 1.
        level: Two-sided significance level.

    Returns:
        The difference, in the unit of `sd`, by the noncentral t distribution.
    """
    critical = float(stdtrit(n - 1, 1 - level / 2))
    # ignores significance in the wrong direction, which is negligible
    shift = float(nctdtrinc(n - 1, 1 - power, critical))
    return shift * sd / math.sqrt(n)

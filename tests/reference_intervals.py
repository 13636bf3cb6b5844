"""Intervals by hand, written apart from the harness, that its own must match.

Axis letters: seed; n architectures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.stats

FloatArray = npt.NDArray[np.float64]
Ends = tuple[float, float]


def combined_se(values: Sequence[float], influences: npt.ArrayLike, population: float) -> Ends:
    """The standard errors over seeds, and over architectures beyond the seeds' own scatter.

    Influence values [seed, n] as a two-way layout: the expected mean square of architectures less
    that of the interaction, over the seeds, is the variance that lasts from seed to seed.
    """
    matrix = np.asarray(influences, dtype=np.float64)
    n_seeds, n = matrix.shape
    centre = matrix.mean(axis=0)
    variance = float(centre @ centre) / (n - 1)
    if n_seeds > 1:
        variance -= float(((matrix - centre) ** 2).sum()) / ((n_seeds - 1) * (n - 1)) / n_seeds
    over_archs = math.sqrt(max(0.0, variance) / n * max(0.0, 1 - n / population))
    over_seeds = float(scipy.stats.sem(values)) if n_seeds > 1 else 0.0
    return over_seeds, over_archs


def combined_ends(
    values: Sequence[float], influences: npt.ArrayLike, population: float, is_tau: bool = True
) -> Ends:
    """The ends of the 95% interval of the mean over seeds, over seeds and architectures."""
    over_seeds, over_archs = combined_se(values, influences, population)
    t = float(scipy.stats.t.ppf(0.975, len(values) - 1)) if len(values) > 1 else 0.0
    half = math.hypot(t * over_seeds, 1.959963984540054 * over_archs)
    mean = float(np.mean(values))
    if is_tau and np.shape(influences)[1] < 100:
        z, half = math.atanh(mean), half / (1 - mean**2)
        return math.tanh(z - half), math.tanh(z + half)
    limit = 1.0 if is_tau else 2.0
    return max(-limit, mean - half), min(limit, mean + half)


def paired_ends(
    first: tuple[float | None, FloatArray],
    second: tuple[float | None, FloatArray],
    population: float = 15_625,
) -> Ends:
    """The ends of the 95% interval of a difference of two taus over the draw of architectures."""
    assert first[0] is not None
    assert second[0] is not None
    influence = (first[1] - second[1])[None]
    return combined_ends([first[0] - second[0]], influence, population, is_tau=False)


def architectures_ends(
    tau: tuple[float | None, FloatArray], population: float = 15_625
) -> tuple[float, float, float] | None:
    """The 95% interval of one tau over the draw of architectures, with its standard error."""
    n = len(tau[1])
    if tau[0] is None or n < 30 or n >= population:
        return None
    ends = (1.0, 1.0) if tau[0] == 1.0 else combined_ends([tau[0]], tau[1][None], population)
    return (*ends, combined_se([tau[0]], tau[1][None], population)[1])

"""The noise of a mean over networks that are drawn, each of them trained a few times.

An architecture that is a generator of networks has two sources of chance, one within the other:

    y_adt = mean_a + draw_ad + training_adt

The mean over D draws of S trainings each varies by draw^2 / D + training^2 / (D S): more trainings
of the same networks make only the second part smaller.

Axis letters: arch, draw, training.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError


class NestedNoise(NamedTuple):
    """What a mean over drawn networks varies with.

    Attributes:
        draw_sd: Standard deviation between the networks of an architecture, that of their
            trainings left out; 0 where the estimate of its square is negative.
        training_sd: Standard deviation between the trainings of one network.
        mean_sd: Of the mean of an architecture's draws, both together, pooled over architectures.
        draw_share: Share of the draws in the square of `mean_sd`, 0 to 1; 0 if that is 0.
        n_archs: Architectures with several draws.
        n_networks: Networks with several trainings.
    """

    draw_sd: float
    training_sd: float
    mean_sd: float
    draw_share: float
    n_archs: int
    n_networks: int


def nested_noise(values: npt.ArrayLike) -> NestedNoise | None:
    """Estimate the variances between draws and between trainings.

    By analysis of variance: the training's from the scatter within networks, the draws' from that
    of the networks' means, less what their trainings put into it. Both are unbiased, with unequal
    numbers too, before a negative one is set to 0.

    Args:
        values: [arch, draw, training], NaN where one is missing.

    Returns:
        The noise; None if no architecture has two draws, or no network two trainings.

    Raises:
        UsageError: If the array has another shape, or an infinite value.

    Reference:
        Searle, Casella & McCulloch, Variance Components, 1992, chapter 3 (nested random models).
    """
    cells = np.asarray(values, dtype=np.float64)
    if cells.ndim != 3 or np.isinf(cells).any():
        raise UsageError(
            f"Trainings of shape {cells.shape} were given; they must be [arch, draw, training], "
            "finite or NaN."
        )
    cells = cells[np.isfinite(cells).any(axis=(1, 2))]
    n_trainings = np.isfinite(cells).sum(axis=2)
    is_there = n_trainings > 0
    n_draws = is_there.sum(axis=1)
    several, repeated = n_draws >= 2, n_trainings >= 2
    if not several.any() or not repeated.any():
        return None
    means = np.nansum(cells, axis=2) / np.where(is_there, n_trainings, np.nan)
    squares = float(np.nansum((cells - means[:, :, None]) ** 2))
    training = squares / float((n_trainings[repeated] - 1).sum())
    centres = np.nansum(means[several], axis=1) / n_draws[several]
    between = np.nansum((means[several] - centres[:, None]) ** 2, axis=1) / (n_draws[several] - 1)
    # a mean of n trainings carries training^2 / n, and its network's draw once
    of_trainings = training * _mean_inverse(n_trainings[several])
    draw = max(0.0, float((between - of_trainings).mean()))
    parts = draw / n_draws, training * _mean_inverse(n_trainings) / n_draws
    of_draws, of_both = float(parts[0].mean()), float((parts[0] + parts[1]).mean())
    return NestedNoise(
        draw_sd=math.sqrt(draw),
        training_sd=math.sqrt(training),
        mean_sd=math.sqrt(of_both),
        draw_share=of_draws / of_both if of_both > 0.0 else 0.0,
        n_archs=int(several.sum()),
        n_networks=int(repeated.sum()),
    )


def _mean_inverse(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean of 1/n over the draws that are there, [arch]."""
    is_there = counts > 0
    inverse = np.where(is_there, 1.0 / np.maximum(counts, 1), 0.0)
    return np.asarray(inverse.sum(axis=1) / is_there.sum(axis=1))

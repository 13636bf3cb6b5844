"""What the noise of the truth does to tau: it scatters it, and it lowers it.

The truth is a mean of one to three trainings. Had they come out otherwise, the same scores would
have another tau (the standard error), and every tau is lower than it would be against the true
accuracies (the attenuation). Both rest on the noise model of `harness.stats.ceiling`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.errors import UsageError
from harness.stats.correlation import FloatArray
from harness.stats.populations import MIN_ARCHS, Population, top_share


class Attenuation(NamedTuple):
    """How much lower a tau is for the noise of the truth.

    Attributes:
        tau: Estimated tau against the true accuracies.
        factor: The observed tau over that one, 0 to 1; None where both are 0.
    """

    tau: float
    factor: float | None


def noisy_taus(
    scores: FloatArray, noisy_truths: FloatArray, population: Population
) -> FloatArray | None:
    """Compute tau against what the truth could have been.

    A population that truth selects is selected anew each time, as another truth would have.

    Args:
        scores: Estimates, finite numbers, [seed, n].
        noisy_truths: From `draw_truths`, [draw, copy, n].
        population: The part of the n architectures that is judged.

    Returns:
        Tau-b, [draw, copy, seed]; None where a tau is undefined or of fewer than 30.

    Raises:
        UsageError: If the numbers of architectures differ.
    """
    if scores.ndim != 2 or noisy_truths.ndim != 3 or scores.shape[1] != noisy_truths.shape[2]:
        raise UsageError(
            f"Scores of shape {scores.shape} and truths of shape {noisy_truths.shape} were given; "
            "they must be [seed, n] and [draw, copy, n]. Pass those of the same architectures."
        )
    # As fast as one merge sort: the influence values, which take most of the time, are not needed.
    from scipy.stats import kendalltau

    taus = np.empty((*noisy_truths.shape[:2], len(scores)))
    for place in np.ndindex(*noisy_truths.shape[:2]):
        truth = noisy_truths[place]
        chosen = population.mask if population.share is None else top_share(truth, population.share)
        if int(chosen.sum()) < MIN_ARCHS:
            return None
        for seed, row in enumerate(scores):
            taus[(*place, seed)] = kendalltau(row[chosen], truth[chosen]).statistic
    return taus if bool(np.isfinite(taus).all()) else None


def truth_noise_se(taus: FloatArray) -> float:
    """Compute the standard error that the truth's noise gives a tau, or a difference of two.

    It is the scatter around its own mean, to be centred on the estimate: the mean of re-noised
    taus is lower than the estimate, since noise is added to what is noisy already.

    Args:
        taus: Mean over seeds, [draw, copy]; copies share their true accuracies. For a difference,
            that of two scores against the same truths: most of the noise is in both and cancels.

    Returns:
        The root of the mean variance between copies.

    Raises:
        UsageError: If there are fewer than two copies.
    """
    if taus.ndim != 2 or taus.shape[1] < 2:
        raise UsageError(
            f"Taus of shape {taus.shape} were given; they must be [draw, copy] with at least two "
            "copies. Draw more."
        )
    return math.sqrt(float(taus.var(axis=1, ddof=1).mean()))


def attenuation(tau: float, ceiling: float) -> Attenuation:
    """Estimate what tau would be against the true accuracies.

    With sin(pi tau/2) the correlation of a normal pair, correlations multiply: that of score and
    noisy truth is that of score and true accuracy times that of true accuracy and noisy truth,
    which the ceiling gives. So a noiseless score is put right in full, a poor one, whose own
    noise hides the truth's, by little. On simulations from the published table's noise it was
    within 0.005 of the tau against the true accuracies over all, and 0.01 in the top half; the
    two ways around it, simulation-extrapolation and the ratio of taus with once and twice the
    noise, fell 0.03 and 0.1 short for good scores. A score that is exact about the best alone it
    still underestimates, by 0.03.

    Args:
        tau: Against the noisy truth, -1 to 1.
        ceiling: Expected tau of a noiseless estimator on the same population, above 0 to 1.

    Returns:
        The estimate, cut at -1 and 1.

    Raises:
        UsageError: If a number is out of range.

    Reference:
        Spearman, The proof and measurement of association between two things, 1904; Greiner,
        1909 (the sine). The truth is not normal: an approximation, checked as said above.
    """
    if not (-1.0 <= tau <= 1.0 and 0.0 < ceiling <= 1.0):
        raise UsageError(
            f"A tau of {tau} and a ceiling of {ceiling} were given; tau is -1 to 1, and a ceiling "
            "above 0 up to 1. Without a ceiling there is no attenuation to tell."
        )
    ratio = math.sin(math.pi * tau / 2.0) / math.sin(math.pi * ceiling / 2.0)
    noiseless = 2.0 / math.pi * math.asin(max(-1.0, min(1.0, ratio)))
    return Attenuation(noiseless, tau / noiseless if noiseless else None)

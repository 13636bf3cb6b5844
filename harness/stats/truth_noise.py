"""How the noise of the truth affects tau: it adds scatter, and it lowers tau.

The truth is a mean of one to three trainings. With other outcomes of these trainings, the same
scores would have another tau (the standard error), and every tau is lower than against the true
accuracies (the attenuation). The first is measured on the trainings themselves, the second rests on
the noise model of `harness.stats.ceiling`. Axis letters: seed, n architectures, trial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.correlation import FloatArray, IntArray, cross_concordance
from harness.stats.populations import MIN_ARCHS, top_share

_MAX_BINS = 20
_AT_CUT = 0.1


class Attenuation(NamedTuple):
    """How much the noise of the truth lowers a tau.

    Attributes:
        tau: Estimated tau against the true accuracies.
        factor: The observed tau divided by that one, 0 to 1; None if both are 0.
    """

    tau: float
    factor: float | None


@dataclass(frozen=True, eq=False)
class TruthInfluence:
    """The influence of each training of the truth on tau.

    Attributes:
        moves: Tau, up to a constant per row, if the architecture's truth deviated as this training
            does, [n, trial]; NaN where a trial is missing.
        bins: Bin of each architecture by truth, [n]; those with one training borrow the bin's
            variance.
        n_behind: Number of trainings averaged in each truth, [n].
    """

    moves: FloatArray
    bins: IntArray
    n_behind: IntArray

    def minus(self, other: TruthInfluence) -> TruthInfluence:
        """Return the influence on a paired difference, in which most of the noise cancels."""
        return TruthInfluence(self.moves - other.moves, self.bins, self.n_behind)

    def se(self) -> float:
        """Return the standard error due to the truth's noise, centred on the estimate."""
        n_trials = np.isfinite(self.moves).sum(axis=1)
        several = n_trials >= 2
        centred = self.moves - (np.nansum(self.moves, axis=1) / n_trials)[:, None]
        squares = np.nansum(centred**2, axis=1)
        variance = squares / np.maximum(n_trials - 1, 1)
        # These are variances of one training; that of a mean of several is divided by their number.
        pooled = np.bincount(self.bins[several], weights=(squares * self.n_behind)[several])
        degrees = np.bincount(self.bins[several], weights=n_trials[several] - 1.0)
        borrowed = (pooled / degrees)[self.bins] / self.n_behind
        return math.sqrt(float(np.where(several, variance, borrowed).sum()))


class TruthNoise:
    """What the noise of a truth may do to the tau of any scores; made by `prepare_noise`.

    Args:
        trials: Trainings behind the truth, [n, trial], NaN where a trial is missing.
        truth: Their mean, [n], or the mean of `n_behind` of them.
        n_behind: Number of trainings averaged in each truth, [n].
        share: Tau within the top share of truth, a selection that itself depends on the trainings;
            all if None.
    """

    def __init__(
        self, trials: FloatArray, truth: FloatArray, n_behind: IntArray, share: float | None
    ) -> None:
        self._shape = trials.shape
        self._places = np.nonzero(np.isfinite(trials))
        self._bins = bin_by_truth(truth, np.isfinite(trials).sum(axis=1) >= 2)
        self._behind = n_behind
        off = find_residuals(trials, self._bins) / np.sqrt(n_behind)[:, None]
        self._moved = (truth[:, None] + off)[self._places]
        self._share = share
        self._best = slice(None) if share is None else top_share(truth, share)
        self._truth = truth[self._best]
        self._untied = _untied_pairs(self._truth)

    def influence(self, scores: FloatArray) -> TruthInfluence | None:
        """Measure how tau moves with each training of each architecture.

        Args:
            scores: Estimates of one seed, finite numbers, [n].

        Returns:
            The influence; None if a side is constant.
        """
        best = scores[self._best]
        scale = math.sqrt(_untied_pairs(best) * self._untied)
        if scale == 0.0:
            return None
        agreement: FloatArray | IntArray = cross_concordance(
            best, self._truth, scores[self._places[0]], self._moved
        )
        if self._share is not None:
            next_in_line = _agreement_at_cut(best, self._truth)
            agreement = np.where(self._moved < self._truth.min(), next_in_line, agreement)
        moves = np.full(self._shape, np.nan)
        # Each pair counts in both orders, once for each of its items.
        moves[self._places] = 2.0 * agreement / scale
        return TruthInfluence(moves, self._bins, self._behind)


def prepare_noise(
    trials: FloatArray,
    truth: FloatArray,
    n_behind: IntArray | None = None,
    share: float | None = None,
) -> TruthNoise | None:
    """Prepare what `truth_influence` needs of the truth alone.

    Args:
        trials: As in `truth_influence`.
        truth: As in `truth_influence`.
        n_behind: As in `truth_influence`.
        share: As in `truth_influence`.

    Returns:
        The noise; None if fewer than 30 architectures have two trainings, or one has none.
    """
    n_trials = np.isfinite(trials).sum(axis=1)
    if int((n_trials >= 2).sum()) < MIN_ARCHS or (n_trials == 0).any():
        return None
    return TruthNoise(trials, truth, n_trials if n_behind is None else n_behind, share)


def truth_influence(
    scores: FloatArray,
    trials: FloatArray,
    truth: FloatArray,
    n_behind: IntArray | None = None,
    share: float | None = None,
) -> TruthInfluence | None:
    """Measure how tau, mean over seeds, moves with each training of each architecture.

    One architecture's truth at a time is shifted by the deviation of each of its trainings, divided
    by the root of the number averaged in the truth; the variance between these shifts is what its
    noise adds (Hajek's projection: noise is independent between architectures). That needs neither
    true accuracies nor a noise model, and uses the actual scores. Simulating other truths around
    the observed means, or around posterior draws, loses what scores and truth share below the
    noise, and understates the noise of a difference by a quarter for good scores. This estimate was
    within a tenth of the scatter over trainings of the truth; in a top 10% that is mostly noise, it
    was up to a third too high.

    A trial's common effect on all architectures of similar truth does not change ranks, and is
    subtracted. Within a top share, a training below the cut hands the place to the next
    architecture, whose contribution to tau is taken as the average of the lowest tenth.

    Args:
        scores: Estimates, finite numbers, [seed, n].
        trials: Trainings behind the truth, [n, trial], NaN where a trial is missing.
        truth: Their mean, [n], or the mean of `n_behind` of them.
        n_behind: Number of trainings averaged in each truth, [n]; all by default.
        share: Tau within the top share of truth, a selection that itself depends on the trainings;
            all if None.

    Returns:
        The influence; None if fewer than 30 architectures have two trainings, or a side is
        constant.

    Raises:
        UsageError: If the shapes do not fit.

    Reference:
        Hajek, Asymptotic normality of simple linear rank statistics under alternatives, 1968.
    """
    if trials.ndim != 2 or scores.ndim != 2 or not scores.shape[1] == len(trials) == len(truth):
        raise UsageError(
            f"Scores of shape {scores.shape}, trainings of {trials.shape} and a truth of "
            f"{truth.shape} were given; they must be [seed, n], [n, trial] and [n]. Pass those of "
            "the same architectures."
        )
    noise = prepare_noise(trials, truth, n_behind, share)
    found = [] if noise is None else [noise.influence(row) for row in scores]
    known = [influence for influence in found if influence is not None]
    return mean_influence(known) if len(known) == len(scores) else None


def mean_influence(seeds: Sequence[TruthInfluence]) -> TruthInfluence:
    """Average the influence over seeds, at least one, with the same truth."""
    first = seeds[0]
    moves = sum(influence.moves / len(seeds) for influence in seeds)
    return TruthInfluence(np.asarray(moves), first.bins, first.n_behind)


def bin_by_truth(truth: FloatArray, several: npt.NDArray[np.bool_]) -> IntArray:
    """Bin architectures; each bin has equally many with several trainings, at least 30, [n]."""
    n_bins = int(np.clip(several.sum() // MIN_ARCHS, 1, _MAX_BINS))
    cuts = np.quantile(truth[several], np.arange(1, n_bins) / n_bins)
    bins = np.searchsorted(cuts, truth, side="right")
    # With many ties a bin may hold none with several trainings: it joins the next that does.
    filled = np.unique(bins[several])
    return np.minimum(np.searchsorted(filled, bins), len(filled) - 1)


def find_residuals(trials: FloatArray, bins: IntArray) -> FloatArray:
    """Return how far each trial is from the mean of its architecture's, [n, trial].

    A trial's common effect on all architectures of a bin, such as a lucky batch order shared by a
    seed, does not change ranks, so it is no noise of the ranking, and is subtracted.
    """
    n_trials = np.isfinite(trials).sum(axis=1)
    residuals = trials - (np.nansum(trials, axis=1) / n_trials)[:, None]
    for members in (bins == number for number in range(int(bins.max()) + 1)):
        several = residuals[members & (n_trials >= 2)]
        counts = np.maximum(np.isfinite(several).sum(axis=0), 1)
        residuals[members] -= np.nansum(several, axis=0) / counts
    return np.asarray(residuals, dtype=np.float64)


def _agreement_at_cut(scores: FloatArray, truth: FloatArray) -> float:
    lowest = truth <= np.quantile(truth, _AT_CUT)
    return float(cross_concordance(scores, truth, scores[lowest], truth[lowest]).mean())


def _untied_pairs(values: FloatArray) -> float:
    sizes = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float(len(values) ** 2 - (sizes**2).sum())


def attenuation(tau: float, ceiling: float) -> Attenuation:
    """Estimate what tau would be against the true accuracies.

    With sin(pi tau/2) the correlation of a normal pair, correlations multiply: that of score and
    noisy truth is that of score and true accuracy times that of true accuracy and noisy truth,
    which the ceiling gives. So a noiseless score is corrected in full, a poor one, whose own noise
    hides the truth's, by little. On simulations from the published table's noise it was within
    0.005 of the tau against the true accuracies over all, and 0.01 in the top half; the two
    alternatives, simulation-extrapolation and the ratio of taus with once and twice the noise, fell
    0.03 and 0.1 short for good scores. For a score that is exact about the best only, it
    underestimates tau by 0.03.

    Args:
        tau: Tau against the noisy truth, -1 to 1.
        ceiling: Expected tau of a noiseless estimator on the same population, above 0 to 1.

    Returns:
        The estimate, cut at -1 and 1.

    Raises:
        UsageError: If a number is out of range.

    Reference:
        Spearman, The proof and measurement of association between two things, 1904; Greiner,
        1909 (the sine). The truth is not normal, so this is an approximation, checked as described
        above.
    """
    if not (-1.0 <= tau <= 1.0 and 0.0 < ceiling <= 1.0):
        raise UsageError(
            f"A tau of {tau} and a ceiling of {ceiling} were given; tau is -1 to 1, and a ceiling "
            "above 0 up to 1. Without a ceiling the attenuation cannot be estimated."
        )
    ratio = math.sin(math.pi * tau / 2.0) / math.sin(math.pi * ceiling / 2.0)
    noiseless = 2.0 / math.pi * math.asin(max(-1.0, min(1.0, ratio)))
    return Attenuation(noiseless, tau / noiseless if noiseless else None)

"""How well any estimator could rank, given that the truth is a mean of a few noisy trainings.

Two numbers, both reported. The *one-seed reference* is how well one more training would rank.
The *ceiling* is the expected tau of a noiseless estimator against this truth: one that knows the
true accuracies, on the very architectures that this truth selects.

Trainings come as accuracies in percent, [arch, trial], NaN where an architecture lacks a trial.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import kendall_tau
from harness.stats.intervals import student_quantile
from harness.stats.populations import MIN_ARCHS, top_share
from harness.stats.truth_noise import bin_by_truth, find_residuals

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS, MORE_DRAWS = 20, 100
"""Default draws; the second is for few architectures, where the range needs more of them."""
_FEW_ARCHS = 1_000

_GRID_POINTS = 400
_EM_STEPS = 10  # more would concentrate the prior in spikes
_SMALLEST_SE = 1e-6  # percent; keeps the likelihood defined where all trials agree
_ROUNDED_TO = 6  # as truth means are, so that ties match


class Reference(NamedTuple):
    """The one-seed reference.

    Attributes:
        tau: Tau-b of one training against the mean of the others, averaged over the one left out.
        n_archs: Number of architectures; the smallest, if it depends on which training is left out.
        n_trials: Trials of each of them, the largest number that occurs.
    """

    tau: float
    n_archs: int
    n_trials: int


class Ceiling(NamedTuple):
    """The modelled ceiling.

    Attributes:
        tau: Expected tau-b of a noiseless estimator against this truth, mean over the draws.
        low: Lower end of the range that holds 95% of the draws of that estimator's tau, given this
            truth; None for one draw. It excludes the noise model's own error, so its simulated
            coverage is lower: 0.86 to 0.95 in a top 10%, 0.75 to 0.90 in a top half, 0.66 to 0.87
            over all, where it is narrow and the model is 0.001 to 0.003 low. On few architectures
            the range is wide, and an estimator may well be above `tau`.
        high: Upper end.
        se: Monte Carlo standard error of `tau`, which more draws reduce; None for one draw. It
            excludes the model's own error.
        n_archs: Number of architectures.
        draws: Number of simulated sets of true accuracies.
    """

    tau: float
    low: float | None
    high: float | None
    se: float | None
    n_archs: int
    draws: int


def one_seed_reference(accuracy: npt.ArrayLike, share: float | None = None) -> Reference | None:
    """Compute how well one training ranks what the mean of the others ranks.

    Only architectures with the largest number of trials enter; in the published table these
    are worse than average ones.

    Args:
        accuracy: Trainings, [arch, trial].
        share: Use only the top share of them by the mean of the others, above 0 and up to 1; the
            training that is left out does not affect the selection. All if None.

    Returns:
        The reference; None if no architecture has two trials, fewer than 30 of those with the most
        trials are used, or a tau is undefined.

    Raises:
        UsageError: If the array is not [arch, trial], or the share is out of range.
    """
    values = _check_trials(accuracy)
    n_trials = np.isfinite(values).sum(axis=1)
    most = int(n_trials.max(initial=0))
    candidates = values[n_trials == most]
    if most < 2 or len(candidates) < MIN_ARCHS:
        return None
    dense = candidates[np.isfinite(candidates)].reshape(len(candidates), most)
    taus, sizes = [], []
    for trial in range(most):
        others = np.delete(dense, trial, axis=1).mean(axis=1).round(_ROUNDED_TO)
        chosen = _choose(others, share)
        tau = kendall_tau(dense[chosen, trial], others[chosen]).value
        if tau is None or len(chosen) < MIN_ARCHS:
            return None
        taus.append(tau)
        sizes.append(len(chosen))
    return Reference(float(np.mean(taus)), min(sizes), most)


def modelled_ceilings(
    accuracy: npt.ArrayLike,
    truth: npt.ArrayLike | None = None,
    shares: Sequence[float | None] = (None,),
    draws: int | None = None,
    seed: int = 0,
) -> list[Ceiling | None]:
    """Estimate the ceiling of all architectures, or of top shares of the truth.

    Args:
        accuracy: As in `modelled_ceiling`.
        truth: As in `modelled_ceiling`.
        shares: Populations, each the top share of the truth, above 0 and up to 1, or None for all.
        draws: As in `modelled_ceiling`.
        seed: As in `modelled_ceiling`.

    Returns:
        A ceiling for each share.

    Raises:
        UsageError: As `modelled_ceiling`, or if a share is out of range.
    """
    values = _check_trials(accuracy)
    known = _check_truth(values, truth)
    masks = [
        np.ones(len(known), dtype=np.bool_) if share is None else top_share(known, share)
        for share in shares
    ]
    return [modelled_ceiling(values, known, mask, draws, seed) for mask in masks]


def modelled_ceiling(
    accuracy: npt.ArrayLike,
    truth: npt.ArrayLike | None = None,
    mask: npt.ArrayLike | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> Ceiling | None:
    """Estimate the tau of a noiseless estimator against this truth, on one population.

    The noise model: trainings of an architecture scatter normally around its true accuracy,
    with a variance that depends on accuracy alone (pooled in about 20 quantile bins over
    the architectures with two trials or more). True accuracies are drawn from their posterior
    given all trainings, under an empirical-Bayes prior, and each draw is compared with the given
    truth: tau, and its scatter over the draws, are those that a noiseless estimator has on this
    truth and on the architectures that this truth selects. (Fresh noise around the draws would
    select others: for 30 of 300 architectures it gave 0.46 where this gives 0.54 +- 0.08.) On the
    published table the same model predicts the one-seed reference to 0.002 (CIFAR-10 test) to
    0.0055 (ImageNet16-120), on the low side, and among the best to within the scatter of one table.

    Computed once for the same arguments.

    Args:
        accuracy: Trainings, [arch, trial]; a sample of architectures is enough.
        truth: The truth of the evaluation, finite, [arch]; the mean of the trainings by default.
            Differs from it if, for example, a single trial is the truth.
        mask: The architectures of the population, [arch]; all by default. The noise model is fitted
            to all.
        draws: Number of simulated sets of true accuracies, at least 1; by default 100 for up to
            1,000 architectures and 20 for more.
        seed: Seed of the draws.

    Returns:
        The ceiling; None if fewer than 30 architectures are in the population or have two trials,
        or if tau is undefined.

    Raises:
        UsageError: If `accuracy` is not [arch, trial], the other arrays do not match it, or a
            number is out of range.

    Reference:
        Kiefer & Wolfowitz, 1956 (the prior); Efron, Empirical Bayes deconvolution, 2016 (few
        steps of EM as regularisation).
    """
    values = _check_trials(accuracy)
    known = _check_truth(values, truth)
    chosen = np.ones(len(known), dtype=np.bool_) if mask is None else np.asarray(mask)
    if draws is None:
        draws = MORE_DRAWS if len(values) <= _FEW_ARCHS else DRAWS
    if draws < 1:
        raise UsageError(
            f"{draws} draws were requested; at least 1 is needed. Pass 20, for example."
        )
    if chosen.shape != known.shape or chosen.dtype != np.bool_:
        raise UsageError(
            f"A mask of shape {chosen.shape} and type {chosen.dtype} was given; it must be "
            f"boolean, [arch], {len(known)} here. Pass Population.mask of the same architectures."
        )
    return _model_once(_Content(values), _Content(known), _Content(chosen), draws, seed)


class _Content:
    """An array that is hashed by its content, as a cache key."""

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.array = array
        self.digest = hashlib.sha256(array.tobytes()).digest() + str(array.shape).encode()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.digest == other.digest


@lru_cache(maxsize=128)
def _model_once(
    accuracy: _Content, truth: _Content, mask: _Content, draws: int, seed: int
) -> Ceiling | None:
    drawn = _draw_once(accuracy, draws, seed)
    judged = mask.array & np.isfinite(accuracy.array).any(axis=1)
    if drawn is None or int(judged.sum()) < MIN_ARCHS:
        return None
    taus = [kendall_tau(true[judged], truth.array[judged]).value for true in drawn]
    defined = [tau for tau in taus if tau is not None]
    if len(defined) < draws:
        return None
    mean, low, high, se = float(np.mean(defined)), None, None, None
    if draws > 1:
        sd = float(np.std(defined, ddof=1))
        # A prediction interval: mean and scatter are estimated from these draws alone.
        half = student_quantile(draws - 1, 0.975) * sd * math.sqrt(1.0 + 1.0 / draws)
        low, high, se = max(-1.0, mean - half), min(1.0, mean + half), sd / math.sqrt(draws)
    return Ceiling(mean, low, high, se, int(judged.sum()), draws)


@lru_cache(maxsize=4)
def _draw_once(accuracy: _Content, draws: int, seed: int) -> FloatArray | None:
    """Draw true accuracies, [draw, arch], NaN without trials; None without a noise model."""
    values = accuracy.array
    n_trials = np.isfinite(values).sum(axis=1)
    if int((n_trials >= 2).sum()) < MIN_ARCHS:
        return None
    known = n_trials > 0
    values, n_trials = values[known], n_trials[known]
    observed = np.nansum(values, axis=1) / n_trials
    variance = _seed_variance(values, n_trials, observed)
    edges, cumulative = _posterior(observed, _standard_error(variance, n_trials))
    rng = make_rng(seed, "ceiling")
    drawn = np.full((draws, len(known)), np.nan)
    for row in drawn:
        row[known] = _draw_true(edges, cumulative, rng)
    return drawn


def _choose(truth: FloatArray, share: float | None) -> IntArray:
    """Return the positions of a population."""
    return np.arange(len(truth)) if share is None else np.flatnonzero(top_share(truth, share))


def _standard_error(variance: FloatArray, n_trials: IntArray) -> FloatArray:
    return np.maximum(np.sqrt(variance / n_trials), _SMALLEST_SE)


def _check_truth(values: FloatArray, truth: npt.ArrayLike | None) -> FloatArray:
    """Return the truth, [arch]; 0, which is never read, if there is neither a truth nor a trial."""
    if truth is None:
        counts = np.isfinite(values).sum(axis=1)
        return np.asarray((np.nansum(values, axis=1) / np.maximum(counts, 1)).round(_ROUNDED_TO))
    known = np.asarray(truth, dtype=np.float64)
    if known.shape != values.shape[:1] or not np.isfinite(known).all():
        raise UsageError(
            f"A truth of shape {known.shape} was given for trainings of shape {values.shape}; it "
            "must be finite, [arch]. Pass Truth.value of the same architectures."
        )
    return known


def _check_trials(accuracy: npt.ArrayLike) -> FloatArray:
    values = np.asarray(accuracy, dtype=np.float64)
    if values.ndim != 2 or np.isinf(values).any():
        raise UsageError(
            f"Trainings of shape {values.shape} were given; they must be [arch, trial], finite or "
            "NaN. Pass the accuracies of TruthTable.trials()."
        )
    return values


def _seed_variance(values: FloatArray, n_trials: IntArray, observed: FloatArray) -> FloatArray:
    """Pool the variance between trials over architectures of similar accuracy, [arch]."""
    freedom = n_trials - 1
    bins = bin_by_truth(observed, freedom > 0)
    squares = np.nansum(find_residuals(values, bins) ** 2, axis=1)
    pooled, degrees = np.bincount(bins, weights=squares), np.bincount(bins, weights=freedom)
    return np.asarray((pooled / degrees)[bins], dtype=np.float64)


def _posterior(observed: FloatArray, se: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate the distribution of true accuracies, and each architecture's posterior.

    Returns:
        The edges of the grid's cells, [cell + 1], and each architecture's cumulative posterior
        probability up to and including each cell, [arch, cell].
    """
    n_cells = min(_GRID_POINTS, len(observed))
    grid = np.unique(np.quantile(observed, np.linspace(0.0, 1.0, n_cells)))
    middles = (grid[1:] + grid[:-1]) / 2.0
    edges = np.concatenate([grid[:1], middles, grid[-1:]])
    log_likelihood = -0.5 * ((observed[:, None] - grid[None, :]) / se[:, None]) ** 2
    # A factor per architecture cancels; dividing by the largest prevents underflow.
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    prior = np.full(len(grid), 1.0 / len(grid))
    for _ in range(_EM_STEPS):
        prior *= (1.0 / (likelihood @ prior)) @ likelihood / len(observed)
    cumulative = np.cumsum(likelihood * prior, axis=1)
    return edges, cumulative / cumulative[:, -1:]


def _draw_true(edges: FloatArray, cumulative: FloatArray, rng: np.random.RandomState) -> FloatArray:
    """Draw a true accuracy for each architecture, uniformly within its cell, [arch]."""
    level = rng.uniform(size=(len(cumulative), 1))
    cell = np.minimum((cumulative < level).sum(axis=1), cumulative.shape[1] - 1)
    place = rng.uniform(size=len(cell))
    return np.asarray(edges[cell] + place * (edges[cell + 1] - edges[cell]), dtype=np.float64)

"""How well anything could rank: the truth is itself a mean of a few noisy trainings.

Two numbers, both reported. The *one-seed reference* says how well one more training would do.
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

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS, MORE_DRAWS = 20, 100
"""Draws unless told, and of so few architectures that the range needs them and they cost little."""
_FEW_ARCHS = 1_000

_MAX_BINS = 20
_GRID_POINTS = 400
_EM_STEPS = 10  # more would gather the prior in spikes
_SMALLEST_SE = 1e-6  # percent; keeps the likelihood defined where all trials agree
_ROUNDED_TO = 6  # as truth means are, so that ties are the same


class Reference(NamedTuple):
    """The one-seed reference.

    Attributes:
        tau: Tau-b of one training against the mean of the others, mean over which one.
        n_archs: Architectures that it is over; the fewest, where that depends on which one.
        n_trials: Trials that each of them has, the largest number that occurs.
    """

    tau: float
    n_archs: int
    n_trials: int


class Ceiling(NamedTuple):
    """The modelled ceiling.

    Attributes:
        tau: Expected tau-b of a noiseless estimator against this truth, mean over the draws.
        low: Lower end of the range in which that estimator's tau lies, given this truth; None for
            one draw. It is where 95% of the draws lie. The noise model's own error is not in it,
            so that it covers less by simulation: 0.86 to 0.95 in a top 10%, 0.75 to 0.90 in a top
            half, 0.66 to 0.87 over all, where it is narrow and the model is 0.001 to 0.003 low.
            On few architectures the range is wide, and an estimator may well be above `tau`.
        high: Upper end.
        se: Monte Carlo standard error of `tau`, which more draws make smaller; None for one draw.
            The model's own error is not in it.
        n_archs: Architectures that it is over.
        draws: Simulated true accuracies.
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
        share: Judge only the top share of them by the mean of the others, above 0 and up to 1;
            the training that is judged has no say in who is judged. All if None.

    Returns:
        The reference; None where no architecture has two trials, fewer than 30 of those with the
        largest number are judged, or a tau is undefined.

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
    """Estimate the tau of a noiseless estimator against this truth, on a part of it.

    The noise model: trainings of an architecture scatter normally around its true accuracy,
    with a variance that depends on accuracy alone (pooled in about 20 quantile bins over
    the architectures with two trials or more). True accuracies are drawn from their posterior
    given all trainings, under an empirical-Bayes prior, and each draw is compared with the truth
    as it is: tau, and its scatter over the draws, are those that a noiseless estimator has on
    this truth and on the architectures that this truth selects. (Fresh noise around the draws
    would select others: for 30 of 300 architectures it gave 0.46 where this gives 0.54 +- 0.08.)
    On the published table the same model predicts the one-seed reference to 0.002 (CIFAR-10 test)
    to 0.0055 (ImageNet16-120), on the low side, and among the best to within the scatter of one
    table.

    Computed once for the same arguments.

    Args:
        accuracy: Trainings, [arch, trial]; a sample of architectures is enough.
        truth: What estimators are held to, finite, [arch]; the mean of the trainings unless given,
            such as where one trial is the truth.
        mask: The architectures that are judged, [arch]; all unless given. The noise is learned
            from all.
        draws: Simulated true accuracies, at least 1; 100 of up to 1,000 architectures and 20 of
            more, unless given.
        seed: Seed of the draws.

    Returns:
        The ceiling; None for fewer than 30 architectures in the population or with two trials, or
        where tau is undefined.

    Raises:
        UsageError: If the array is not [arch, trial], the others do not fit it, or a number is out
            of range.

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
        raise UsageError(f"{draws} draws were asked for; at least 1 is needed. Give 20, say.")
    if chosen.shape != known.shape or chosen.dtype != np.bool_:
        raise UsageError(
            f"A mask of shape {chosen.shape} and type {chosen.dtype} was given; it must be "
            f"boolean, [arch], {len(known)} here. Pass Population.mask of the same architectures."
        )
    return _model_once(_Content(values), _Content(known), _Content(chosen), draws, seed)


class _Content:
    """An array that stands for its content as a key of a cache."""

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
        # A prediction interval: the scatter and the mean are known from these draws alone.
        half = student_quantile(draws - 1, 0.975) * sd * math.sqrt(1.0 + 1.0 / draws)
        low, high, se = max(-1.0, mean - half), min(1.0, mean + half), sd / math.sqrt(draws)
    return Ceiling(mean, low, high, se, int(judged.sum()), draws)


@lru_cache(maxsize=4)
def _draw_once(accuracy: _Content, draws: int, seed: int) -> FloatArray | None:
    """Draw true accuracies, [draw, arch], NaN without a trial; None without a noise model."""
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
    """Return the truth, [arch]; 0, which is never read, where there is none and no trial."""
    if truth is None:
        counts = np.isfinite(values).sum(axis=1)
        return np.asarray((np.nansum(values, axis=1) / np.maximum(counts, 1)).round(_ROUNDED_TO))
    known = np.asarray(truth, dtype=np.float64)
    if known.shape != values.shape[:1] or not np.isfinite(known).all():
        raise UsageError(
            f"A truth of shape {known.shape} was given for trainings of shape {values.shape}; it "
            "must be finite, [arch]. Pass Truth.accuracy of the same architectures."
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
    n_bins = int(np.clip((freedom > 0).sum() // MIN_ARCHS, 1, _MAX_BINS))
    # Bins of equally many architectures *with* several trials: no bin is without a variance.
    cuts = np.quantile(observed[freedom > 0], np.arange(1, n_bins) / n_bins)
    bins = np.searchsorted(cuts, observed, side="right")
    residuals = values - observed[:, None]
    for members in (bins == number for number in range(n_bins)):
        # What a trial does to all architectures of similar accuracy alike, such as a lucky
        # order of batches shared by a seed, moves no ranks: it is no noise of the ranking.
        shift = np.nansum(residuals[members & (freedom > 0)], axis=0)
        counted = np.isfinite(residuals[members & (freedom > 0)]).sum(axis=0)
        residuals[members] -= shift / np.maximum(counted, 1)
    squares = np.nansum(residuals**2, axis=1)
    pooled = np.bincount(bins, weights=squares, minlength=n_bins)
    degrees = np.bincount(bins, weights=freedom, minlength=n_bins)
    overall = pooled.sum() / degrees.sum()
    by_bin = np.where(degrees > 0, pooled / np.maximum(degrees, 1.0), overall)
    return np.asarray(by_bin[bins], dtype=np.float64)


def _posterior(observed: FloatArray, se: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Estimate the distribution of true accuracies, and each architecture's posterior.

    Returns:
        The edges of the grid's cells, [cell + 1], and each architecture's cumulative posterior
        probability up to and with each cell, [arch, cell].
    """
    n_cells = min(_GRID_POINTS, len(observed))
    grid = np.unique(np.quantile(observed, np.linspace(0.0, 1.0, n_cells)))
    middles = (grid[1:] + grid[:-1]) / 2.0
    edges = np.concatenate([grid[:1], middles, grid[-1:]])
    log_likelihood = -0.5 * ((observed[:, None] - grid[None, :]) / se[:, None]) ** 2
    # A factor for each architecture cancels, and taking out the largest prevents underflow.
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

"""How well anything could rank: the truth is itself a mean of a few noisy trainings.

Two numbers, both reported. The *one-seed reference* says how well one more training would do.
The *ceiling* is the expected tau of a noiseless estimator against this truth.

Trainings come as accuracies in percent, [arch, trial], NaN where an architecture lacks a trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import kendall_tau
from harness.stats.populations import MIN_ARCHS, top_share

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

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
        tau: Expected tau-b of a noiseless estimator, mean over the draws.
        se: Its Monte Carlo standard error, which more draws make smaller; None for one draw. The
            model's own error is not in it.
        n_archs: Architectures that it is over.
        draws: Simulated truths.
    """

    tau: float
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


def modelled_ceiling(
    accuracy: npt.ArrayLike, share: float | None = None, draws: int = 20, seed: int = 0
) -> float | None:
    """Estimate one ceiling; see `modelled_ceilings`.

    Args:
        accuracy: Trainings, [arch, trial]; a sample of architectures is enough.
        share: Judge only the top share of the noisy truth, above 0 and up to 1; all if None.
        draws: Simulated truths, at least 1.
        seed: Seed of the draws.

    Returns:
        The mean tau over the draws; None where `modelled_ceilings` has None.

    Raises:
        UsageError: If the array is not [arch, trial], or a number is out of range.
    """
    ceiling = modelled_ceilings(accuracy, (share,), draws, seed)[0]
    return None if ceiling is None else ceiling.tau


def modelled_ceilings(
    accuracy: npt.ArrayLike,
    shares: Sequence[float | None] = (None,),
    draws: int = 20,
    seed: int = 0,
    n_behind: npt.ArrayLike | None = None,
) -> list[Ceiling | None]:
    """Estimate the expected tau of a noiseless estimator against this truth.

    The noise model: trainings of an architecture scatter normally around its true accuracy,
    with a variance that depends on accuracy alone (pooled in about 20 quantile bins over
    the architectures with two trials or more). True accuracies are drawn from their posterior
    under an empirical-Bayes prior, since the observed means themselves spread too widely; each
    draw gets fresh noise, and is compared with itself under that noise. On the published table
    the same model predicts the one-seed reference to 0.002 (CIFAR-10 test) to 0.0055
    (ImageNet16-120), on the low side, and among the best to within the scatter of one table.

    Args:
        accuracy: Trainings, [arch, trial]; a sample of architectures is enough.
        shares: Populations, each the top share of the noisy truth, above 0 and up to 1, or None
            for all. The same draws serve all of them.
        draws: Simulated truths, at least 1.
        seed: Seed of the draws.
        n_behind: Trainings behind each architecture's truth, [arch], such as 1 where one trial
            is the truth; all that it has unless given.

    Returns:
        A ceiling for each share; None for fewer than 30 architectures in the population or
        with two trials, or where tau is undefined.

    Raises:
        UsageError: If the array is not [arch, trial], or a number is out of range.

    Reference:
        Kiefer & Wolfowitz, 1956 (the prior); Efron, Empirical Bayes deconvolution, 2016 (few
        steps of EM as regularisation).
    """
    values = _check_trials(accuracy)
    if draws < 1:
        raise UsageError(f"{draws} draws were asked for; at least 1 is needed. Give 20, say.")
    n_trials = np.isfinite(values).sum(axis=1)
    behind = _check_behind(n_behind, n_trials)
    known = n_trials > 0
    values, n_trials, behind = values[known], n_trials[known], behind[known]
    if int((n_trials >= 2).sum()) < MIN_ARCHS:
        return [None] * len(shares)
    observed = np.nansum(values, axis=1) / n_trials
    variance = _seed_variance(values, n_trials, observed)
    edges, cumulative = _posterior(observed, _standard_error(variance, n_trials))
    noise = _standard_error(variance, behind)
    rng = make_rng(seed, "ceiling")
    taus: list[list[float | None]] = [[] for _ in shares]
    sizes = [len(values)] * len(shares)
    for _ in range(draws):
        true = _draw_true(edges, cumulative, rng)
        noisy = true + noise * rng.standard_normal(len(true))
        for number, share in enumerate(shares):
            chosen = _choose(noisy, share)
            sizes[number] = min(sizes[number], len(chosen))
            taus[number].append(kendall_tau(true[chosen], noisy[chosen]).value)
    return [_summarise(*pair) for pair in zip(taus, sizes, strict=True)]


def _summarise(taus: list[float | None], n_archs: int) -> Ceiling | None:
    defined = [tau for tau in taus if tau is not None]
    if n_archs < MIN_ARCHS or len(defined) < len(taus):
        return None
    se = float(np.std(defined, ddof=1) / np.sqrt(len(defined))) if len(defined) > 1 else None
    return Ceiling(float(np.mean(defined)), se, n_archs, len(defined))


def _choose(truth: FloatArray, share: float | None) -> IntArray:
    """Return the positions of a population."""
    return np.arange(len(truth)) if share is None else np.flatnonzero(top_share(truth, share))


def _standard_error(variance: FloatArray, n_trials: IntArray) -> FloatArray:
    return np.maximum(np.sqrt(variance / n_trials), _SMALLEST_SE)


def _check_behind(n_behind: npt.ArrayLike | None, n_trials: IntArray) -> IntArray:
    if n_behind is None:
        return n_trials
    behind = np.asarray(n_behind, dtype=np.int64)
    if behind.shape != n_trials.shape or (behind < 1).any() or (behind > n_trials).any():
        raise UsageError(
            f"Numbers of trainings behind the truth of shape {behind.shape} were given; they must "
            f"be [arch], {len(n_trials)} here, from 1 to the trainings that the architecture has. "
            "Pass Truth.n_trials of the same architectures."
        )
    return behind


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

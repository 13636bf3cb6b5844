"""How well anything could rank: the truth is itself a mean of a few noisy trainings.

Two numbers, both reported. The *one-seed reference* says how well one more training would do.
The *ceiling* is the expected tau of a noiseless estimator against this truth.

Trainings come as accuracies in percent, [arch, trial], NaN where an architecture lacks a trial.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import kendall_tau
from harness.stats.populations import MIN_ARCHS, top_share

FloatArray = npt.NDArray[np.float64]

_MAX_BINS = 20
_GRID_POINTS = 400
_EM_STEPS = 10  # more would gather the prior in spikes
_SMALLEST_SE = 1e-6  # percent; keeps the likelihood defined where all trials agree
_ROUNDED_TO = 6  # as truth means are, so that ties are the same


class Reference(NamedTuple):
    """The one-seed reference.

    Attributes:
        tau: Tau-b of one training against the mean of the others, mean over which one.
        n_archs: Architectures with the largest number of trials, which it is over.
        n_trials: That number.
    """

    tau: float
    n_archs: int
    n_trials: int


def one_seed_reference(accuracy: npt.ArrayLike) -> Reference | None:
    """Compute how well one training ranks what the mean of the others ranks.

    Only architectures with the largest number of trials enter; in the published table these
    are worse than average ones.

    Args:
        accuracy: Trainings, [arch, trial].

    Returns:
        The reference; None where no architecture has two trials, fewer than 30 have the
        largest number, or a tau is undefined.

    Raises:
        UsageError: If the array is not [arch, trial].
    """
    values = _check_trials(accuracy)
    n_trials = np.isfinite(values).sum(axis=1)
    most = int(n_trials.max(initial=0))
    chosen = values[n_trials == most]
    if most < 2 or len(chosen) < MIN_ARCHS:
        return None
    dense = chosen[np.isfinite(chosen)].reshape(len(chosen), most)
    taus = []
    for trial in range(most):
        others = np.delete(dense, trial, axis=1).mean(axis=1).round(_ROUNDED_TO)
        taus.append(kendall_tau(dense[:, trial], others).value)
    defined = [tau for tau in taus if tau is not None]
    return Reference(float(np.mean(defined)), len(dense), most) if len(defined) == most else None


def modelled_ceiling(
    accuracy: npt.ArrayLike, share: float | None = None, draws: int = 20, seed: int = 0
) -> float | None:
    """Estimate the expected tau of a noiseless estimator against this truth.

    The noise model: trainings of an architecture scatter normally around its true accuracy,
    with a variance that depends on accuracy alone (pooled in about 20 quantile bins over
    the architectures with two trials or more). True accuracies are drawn from their posterior
    under an empirical-Bayes prior, since the observed means themselves spread too widely; each
    draw gets fresh noise, and is compared with itself under that noise. On the published table
    the same model predicts the one-seed reference to 0.005, overall and among the best.

    Args:
        accuracy: Trainings, [arch, trial]; a sample of architectures is enough.
        share: Judge only the top share of the noisy truth, above 0 and up to 1; all if None.
        draws: Simulated truths, at least 1.
        seed: Seed of the draws.

    Returns:
        The mean tau over the draws; None for fewer than 30 architectures in the population or
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
    values, n_trials = values[n_trials > 0], n_trials[n_trials > 0]
    if int((n_trials >= 2).sum()) < MIN_ARCHS:
        return None
    observed = np.nansum(values, axis=1) / n_trials
    variance = _seed_variance(values, n_trials, observed)
    se = np.maximum(np.sqrt(variance / n_trials), _SMALLEST_SE)
    edges, cumulative = _posterior(observed, se)
    rng = make_rng(seed, "ceiling")
    taus = []
    for _ in range(draws):
        true = _draw_true(edges, cumulative, rng)
        noisy = true + se * rng.standard_normal(len(true))
        chosen = np.ones(len(true), dtype=np.bool_) if share is None else top_share(noisy, share)
        if int(chosen.sum()) < MIN_ARCHS:
            return None
        taus.append(kendall_tau(true[chosen], noisy[chosen]).value)
    defined = [tau for tau in taus if tau is not None]
    return float(np.mean(defined)) if len(defined) == draws else None


def _check_trials(accuracy: npt.ArrayLike) -> FloatArray:
    values = np.asarray(accuracy, dtype=np.float64)
    if values.ndim != 2 or np.isinf(values).any():
        raise UsageError(
            f"Trainings of shape {values.shape} were given; they must be [arch, trial], finite or "
            "NaN. Pass the accuracies of TruthTable.trials()."
        )
    return values


def _seed_variance(
    values: FloatArray, n_trials: npt.NDArray[np.int64], observed: FloatArray
) -> FloatArray:
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

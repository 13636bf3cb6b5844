"""Vectorised bootstrap over architectures: many resamples at once, none of them materialised.

A resample is a vector of multiplicities: how often each architecture was drawn. Its top k are found
among little more than the best k architectures; the others need not be looked at. The same seed
gives the same resamples whatever is computed on them, so two estimators on the same architectures
are compared in pairs. Axis letters: n architectures, m of them the best, b resamples.

Reference: Efron, Bootstrap methods: another look at the jackknife, 1979.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import FloatArray, IntArray, check_pair, dense_ranks
from harness.stats.topk import top_count

RESAMPLES = 2000

Counts = npt.NDArray[np.uint8]


def bootstrap_precisions(
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    share: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> FloatArray:
    """Compute the precision at a share of every resample, as `precision_at` does.

    Args:
        scores: Estimates, finite numbers, [n] or [estimator, n].
        truth: Ground truth, [n].
        share: k as a share of n, above 0 and up to 1.
        resamples: Number of resamples, at least 2.
        seed: Seed of the resamples.

    Returns:
        Precision, [estimator, b].

    Raises:
        UsageError: If the shapes do not fit, a value is not finite, or a number is out of range.
    """
    pairs = _check(scores, truth, resamples)
    n = len(pairs[0][1])
    k = top_count(n, share)
    counts = _draw(n, resamples, seed)
    by_truth = dense_ranks(-pairs[0][1])
    worst_top = _find_best(counts, by_truth, k).rank
    return np.stack([_precision(counts, dense_ranks(-x), by_truth, worst_top, k) for x, _ in pairs])


def _check(
    scores: npt.ArrayLike, truth: npt.ArrayLike, resamples: int
) -> list[tuple[FloatArray, FloatArray]]:
    rows = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    pairs = [check_pair(row, truth) for row in rows]
    if resamples < 2 or not pairs or len(pairs[0][0]) == 0:
        raise UsageError(
            f"{resamples} resamples of scores of shape {rows.shape} were requested; at least 2 of "
            f"at least one architecture are needed. {RESAMPLES:,} resamples are usual."
        )
    return pairs


@lru_cache(maxsize=16)
def _draw(n: int, resamples: int, seed: int) -> Counts:
    """Draw multiplicities, [n, b]; cached, as all scores of n architectures share them."""
    rng = make_rng(seed, "bootstrap")
    # A resample holds one item 256 times with a probability below n / 256!, about 1e-507 n.
    counts = np.empty((resamples, n), dtype=np.uint8)
    for row in counts:
        row[:] = np.bincount(rng.randint(n, size=n), minlength=n)
    return np.ascontiguousarray(counts.T)


class _Best(NamedTuple):
    """The best architectures that hold the top k of every resample.

    Attributes:
        order: Their positions, best first, [m].
        through: Items of a resample among the first ones, from none to all m, [m + 1, b].
        rank: Rank of the last that is drawn into the top k, [b].
        start: Place in `order` of the first of that rank, [b].
        end: Place after the last one, [b].
    """

    order: IntArray
    through: npt.NDArray[np.int32]
    rank: IntArray
    start: IntArray
    end: IntArray


def _find_best(counts: Counts, ranks: IntArray, k: int) -> _Best:
    """Find the top k items of every resample by ranks that count from the best, which is 0."""
    order = np.argsort(ranks, kind="stable")
    in_order = ranks[order]
    n, m = len(ranks), k
    while True:
        # Six standard errors more than k are enough for nearly all; if not, a few more are.
        m = min(n, m + 6 * math.isqrt(m) + 1)
        m = int(np.searchsorted(in_order, in_order[m - 1], side="right"))
        through = _cumulate(counts[order[:m]])
        if m == n or bool((through[-1] >= k).all()):
            break
    rank = in_order[(through[1:] < k).sum(axis=0)]
    start, end = (np.searchsorted(in_order, rank, side) for side in ("left", "right"))
    return _Best(order[:m], through, rank, start, end)


def _precision(
    counts: Counts, by_score: IntArray, by_truth: IntArray, worst_top: IntArray, k: int
) -> FloatArray:
    """Compute the precision among k of n, [b], given the rank of the worst in the true top, [b]."""
    best = _find_best(counts, by_score, k)
    is_top = by_truth[best.order, None] <= worst_top
    hits = _cumulate(counts[best.order] * is_top)
    each = np.arange(counts.shape[1])
    certain, before = hits[best.start, each], best.through[best.start, each]
    tied_hits, tied = hits[best.end, each] - certain, best.through[best.end, each] - before
    return np.asarray(np.minimum((certain + tied_hits * ((k - before) / tied)) / k, 1.0))


def _cumulate(counts: Counts) -> npt.NDArray[np.int32]:
    """Sum over the first rows, from none to all, [row + 1, b]."""
    sums = np.zeros((len(counts) + 1, counts.shape[1]), dtype=np.int32)
    np.cumsum(counts, axis=0, dtype=np.int32, out=sums[1:])
    return sums

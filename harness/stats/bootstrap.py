"""Vectorised bootstrap over architectures: many resamples at once, none of them materialised.

A resample is a vector of multiplicities: how often each architecture was drawn. Axis letters: n
architectures, b resamples. The same seed gives the same resamples whatever is computed on them, so
two estimators on the same architectures are compared in pairs.

Reference: Efron, Bootstrap methods: another look at the jackknife, 1979.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import FloatArray, IntArray, check_pair, dense_ranks
from harness.stats.topk import top_count

RESAMPLES = 2000

_CHUNK = 16  # resamples at a time: a row is a cache line, and the arrays fit in the cache
_LARGEST_INT32 = 2**16  # most architectures for which products of counts fit an int32

Counts = npt.NDArray[np.int32] | npt.NDArray[np.int64]


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
    k = top_count(len(pairs[0][1]), share)
    ranks = [(dense_ranks(-x), dense_ranks(-y)) for x, y in pairs]
    chunks = [
        [_precision(counts, x, y, k) for x, y in ranks] for counts in _draw(pairs, resamples, seed)
    ]
    return np.concatenate(chunks, axis=1)


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


def _draw(
    pairs: list[tuple[FloatArray, FloatArray]], resamples: int, seed: int
) -> Iterator[Counts]:
    """Draw multiplicities, a chunk of resamples at a time, [n, b]."""
    n = len(pairs[0][0])
    rng = make_rng(seed, "bootstrap")
    for start in range(0, resamples, _CHUNK):
        drawn = [rng.randint(n, size=n) for _ in range(min(_CHUNK, resamples - start))]
        counts = np.stack([np.bincount(row, minlength=n) for row in drawn], axis=1)
        yield counts.astype(np.int32) if n <= _LARGEST_INT32 else counts.astype(np.int64)


def _precision(counts: Counts, by_score: IntArray, by_truth: IntArray, k: int) -> FloatArray:
    """Compute the precision among k of n, [b]; ranks count from the best, which is 0."""
    best_before, _ = _before(counts, by_truth)
    before, sizes = _before(counts, by_score)
    chance = np.clip((k - before) / np.maximum(sizes, 1), 0.0, 1.0)
    hits = np.einsum("ij,ij->j", counts * (best_before < k)[by_truth], chance[by_score])
    return np.asarray(np.minimum(hits / k, 1.0))


def _before(counts: Counts, ranks: IntArray) -> tuple[Counts, Counts]:
    """Count the drawn items of this rank or better, [rank, b]."""
    ends = np.cumsum(np.bincount(ranks)) - 1
    through = np.cumsum(counts[np.argsort(ranks, kind="stable")], axis=0)[ends]
    before = np.concatenate([np.zeros_like(through[:1]), through[:-1]])
    return before, through - before

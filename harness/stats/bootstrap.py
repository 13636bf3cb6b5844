"""Vectorised bootstrap over architectures: many resamples at once, without drawing any.

A resample is a vector of multiplicities: how often each architecture was drawn. Axis letters: n
architectures, b resamples. The same seed gives the same resamples, whatever is computed on them,
so that two estimators on the same architectures are compared in pairs.

Reference: Efron, Bootstrap methods: another look at the jackknife, 1979.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats.correlation import FloatArray, IntArray, check_pair, dense_ranks
from harness.stats.topk import top_count

RESAMPLES = 2000

_CHUNK = 16  # resamples at a time: a row is a cache line, and the arrays stay in the cache
_LARGEST_INT32 = 2**16  # architectures whose pairs, in halves, an int32 still counts

Counts = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def bootstrap_taus(
    scores: npt.ArrayLike, truth: npt.ArrayLike, resamples: int = RESAMPLES, seed: int = 0
) -> FloatArray:
    """Compute tau-b of every resample in O(n log n) each; 2,000 of 15,625 take some 7 s.

    Args:
        scores: Estimates, finite numbers, [n] or [estimator, n].
        truth: Ground truth, [n].
        resamples: How many, at least 2.
        seed: Seed of the resamples.

    Returns:
        Tau-b, [estimator, b]; NaN where all of a resample's scores, or truths, are equal.

    Raises:
        UsageError: If the shapes do not fit, a value is not finite, or there are too few
            resamples.
    """
    pairs = _check(scores, truth, resamples)
    plans = [_plan(*pair) for pair in pairs]
    taus = [[_tau(counts, plan) for plan in plans] for counts in _draw(pairs, resamples, seed)]
    return np.concatenate(taus, axis=1)


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
        resamples: How many, at least 2.
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
            f"{resamples} resamples of scores of shape {rows.shape} were asked for; at least 2 of "
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


class _Level(NamedTuple):
    """One level of a merge sort: pairs of a left and a right half of each block.

    Attributes:
        left: Items of left halves in the order of y, block by block.
        right: Items of right halves, likewise.
        n_before: Right items that come before each left item in that order, in all blocks.
        n_blocks_before: Of these, those of other blocks.
    """

    left: IntArray
    right: IntArray
    n_before: IntArray
    n_blocks_before: IntArray


class _Plan(NamedTuple):
    """What does not depend on multiplicities: where to look for pairs in the wrong order.

    Attributes:
        order: Items by x, then y.
        ties: Items that share their x, their y, or both: who they are, and where each run begins.
        levels: Positions in `order`, from the largest blocks to single pairs.
    """

    order: IntArray
    ties: tuple[_Runs, _Runs, _Runs]
    levels: list[_Level]


class _Runs(NamedTuple):
    """Items that are equal to others, run by run."""

    items: IntArray
    starts: IntArray


def _plan(first: FloatArray, second: FloatArray) -> _Plan:
    """Run the merge sort of the `correlation` module once, and keep its comparisons."""
    x, y = dense_ranks(first), dense_ranks(second)
    order = np.lexsort((y, x))
    ties = (_find_runs(x), _find_runs(y), _find_runs(x * len(x) + y))
    positions = np.argsort(y[order], kind="stable")
    levels = []
    for bit in reversed(range(max(len(x) - 1, 0).bit_length())):
        is_right = (positions >> bit) & 1 == 1
        left, right = positions[~is_right], positions[is_right]
        # All blocks before this one are full, with 2**bit items in their right half.
        n_blocks_before = np.minimum((left >> (bit + 1)) << bit, len(right))
        levels.append(_Level(left, right, np.cumsum(is_right)[~is_right], n_blocks_before))
        positions = positions[np.argsort(positions >> bit, kind="stable")]
    return _Plan(order, ties, levels)


def _find_runs(values: IntArray) -> _Runs:
    _, codes, sizes = np.unique(values, return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    items = order[sizes[codes[order]] > 1]
    return _Runs(items, np.flatnonzero(np.diff(codes[items], prepend=-1)))


def _tau(counts: Counts, plan: _Plan) -> FloatArray:
    """Compute tau-b from pairs of drawn items, each pair in both orders, [b].

    A copy is tied with its original on both sides, so it leaves numerator and denominator alike.
    """
    by_x = counts[plan.order]
    copies = _sum_squares(counts)
    tied_x, tied_y, tied_both = (copies + _tied_pairs(counts, runs) for runs in plan.ties)
    pairs = float(len(counts)) ** 2
    agreement = pairs - tied_x - tied_y + tied_both - 4.0 * _discordant(by_x, plan.levels)
    scale = np.sqrt((pairs - tied_x) * (pairs - tied_y))
    undefined = np.full(len(scale), np.nan)
    taus = np.divide(agreement, scale, out=undefined, where=scale > 0)
    return np.asarray(np.clip(taus, -1.0, 1.0), dtype=np.float64)


def _tied_pairs(counts: Counts, runs: _Runs) -> FloatArray:
    """Count the pairs of different items that are tied, in both orders, [b]."""
    if len(runs.items) == 0:
        return np.zeros(counts.shape[1])
    tied = counts[runs.items]
    return _sum_squares(np.add.reduceat(tied, runs.starts, axis=0)) - _sum_squares(tied)


def _sum_squares(numbers: Counts) -> FloatArray:
    # As float64, in which squares up to n^2 and their sum are exact.
    return np.asarray(np.einsum("ij,ij->j", numbers, numbers, dtype=np.float64))


def _discordant(counts: Counts, levels: list[_Level]) -> FloatArray:
    """Count the pairs of drawn items that x and y order otherwise, [b]; counts in order of x."""
    n, width = counts.shape
    # Four buffers for all levels, which halves the time: fresh memory costs as much as the sums.
    drawn, in_block, other = (np.empty((n, width), dtype=counts.dtype) for _ in range(3))
    before = np.zeros((n + 1, width), dtype=counts.dtype)
    discordant = np.zeros(width)
    for level in levels:
        n_left, n_right = len(level.left), len(level.right)
        right = _take(counts, level.right, drawn[:n_right])
        np.cumsum(right, axis=0, out=before[1 : n_right + 1])
        inside = _take(before, level.n_before, in_block[:n_left])
        inside -= _take(before, level.n_blocks_before, other[:n_left])
        discordant += np.einsum("ij,ij->j", _take(counts, level.left, other[:n_left]), inside)
    return discordant


def _take(rows: Counts, positions: IntArray, out: Counts) -> Counts:
    # All positions are in range; "clip" only spares the copy that "raise" makes.
    return np.take(rows, positions, axis=0, out=out, mode="clip")


def _precision(counts: Counts, by_score: IntArray, by_truth: IntArray, k: int) -> FloatArray:
    """Compute the precision among k of n; ranks are from the best, 0, [b]."""
    best_before, _ = _before(counts, by_truth)
    before, sizes = _before(counts, by_score)
    chance = np.clip((k - before) / np.maximum(sizes, 1), 0.0, 1.0)
    hits = np.einsum("ij,ij->j", counts * (best_before < k)[by_truth], chance[by_score])
    return np.asarray(np.minimum(hits / k, 1.0))


def _before(counts: Counts, ranks: IntArray) -> tuple[Counts, Counts]:
    """Count the drawn items of better rank, and of this one, [rank, b]."""
    ends = np.cumsum(np.bincount(ranks)) - 1
    through = np.cumsum(counts[np.argsort(ranks, kind="stable")], axis=0)[ends]
    before = np.concatenate([np.zeros_like(through[:1]), through[:-1]])
    return before, through - before

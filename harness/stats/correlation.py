"""Rank correlations between scores and truth, and the influence of each item on Kendall's tau.

Axis letter: n items, such as architectures. Ties count as tau-b counts them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Correlation(NamedTuple):
    """A correlation with the influence of each item.

    Attributes:
        value: -1 to 1; None if undefined because all values of one side are equal.
        influence: L_i, [n]; they sum to 0, and are all 0 if the value is undefined.
    """

    value: float | None
    influence: FloatArray


Tau = Correlation
"""Kendall's tau-b with the influence of each item."""


class _PairCounts(NamedTuple):
    """Per item, over the other n-1 items, [n] each."""

    agreement: IntArray
    """Concordant minus discordant pairs."""
    untied_x: IntArray
    untied_y: IntArray


def kendall_tau(x: npt.ArrayLike, y: npt.ArrayLike) -> Tau:
    """Compute Kendall's tau-b and its influence values in O(n log n).

    With s_i, a_i, b_i the means over the other items j of sgn(x_i-x_j)sgn(y_i-y_j), [x_i != x_j]
    and [y_i != y_j], and S, A, B their means: tau = S / sqrt(AB) and
    L_i = 2[(s_i-S)/sqrt(AB) - (tau/2)((a_i-A)/A + (b_i-B)/B)].

    Args:
        x: One side, finite numbers, [n].
        y: The other side, [n].

    Returns:
        Tau and its influence values.

    Raises:
        UsageError: If the shapes differ, are not [n], or a value is not finite.

    Reference:
        Kendall, The treatment of ties in ranking problems, Biometrika 1945. The influence
        values are those of a ratio of U-statistics (delta method).
    """
    first, second = check_pair(x, y)
    n = len(first)
    every = np.ones(n, dtype=np.int64)
    counts = _count_pairs(dense_ranks(first), dense_ranks(second), every)
    agreement, untied_x, untied_y = (int(part.sum()) for part in counts)
    if untied_x == 0 or untied_y == 0:
        return Tau(None, np.zeros(n))
    # Python's integers keep the product exact, so that perfect orders give exactly 1.
    scale = math.sqrt(untied_x * untied_y)
    value = max(-1.0, min(1.0, agreement / scale))
    concordance = n * counts.agreement / scale - value
    tie_share = n * counts.untied_x / untied_x + n * counts.untied_y / untied_y - 2.0
    return Tau(value, 2.0 * (concordance - value / 2.0 * tie_share))


def cross_concordance(
    x: npt.ArrayLike, y: npt.ArrayLike, at_x: npt.ArrayLike, at_y: npt.ArrayLike
) -> IntArray:
    """Count concordant minus discordant items for each point, which need not be an item.

    Args:
        x: One side of the items, finite numbers, [n].
        y: The other side, [n].
        at_x: One side of the points, finite numbers, [point].
        at_y: The other side, [point].

    Returns:
        The sum over items j of sgn(at_x - x_j) sgn(at_y - y_j), [point]; in O(m log m) for m items
        plus points.

    Raises:
        UsageError: If the shapes do not fit, or a value is not finite.
    """
    first, second = check_pair(x, y)
    sides = zip((first, second), check_pair(at_x, at_y), strict=True)
    ranks = [dense_ranks(np.concatenate(side)) for side in sides]
    weight = np.repeat(np.array([1, 0]), [len(first), len(ranks[0]) - len(first)])
    return _count_pairs(ranks[0], ranks[1], weight).agreement[len(first) :]


def check_pair(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both sides as [n] of finite numbers, or raise a UsageError."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise UsageError(
            f"A rank correlation was requested for shapes {first.shape} and "
            f"{second.shape}; both must be [n]. Pass one value per item on each side."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UsageError(
            "A rank correlation was requested for missing or infinite values; only finite "
            "numbers can be ranked. Leave out the items without a score first."
        )
    return first, second


def dense_ranks(values: FloatArray) -> IntArray:
    """Compute dense ranks from 0: equal values share a rank, without gaps."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _count_pairs(x: IntArray, y: IntArray, weight: IntArray) -> _PairCounts:
    """Count each item's pairs from one sweep; the other quadrants follow from the ties.

    In the names below, the first word compares x_j with x_i and the second y_j with y_i. Item j
    counts `weight` times.
    """
    n = int(weight.sum())
    per_x, per_y = _count_by_rank(x, weight), _count_by_rank(y, weight)
    below_x, below_y = (np.cumsum(per_x) - per_x)[x], (np.cumsum(per_y) - per_y)[y]
    same_x, same_y = per_x[x], per_y[y]
    order = np.lexsort((-y, x))
    below_below = np.empty(len(x), dtype=np.int64)
    below_below[order] = _count_smaller_before(y[order], weight[order])
    below_same, same_same = _count_within_ties(x, y, weight)
    same_below, _ = _count_within_ties(y, x, weight)
    below_above = below_x - below_below - below_same
    above_below = below_y - below_below - same_below
    above_same = same_y - below_same - same_same
    above_above = (n - below_x - same_x) - above_below - above_same
    agreement = below_below + above_above - below_above - above_below
    return _PairCounts(agreement, n - same_x, n - same_y)


def _count_by_rank(ranks: IntArray, weight: IntArray) -> IntArray:
    # In float64, in which counts are exact.
    return np.bincount(ranks, weights=weight, minlength=1).astype(np.int64)


def _count_within_ties(x: IntArray, y: IntArray, weight: IntArray) -> tuple[IntArray, IntArray]:
    """Count, for each i, the j with y_j = y_i and x_j < x_i, and those equal in both (with i)."""
    pairs, codes = np.unique(y * (len(x) + 1) + x, return_inverse=True)
    codes = codes.reshape(-1)
    sizes = _count_by_rank(codes, weight)
    before = np.cumsum(sizes) - sizes
    group = pairs // (len(x) + 1)
    group_start = before[np.searchsorted(group, group)]
    return (before - group_start)[codes], sizes[codes]


def _count_smaller_before(values: IntArray, weight: IntArray) -> IntArray:
    """Count, for each position, the earlier positions that hold a smaller value.

    This is a merge sort in reverse: positions start in order of value, and at each level one bit of
    the position splits every block into its left and right half, keeping that order. At that level,
    an item in the right half has as many smaller predecessors as there are left items before it.
    """
    positions = np.arange(len(values))
    counts = np.zeros(len(values), dtype=np.int64)
    # Among equal values the later position comes first, so that they do not count each other.
    order = np.lexsort((-positions, values))
    for bit in reversed(range(max(len(values) - 1, 0).bit_length())):
        is_left = (positions >> bit) & 1 == 0
        lefts = np.concatenate([[0], np.cumsum(weight * is_left)])
        in_left = is_left[order]
        starts = (order >> (bit + 1)) << (bit + 1)
        lefts_before = np.cumsum(weight[order] * in_left) - lefts[starts]
        counts[order[~in_left]] += lefts_before[~in_left]
        order = order[np.argsort(order >> bit, kind="stable")]
    return counts


def weighted_tau(score: npt.ArrayLike, truth: npt.ArrayLike) -> float | None:
    """Compute the weighted tau, in which errors among the truly best weigh most.

    Additive hyperbolic weights 1/(r_i+1) + 1/(r_j+1) with r the rank by truth, 0 for the best;
    among equal truths the higher score ranks first, as with scipy's `rank=None`.

    Args:
        score: Estimates, higher is better, finite numbers, [n].
        truth: Ground truth, [n].

    Returns:
        -1 to 1; None if undefined because all values of one side are equal.

    Raises:
        UsageError: If the shapes differ, are not [n], or a value is not finite.

    Reference:
        Vigna, A weighted correlation index for rankings with ties, 2015, arXiv 1404.3325.
    """
    estimates, accuracies = check_pair(score, truth)
    if len(np.unique(estimates)) < 2 or len(np.unique(accuracies)) < 2:
        return None
    # Importing scipy.stats takes most of a second, and most commands do not need it.
    from scipy.stats import weightedtau

    rank = np.empty(len(accuracies), dtype=np.int64)
    rank[np.lexsort((estimates, accuracies))[::-1]] = np.arange(len(rank))
    return float(weightedtau(accuracies, estimates, rank=rank).statistic)

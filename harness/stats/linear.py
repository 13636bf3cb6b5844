"""Pearson's and Spearman's correlation with the influence of each item.

Axis letter: n items, such as architectures.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.stats.correlation import (
    Correlation,
    FloatArray,
    check_pair,
    dense_ranks,
    mean_ranks,
)


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> Correlation:
    """Compute Pearson's correlation and its influence values.

    With u and v the two sides less their mean, over their standard deviation (divisor n):
    r is the mean of uv, and L_i = u_i v_i - (r/2)(u_i^2 + v_i^2).

    Args:
        x: One side, finite numbers, [n].
        y: The other side, [n].

    Returns:
        The correlation and its influence values.

    Raises:
        UsageError: If the shapes differ, are not [n], or a value is not finite.

    Reference:
        Hampel, The influence curve and its role in robust estimation, 1974.
    """
    first, second = check_pair(x, y)
    n = len(first)
    if n == 0 or _is_constant(first) or _is_constant(second):
        return Correlation(None, np.zeros(n))
    u, v = _standardise(first), _standardise(second)
    value = _clip(float(u @ v) / n)
    return Correlation(value, u * v - value / 2.0 * (u**2 + v**2))


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> Correlation:
    """Compute Spearman's rank correlation and its influence values in O(n log n).

    It is Pearson's correlation of the ranks, tied values sharing their mean rank. An item has two
    effects: through its own ranks, and through those of the items it displaces. With u and v the
    ranks over n, centred; C, A, B the means of uv, u^2, v^2; [x_i < x]' is 1 where x is above x_i
    and 1/2 where equal:

        c_i = u_i v_i + mean_j [x_i < x_j]' v_j + mean_j [y_i < y_j]' u_j - 3C
        a_i = u_i^2 + 2 mean_j [x_i < x_j]' u_j - 3A, and b_i likewise
        L_i = c_i / sqrt(AB) - (r/2)(a_i/A + b_i/B)

    Args:
        x: One side, finite numbers, [n].
        y: The other side, [n].

    Returns:
        The correlation, as `spearman` gives it, and its influence values.

    Raises:
        UsageError: If the shapes differ, are not [n], or a value is not finite.

    Reference:
        Croux & Dehon, Influence functions of the Spearman and Kendall correlation measures, 2010,
        extended to ties by mid-ranks and to unequal variances of the ranks by the delta method.
    """
    first, second = (dense_ranks(side) for side in check_pair(x, y))
    n = len(first)
    if n == 0 or first.max() == 0 or second.max() == 0:
        return Correlation(None, np.zeros(n))
    u, v = _grades(first), _grades(second)
    mean_uv, mean_uu, mean_vv = float(u @ v) / n, float(u @ u) / n, float(v @ v) / n
    scale = math.sqrt(mean_uu * mean_vv)
    value = _clip(mean_uv / scale)
    c = u * v + _mean_above(first, v) + _mean_above(second, u) - 3.0 * mean_uv
    a = u**2 + 2.0 * _mean_above(first, u) - 3.0 * mean_uu
    b = v**2 + 2.0 * _mean_above(second, v) - 3.0 * mean_vv
    return Correlation(value, c / scale - value / 2.0 * (a / mean_uu + b / mean_vv))


def _is_constant(values: FloatArray) -> bool:
    return bool(values.min() == values.max())


def _standardise(values: FloatArray) -> FloatArray:
    # Scale to 1 before summing and squaring, and again after centring: nothing overflows, and small
    # differences between large numbers are kept.
    scaled = values / np.abs(values).max()
    centred = scaled - scaled.mean()
    centred = centred / np.abs(centred).max()
    centred = centred - centred.mean()
    return np.asarray(centred / math.sqrt(float(centred @ centred) / len(centred)))


def _grades(ranks: npt.NDArray[np.int64]) -> FloatArray:
    """Return mean ranks over n, minus a half, which Spearman's correlation is computed from."""
    return np.asarray((mean_ranks(ranks) - 0.5) / len(ranks) - 0.5)


def _mean_above(ranks: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """Average values over the items of higher rank, with half weight for equal rank, [n]."""
    sums = np.bincount(ranks, weights=values)
    above = np.cumsum(sums[::-1])[::-1] - sums / 2.0
    return np.asarray(above[ranks] / len(ranks), dtype=np.float64)


def _clip(value: float) -> float:
    return max(-1.0, min(1.0, value))

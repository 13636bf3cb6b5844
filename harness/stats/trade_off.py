"""The trade-off of two objectives: what k architectures reach together.

Axis letters: n architectures; k picks. Objectives are [n] each, and higher is better in both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.correlation import FloatArray, IntArray, dense_ranks
from harness.stats.populations import BoolArray


def is_on_front(first: FloatArray, second: FloatArray) -> BoolArray:
    """Say which architectures no other one dominates.

    One dominates another if it is at least as good in both objectives and better in one, so equal
    ones do not dominate each other.

    Args:
        first: One objective, [n].
        second: The other, [n].

    Returns:
        Whether an architecture is on the Pareto front, [n].
    """
    if len(first) == 0:
        return np.zeros(0, dtype=np.bool_)
    order = np.lexsort((-second, -first))
    one, other = first[order], second[order]
    begins = np.append(True, np.diff(one) != 0)
    group = np.cumsum(begins) - 1  # of equal first objective, the best second one first
    best = other[begins]
    before = np.append(-np.inf, np.maximum.accumulate(best)[:-1])
    front = np.zeros(len(first), dtype=np.bool_)
    front[order] = (other == best[group]) & (other > before[group])
    return front


def hypervolume(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Compute the area that points dominate, down to 0 in both objectives.

    Args:
        first: One objective, 0 or more, [k].
        second: The other, [k].

    Returns:
        The area.
    """
    x, y = _sort_front(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    return float(x @ np.diff(y, prepend=0.0))


def best_hypervolume(first: npt.ArrayLike, second: npt.ArrayLike, k: int) -> float:
    """Compute the largest area that k of the points dominate, down to 0 in both objectives.

    Only points of the front add to it. In the order of the front, a point adds a rectangle that
    depends on its predecessor alone, so dynamic programming finds the best k exactly.

    Args:
        first: One objective, 0 or more, [n].
        second: The other, [n].
        k: How many are chosen, at least 1.

    Returns:
        The area; that of the whole front if it has no more than k points.

    Reference:
        Auger et al., Hypervolume-based multiobjective optimization: theoretical foundations and
        practical implications, 2012 (the same recursion).
    """
    x, y = _sort_front(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    best = x * y
    added = np.where(y[:, None] > y, x[:, None] * (y[:, None] - y), -np.inf)  # [point, predecessor]
    for _ in range(min(k, len(x)) - 1):
        best = np.maximum(best, (best + added).max(axis=1))
    return float(best.max(initial=0.0))


def _sort_front(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the distinct points of the front, the second objective ascending."""
    front = is_on_front(first, second)
    y, places = np.unique(second[front], return_index=True)
    return first[front][places], y


def pick(first: npt.ArrayLike, second: npt.ArrayLike, k: int) -> IntArray:
    """Pick k architectures by two objectives, as NSGA-II selects.

    The Pareto front goes first, then the front of the others, and so on. Of the last front that
    does not fit, those with the largest crowding distance are taken, in ranks of the two
    objectives, so that no scale of a score matters; equal ones in the order that they are given.

    Args:
        first: One objective, such as a score, finite numbers, [n].
        second: The other, [n].
        k: How many, 1 to n.

    Returns:
        Their positions, [k].

    Raises:
        UsageError: If k is out of range.

    Reference:
        Deb et al., A fast and elitist multiobjective genetic algorithm: NSGA-II, 2002.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not 1 <= k <= len(one):
        raise UsageError(
            f"{k} picks of {len(one)} architectures were requested; they are from 1 to their "
            "number. Pick fewer, or score more architectures."
        )
    left = np.arange(len(one))
    picked = np.zeros(0, dtype=np.int64)
    while len(picked) < k:
        front = is_on_front(one[left], other[left])
        own = left[front]
        if len(picked) + len(own) > k:
            crowding = _crowding(dense_ranks(one)[own], dense_ranks(other)[own])
            own = own[np.argsort(-crowding, kind="stable")[: k - len(picked)]]
        picked, left = np.concatenate([picked, own]), left[~front]
    return picked


def _crowding(*ranks: IntArray) -> FloatArray:
    """Return the crowding distance of the members of one front, [n]; infinite at its ends."""
    total = np.zeros(len(ranks[0]))
    for own in ranks:
        order = np.argsort(own, kind="stable")
        values = own[order].astype(np.float64)
        gaps = np.full(len(values), np.inf)
        gaps[1:-1] = values[2:] - values[:-2]
        total[order] += gaps
    return total

"""What a search would gain from a ranking: the true quality of its best k architectures.

Axis letter: n architectures. Architectures tied in score at the cut are ordered at random, and the
metric is the expectation over that order, so it does not depend on the order of a file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.correlation import FloatArray, check_pair
from harness.stats.populations import BoolArray, top_share


class Best(NamedTuple):
    """The truly best of the k highest-scoring architectures and of those that are known.

    Attributes:
        rank: Its rank by truth among all n, 1 is the best; equal truths share the best rank.
        regret: Truth of the best of all n minus its truth, in their unit.
    """

    rank: float
    regret: float


def top_count(n: int, share: float) -> int:
    """Return how many of n architectures make up the top share if none are tied."""
    return int(top_share(np.arange(float(n)), share).sum())


def precision_at(score: npt.ArrayLike, truth: npt.ArrayLike, share: float) -> float:
    """Compute the share of the k highest-scoring architectures that are truly top.

    Args:
        score: Estimates, higher is better, finite numbers, [n].
        truth: Ground truth, [n].
        share: k as a share of n, above 0 and up to 1.

    Returns:
        0 to 1. k is the size of the top share without ties; the truly top ones are those of
        `top_share`, ties included. A random score has `share` or slightly more.

    Raises:
        UsageError: If the shapes differ, are not [n], a value is not finite, or a share is out
            of range.
    """
    scores, truths = check_pair(score, truth)
    best = top_share(truths, share)
    k = top_count(len(scores), share)
    weight = _chance_of_choice(scores, k)
    return min(1.0, float(weight @ best) / k)


def best_at(
    score: npt.ArrayLike, truth: npt.ArrayLike, k: int, known: BoolArray | None = None
) -> Best:
    """Find the truly best of the k highest-scoring architectures, and of those that are known.

    An estimator that was fitted to the truth of some architectures knows them: a search with it has
    these and the k best-scored of the others.

    Args:
        score: Estimates, higher is better, finite numbers, [n]; those of known ones do not count.
        truth: Ground truth, [n].
        k: How many are considered, 1 to the number that is not known.
        known: The architectures whose truth is known, [n]; none by default.

    Returns:
        Its expected rank and regret.

    Raises:
        UsageError: If the shapes differ, are not [n], a value is not finite, or k is out of
            range.
    """
    scores, truths = check_pair(score, truth)
    n_known = 0 if known is None else int(known.sum())
    if not 1 <= k <= len(scores) - n_known:
        raise UsageError(
            f"The best of the top {k} of {len(scores) - n_known} architectures was requested; k "
            "must be from 1 to their number. Give a smaller k, or score more architectures."
        )
    if known is not None:  # as if they were scored above all others
        scores, k = np.where(known, np.inf, scores), k + n_known
    order = np.argsort(-truths, kind="stable")
    # In order of truth, the first architecture that is among the k is the best of them.
    chances = _chance_of_first(scores[order], k)
    ordered = truths[order]
    rank = 1 + np.searchsorted(-ordered, -ordered, side="left")
    return Best(float(chances @ rank), float(chances @ (ordered[0] - ordered)))


def _chance_of_choice(scores: FloatArray, k: int) -> FloatArray:
    """Return each architecture's probability of being among the k highest-scoring, [n]."""
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    certain, tied = scores > cut, scores == cut
    chance = (k - int(certain.sum())) / int(tied.sum())
    return np.asarray(certain + chance * tied, dtype=np.float64)


def _chance_of_first(scores: FloatArray, k: int) -> FloatArray:
    """Return the probability of being the first that is among the k highest-scoring, [n].

    Of g tied at the cut, m are drawn without replacement; none of the first j is among them with
    probability prod (g-m-i)/(g-i) over i < j.
    """
    n = len(scores)
    cut = np.partition(scores, n - k)[n - k]
    certain, tied = scores > cut, scores == cut
    n_tied, n_drawn = int(tied.sum()), k - int(certain.sum())
    left = n_tied - np.arange(n_tied)
    none_of_first = np.concatenate([[1.0], np.cumprod(np.maximum(left - n_drawn, 0) / left)])
    passed = none_of_first[np.concatenate([[0], np.cumsum(tied)])]
    if certain.any():
        passed[int(np.argmax(certain)) + 1 :] = 0.0
    return np.asarray(passed[:-1] - passed[1:], dtype=np.float64)

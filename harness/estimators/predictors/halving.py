"""Labels of several lengths of training, chosen by successive halving.

Reference: Wang et al., RANK-NOSH: Efficient Predictor-Based Architecture Search via Non-Uniform
Successive Halving, ICCV 2021, arXiv 2108.08019. Architectures enter a pool in rounds: the first at
random, the others as the ranker proposes that is fitted to the pool. All are trained for the
shortest length; the best half of each length is trained for the next one. Nothing is discarded: a
pair of the pool is compared at the longest training that both have. Only the abstract and
summaries of the paper could be read. Deviations: lengths are those of a truth table, each a
training of its own, as in NAS-Bench-201; the number of rounds and the share are ours; the ranker is
CTNAS's comparator.

Axes: pool, architectures of a run; level, lengths of training, ascending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from harness.errors import UsageError
from harness.stats.correlation import FloatArray, IntArray

N_ROUNDS, SHARE = 4, 0.5
"""Rounds of the pool, and the share of each level that reaches the next."""


def space_lengths(lengths: Iterable[int], longest: int, factor: int = 2) -> list[int]:
    """Choose lengths of training, ascending: each at most 1 / factor of the next.

    The last is `longest`, whether it is among `lengths` or not.
    """
    chosen = [longest]
    for length in sorted(lengths, reverse=True):
        if factor * length <= chosen[0]:
            chosen.insert(0, length)
    return chosen


def choose_levels(lengths: Sequence[int], longest: int) -> list[int]:
    """Choose lengths of training, ascending: each at most half of the next, the last as asked for.

    Raises:
        UsageError: If there are fewer than two.
    """
    levels = space_lengths(lengths, longest)
    if len(levels) < 2:
        raise UsageError(
            f"Labels by halving need a truth of {longest // 2} epochs or fewer beside that of "
            f"{longest}; this table has {', '.join(map(str, sorted(lengths)))}. Give another "
            "truth, or predictor.labels=random."
        )
    return levels


def halve(
    known: FloatArray,
    n: int,
    rng: np.random.RandomState,
    propose: Callable[[IntArray, FloatArray], FloatArray] | None,
) -> tuple[IntArray, FloatArray]:
    """Choose labels by successive halving.

    Args:
        known: What a training would give, percent, [pool, level]; NaN in a row that cannot be
            trained.
        n: Architectures with a label.
        rng: Draws those that nothing proposes.
        propose: Scores the pool by the places and labels so far, [pool]; None: all are drawn, and
            there is one round (plain successive halving, the ablation).

    Returns:
        Their places, in the order of entry, and their labels, [n, level]; NaN where not trained.
    """
    candidates = np.flatnonzero(np.isfinite(known).all(axis=1))
    order = candidates[rng.permutation(len(candidates))]
    ends = [n] if propose is None else [round(n * i / N_ROUNDS) for i in range(1, N_ROUNDS + 1)]
    places: IntArray = order[: ends[0]]
    trained = np.full_like(known, np.nan)
    for end in ends:
        if len(places) and len(places) < end and propose is not None:
            scores = propose(places, trained[places])
            left = order[~np.isin(order, places)]
            best = left[np.argsort(-scores[left], kind="stable")]
            places = np.concatenate([places, best[: end - len(places)]])
        trained[places, 0] = known[places, 0]
        _promote(places, known, trained)
    return places, trained[places]


def _promote(places: IntArray, known: FloatArray, trained: FloatArray) -> None:
    """Train the best of each level to the next, until it holds its share of the pool."""
    for level in range(1, known.shape[1]):
        there = np.isfinite(trained[places, level])
        below = places[np.isfinite(trained[places, level - 1]) & ~there]
        n_more = max(0, round(len(places) * SHARE**level) - int(there.sum()))
        best = below[np.argsort(-trained[below, level - 1], kind="stable")][:n_more]
        trained[best, level] = known[best, level]

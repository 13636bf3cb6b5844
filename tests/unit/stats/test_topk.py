"""Precision, best rank and regret, against every order of the tied scores."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.stats import best_at, precision_at, top_share
from harness.stats.topk import top_count

FloatArray = npt.NDArray[np.float64]

# Both sides average the same few rationals in float64.
TOLERANCE = 1e-12


@st.composite
def rankings(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Few architectures and fewer values, so that every kind of tie occurs."""
    n = draw(st.integers(1, 5))
    side = st.lists(st.integers(0, 3).map(float), min_size=n, max_size=n)
    return np.array(draw(side)), np.array(draw(side))


def orders(scores: FloatArray) -> list[list[int]]:
    """All orders from the best score to the worst, tied ones in every way."""
    return [
        list(order)
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]


@given(rankings(), st.sampled_from([0.2, 0.3, 0.5, 1.0]))
def test_precision_is_the_mean_over_all_orders_of_the_tied(
    ranking: tuple[FloatArray, FloatArray], share: float
) -> None:
    scores, truth = ranking
    k = math.floor(share * (len(scores) - 1) + 1e-9) + 1
    best = {i for i in range(len(scores)) if truth[i] >= sorted(truth)[-k]}
    expected = np.mean([len(best & set(order[:k])) / k for order in orders(scores)])
    assert precision_at(scores, truth, share) == pytest.approx(expected, abs=TOLERANCE)


@given(rankings(), st.integers(1, 5))
def test_best_rank_and_regret_are_means_over_all_orders_of_the_tied(
    ranking: tuple[FloatArray, FloatArray], k: int
) -> None:
    scores, truth = ranking
    k = min(k, len(scores))
    found = [max(truth[i] for i in order[:k]) for order in orders(scores)]
    best = best_at(scores, truth, k)
    ranks = [1 + sum(truth > value) for value in found]
    assert best.rank == pytest.approx(np.mean(ranks), abs=TOLERANCE)
    assert best.regret == pytest.approx(max(truth) - np.mean(found), abs=TOLERANCE)


@given(rankings(), st.integers(1, 5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_what_is_known_is_found_beside_the_k_best_of_the_others(
    ranking: tuple[FloatArray, FloatArray], k: int, flags: list[bool]
) -> None:
    scores, truth = ranking
    known = np.array(flags[: len(scores)])
    if known.all():
        known[0] = False
    others = np.flatnonzero(~known)
    k = min(k, len(others))
    had = truth[known].tolist()
    found = [max([*had, *truth[others[order[:k]]]]) for order in orders(scores[others])]
    best = best_at(scores, truth, k, known)
    assert best.rank == pytest.approx(
        np.mean([1 + sum(truth > value) for value in found]), abs=TOLERANCE
    )
    assert best.regret == pytest.approx(max(truth) - np.mean(found), abs=TOLERANCE)
    with pytest.raises(UsageError, match=f"of the top {len(others) + 1} of {len(others)} "):
        best_at(scores, truth, len(others) + 1, known)


def test_a_perfect_score_finds_the_best_at_once() -> None:
    truth = np.arange(100.0)
    assert precision_at(truth, truth, 0.1) == 1.0
    assert best_at(truth, truth, 1) == (1.0, 0.0)


def test_a_reversed_score_finds_the_worst() -> None:
    truth = np.arange(100.0)
    assert precision_at(-truth, truth, 0.1) == 0.0
    assert best_at(-truth, truth, 1) == (100.0, 99.0)
    assert best_at(-truth, truth, 100) == (1.0, 0.0)


def test_a_constant_score_is_a_random_choice_whatever_the_order_of_the_file() -> None:
    truth = np.random.RandomState(0).permutation(1000).astype(float)
    assert precision_at(np.zeros(1000), truth, 0.1) == pytest.approx(0.1)
    # The best rank of 10 of 1,000 without replacement is 1,001/11 on average.
    assert best_at(np.zeros(1000), truth, 10).rank == pytest.approx(1001 / 11)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 2, 30, 101, 15_625])
def test_k_is_the_size_of_the_top_share_without_ties(n: int, share: float) -> None:
    truth = np.random.RandomState(0).permutation(n).astype(float)
    assert top_count(n, share) == top_share(truth, share).sum()


@pytest.mark.parametrize("k", [0, 4, -1])
def test_a_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(UsageError, match="k must be from 1 to their number"):
        best_at([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], k)


def test_missing_scores_and_other_shapes_are_refused() -> None:
    with pytest.raises(UsageError, match="missing or infinite"):
        precision_at([1.0, np.nan], [1.0, 2.0], 0.1)
    with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\)"):
        best_at([1.0, 2.0], [1.0, 2.0, 3.0], 1)
    with pytest.raises(UsageError, match="above 0 and up to 1"):
        precision_at([1.0, 2.0], [1.0, 2.0], 0.0)

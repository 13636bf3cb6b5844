"""The vectorised bootstrap, against drawing each resample and computing on it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats import bootstrap_precisions, precision_at

FloatArray = npt.NDArray[np.float64]

# Integer counts on both sides; only the last division differs.
TOLERANCE = 1e-12


def draw_resamples(n: int, resamples: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Draw as the module says that it does: one row of n positions a resample."""
    rng = make_rng(seed, "bootstrap")
    return [rng.randint(n, size=n) for _ in range(resamples)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(2, 40),
)
@settings(max_examples=50)
def test_precisions_equal_a_loop_over_the_same_resamples(
    rows: list[tuple[int, int]], resamples: int
) -> None:
    x, truth = (np.array(side, dtype=float) for side in zip(*rows, strict=True))
    scores = np.stack([x, truth - x])
    precisions = bootstrap_precisions(scores, truth, 0.3, resamples, seed=3)
    for b, drawn in enumerate(draw_resamples(len(x), resamples, 3)):
        for row, score in enumerate(scores):
            precision = precision_at(score[drawn], truth[drawn], 0.3)
            assert precisions[row, b] == pytest.approx(precision, abs=TOLERANCE)


def test_a_resample_that_drew_few_of_the_best_has_its_top_from_further_down() -> None:
    # k = 2 of 300: some of 2,000 resamples draw less than two items of the best nine.
    rng = np.random.RandomState(0)
    score, truth = rng.permutation(300).astype(float), rng.permutation(300).astype(float)
    (precisions,) = bootstrap_precisions(score, truth, 0.005, 2_000, seed=1)
    drawn = draw_resamples(300, 2_000, 1)
    assert min(int((score[each] >= 291).sum()) for each in drawn) < 2
    expected = [precision_at(score[each], truth[each], 0.005) for each in drawn]
    np.testing.assert_allclose(precisions, expected, atol=TOLERANCE)


def make_ranking(n: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.RandomState(0)
    truth = rng.gamma(2.0, 3.0, n).round(2)
    return (truth + rng.standard_normal(n)).round(1), truth


def test_the_same_seed_gives_the_same_resamples_and_another_gives_others() -> None:
    score, truth = make_ranking(100)
    first = bootstrap_precisions(score, truth, 0.3, 50, seed=0)
    np.testing.assert_array_equal(first, bootstrap_precisions(score, truth, 0.3, 50, seed=0))
    both = bootstrap_precisions([score, -score], truth, 0.3, 50, seed=0)
    np.testing.assert_array_equal(first, both[:1])
    assert (first != bootstrap_precisions(score, truth, 0.3, 50, seed=1)).any()


@pytest.mark.parametrize("resamples", [0, 1, -5])
def test_fewer_than_two_resamples_are_refused(resamples: int) -> None:
    with pytest.raises(UsageError, match="at least 2 of"):
        bootstrap_precisions([1.0, 2.0], [1.0, 2.0], 0.5, resamples)


def test_no_architectures_other_shapes_and_missing_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one architecture"):
        bootstrap_precisions([], [], 0.5)
    with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\)"):
        bootstrap_precisions([1.0, 2.0], [1.0, 2.0, 3.0], 0.5)
    with pytest.raises(UsageError, match="missing or infinite"):
        bootstrap_precisions([1.0, math.nan], [1.0, 2.0], 0.5)

"""The vectorised bootstrap, against drawing each resample and computing on it."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.seeding import make_rng
from harness.stats import bootstrap_precisions, bootstrap_taus, kendall_tau, precision_at

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
@settings(deadline=None, max_examples=50)
def test_taus_and_precisions_equal_a_loop_over_the_same_resamples(
    rows: list[tuple[int, int]], resamples: int
) -> None:
    x, truth = (np.array(side, dtype=float) for side in zip(*rows, strict=True))
    scores = np.stack([x, truth - x])
    taus = bootstrap_taus(scores, truth, resamples, seed=3)
    precisions = bootstrap_precisions(scores, truth, 0.3, resamples, seed=3)
    for b, drawn in enumerate(draw_resamples(len(x), resamples, 3)):
        for row, score in enumerate(scores):
            tau = kendall_tau(score[drawn], truth[drawn]).value
            assert taus[row, b] == pytest.approx(
                math.nan if tau is None else tau, abs=TOLERANCE, nan_ok=True
            )
            precision = precision_at(score[drawn], truth[drawn], 0.3)
            assert precisions[row, b] == pytest.approx(precision, abs=TOLERANCE)


def make_ranking(n: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.RandomState(0)
    truth = rng.gamma(2.0, 3.0, n).round(2)
    return (truth + rng.standard_normal(n)).round(1), truth


def test_sizes_that_are_no_power_of_two_are_exact_too() -> None:
    for n in (127, 128, 129, 1000):
        score, truth = make_ranking(n)
        taus = bootstrap_taus(score, truth, 17, seed=1)
        expected = [kendall_tau(score[d], truth[d]).value for d in draw_resamples(n, 17, 1)]
        np.testing.assert_allclose(taus[0], np.array(expected, dtype=float), atol=TOLERANCE)


def test_the_spread_is_the_influence_standard_error() -> None:
    score, truth = make_ranking(2000)
    influence = kendall_tau(score, truth).influence
    # 1,000 replicates know a standard error to 2.2%; the two methods differ by order 1/n.
    expected = math.sqrt(float(influence @ influence)) / 2000
    assert bootstrap_taus(score, truth, 1000).std() == pytest.approx(expected, rel=0.07)


def test_the_same_seed_gives_the_same_resamples_and_another_gives_others() -> None:
    score, truth = make_ranking(100)
    first = bootstrap_taus(score, truth, 50, seed=0)
    np.testing.assert_array_equal(first, bootstrap_taus(score, truth, 50, seed=0))
    np.testing.assert_array_equal(first, bootstrap_taus([score, -score], truth, 50, seed=0)[:1])
    assert (first != bootstrap_taus(score, truth, 50, seed=1)).any()


def test_a_constant_score_is_undefined_in_every_resample() -> None:
    assert np.isnan(bootstrap_taus(np.zeros(50), np.arange(50.0), 5)).all()


@pytest.mark.parametrize("resamples", [0, 1, -5])
def test_fewer_than_two_resamples_are_refused(resamples: int) -> None:
    with pytest.raises(UsageError, match="at least 2 of"):
        bootstrap_taus([1.0, 2.0], [1.0, 2.0], resamples)


def test_no_architectures_other_shapes_and_missing_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one architecture"):
        bootstrap_taus([], [])
    with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\)"):
        bootstrap_taus([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="missing or infinite"):
        bootstrap_precisions([1.0, math.nan], [1.0, 2.0], 0.5)


@pytest.mark.slow
def test_two_thousand_resamples_of_the_whole_space_take_under_twenty_seconds() -> None:
    score, truth = make_ranking(15_625)
    started = time.perf_counter()
    bootstrap_taus(score, truth, 2000)
    assert time.perf_counter() - started < 20.0

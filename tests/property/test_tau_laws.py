"""Laws of Kendall's tau and its influence values, against an O(n^2) loop and scipy."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.stats import (
    Correlation,
    kendall_tau,
    pearson,
    spearman,
    weighted_tau,
)
from harness.stats.correlation import cross_concordance

FloatArray = npt.NDArray[np.float64]

# Few distinct values, so that ties of every kind occur; all exact in float64.
tied_values = st.integers(-4, 4).map(float)
free_values = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def paired_arrays(
    draw: st.DrawFn, values: st.SearchStrategy[float] = tied_values | free_values
) -> tuple[FloatArray, FloatArray]:
    n = draw(st.integers(2, 20))
    side = st.lists(values, min_size=n, max_size=n)
    return np.array(draw(side)), np.array(draw(side))


def naive_tau(x: FloatArray, y: FloatArray) -> tuple[float | None, list[float]]:
    """Follow the definition in the method, pair by pair."""
    n = len(x)
    s, a, b = [], [], []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        s.append(sum(float(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])) for j in others) / (n - 1))
        a.append(sum(float(x[i] != x[j]) for j in others) / (n - 1))
        b.append(sum(float(y[i] != y[j]) for j in others) / (n - 1))
    mean_s, mean_a, mean_b = (sum(part) / n for part in (s, a, b))
    if mean_a == 0 or mean_b == 0:
        return None, [0.0] * n
    scale = math.sqrt(mean_a * mean_b)
    tau = mean_s / scale
    return tau, [
        2
        * (
            (s[i] - mean_s) / scale
            - tau / 2 * ((a[i] - mean_a) / mean_a + (b[i] - mean_b) / mean_b)
        )
        for i in range(n)
    ]


# Both sides compute the same rationals in float64 in another order: some 1e-15 times n.
TOLERANCE = 1e-12


@given(paired_arrays())
def test_tau_and_influence_equal_the_naive_loop(pair: tuple[FloatArray, FloatArray]) -> None:
    value, influence = naive_tau(*pair)
    fast = kendall_tau(*pair)
    assert fast.value == (None if value is None else pytest.approx(value, abs=TOLERANCE))
    np.testing.assert_allclose(fast.influence, influence, atol=TOLERANCE)


@given(paired_arrays())
def test_tau_equals_scipys(pair: tuple[FloatArray, FloatArray]) -> None:
    value = kendall_tau(*pair).value
    assume(value is not None)
    assert value == pytest.approx(scipy_stats.kendalltau(*pair).statistic, abs=TOLERANCE)


@given(paired_arrays())
def test_spearman_equals_scipys(pair: tuple[FloatArray, FloatArray]) -> None:
    value = spearman(*pair).value
    assume(value is not None)
    assert value == pytest.approx(scipy_stats.spearmanr(*pair).statistic, abs=TOLERANCE)


@given(paired_arrays())
def test_weighted_tau_equals_scipys_ranked_by_truth(pair: tuple[FloatArray, FloatArray]) -> None:
    score, truth = pair
    value = weighted_tau(score, truth)
    assume(value is not None)
    expected = scipy_stats.weightedtau(truth, score, rank=None).statistic
    assert value == pytest.approx(expected, abs=TOLERANCE)


@given(paired_arrays())
def test_tau_is_symmetric(pair: tuple[FloatArray, FloatArray]) -> None:
    x, y = pair
    assert kendall_tau(x, y).value == kendall_tau(y, x).value
    np.testing.assert_allclose(
        kendall_tau(x, y).influence, kendall_tau(y, x).influence, atol=TOLERANCE
    )


@given(paired_arrays())
def test_tau_is_exactly_one_with_itself_and_minus_one_reversed(
    pair: tuple[FloatArray, FloatArray],
) -> None:
    x, _ = pair
    assume(len(np.unique(x)) > 1)
    assert kendall_tau(x, x).value == 1.0
    assert kendall_tau(x, -x).value == -1.0


@given(paired_arrays(tied_values))
def test_tau_does_not_change_under_increasing_maps(pair: tuple[FloatArray, FloatArray]) -> None:
    x, y = pair
    mapped = kendall_tau(np.exp(x), y**3)  # exact order on small integers
    assert mapped.value == kendall_tau(x, y).value
    np.testing.assert_array_equal(mapped.influence, kendall_tau(x, y).influence)


@given(paired_arrays())
def test_negating_one_side_flips_the_sign(pair: tuple[FloatArray, FloatArray]) -> None:
    x, y = pair
    value, influence = kendall_tau(x, y)
    flipped = kendall_tau(-x, y)
    assert flipped.value == (None if value is None else -value)
    np.testing.assert_allclose(flipped.influence, -influence, atol=TOLERANCE)


@given(paired_arrays(), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(
    pair: tuple[FloatArray, FloatArray], random: Random
) -> None:
    x, y = pair
    order = np.argsort([random.random() for _ in x])
    shuffled = kendall_tau(x[order], y[order])
    assert shuffled.value == kendall_tau(x, y).value
    np.testing.assert_array_equal(shuffled.influence, kendall_tau(x, y).influence[order])


@given(paired_arrays())
def test_influence_values_sum_to_zero(pair: tuple[FloatArray, FloatArray]) -> None:
    assert kendall_tau(*pair).influence.sum() == pytest.approx(0.0, abs=1e-10)


@given(paired_arrays(), paired_arrays())
def test_cross_concordance_equals_the_naive_table(
    items: tuple[FloatArray, FloatArray], points: tuple[FloatArray, FloatArray]
) -> None:
    (x, y), (at_x, at_y) = items, points
    table = np.sign(at_x[:, None] - x) * np.sign(at_y[:, None] - y)
    np.testing.assert_array_equal(cross_concordance(x, y, at_x, at_y), table.sum(axis=1))


@given(paired_arrays())
def test_taus_numerator_is_the_cross_concordance_with_itself(
    pair: tuple[FloatArray, FloatArray],
) -> None:
    x, y = pair
    value = kendall_tau(x, y).value
    assume(value is not None)
    untied = [(side[:, None] != side).sum() for side in pair]
    total = cross_concordance(x, y, x, y).sum()
    assert value == pytest.approx(total / math.sqrt(float(untied[0] * untied[1])), abs=TOLERANCE)


# Squares of values up to 1e6 lose some digits where the values differ by little.
spread_values = st.integers(-50, 50).map(float)


@given(paired_arrays(spread_values))
def test_pearson_and_spearman_equal_scipys_and_their_influences_sum_to_zero(
    pair: tuple[FloatArray, FloatArray],
) -> None:
    for estimate, reference in (
        (pearson(*pair), scipy_stats.pearsonr),
        (spearman(*pair), scipy_stats.spearmanr),
    ):
        assert estimate.influence.sum() == pytest.approx(0.0, abs=1e-9)
        if estimate.value is None:
            assert not estimate.influence.any()
        else:
            assert estimate.value == pytest.approx(reference(*pair).statistic, abs=1e-9)


@given(paired_arrays(tied_values))
def test_spearman_and_its_influence_do_not_change_under_increasing_maps(
    pair: tuple[FloatArray, FloatArray],
) -> None:
    x, y = pair
    mapped, plain = spearman(np.exp(x), y**3), spearman(x, y)
    assert mapped.value == plain.value
    np.testing.assert_array_equal(mapped.influence, plain.influence)


@given(paired_arrays(spread_values), st.sampled_from([pearson, spearman, kendall_tau]))
def test_sides_may_be_swapped_and_negated(
    pair: tuple[FloatArray, FloatArray], correlation: Callable[..., Correlation]
) -> None:
    x, y = pair
    plain, swapped, negated = correlation(x, y), correlation(y, x), correlation(x, -y)
    sign = None if plain.value is None else pytest.approx(-plain.value, abs=TOLERANCE)
    assert swapped.value == (plain.value and pytest.approx(plain.value, abs=TOLERANCE))
    assert negated.value == sign
    np.testing.assert_allclose(swapped.influence, plain.influence, atol=1e-9)
    np.testing.assert_allclose(negated.influence, -plain.influence, atol=1e-9)

"""Rank correlations: small cases by hand, refusals, and many items against scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.errors import UsageError
from harness.stats import kendall_tau, spearman, weighted_tau

Correlation = Callable[..., object]


def test_one_swapped_neighbour_of_four_costs_a_third() -> None:
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]).value == pytest.approx(4 / 6)


def test_a_tie_on_one_side_divides_by_the_root_of_the_untied_pairs() -> None:
    # Three pairs, one tied in x: S = 2, A = 2, B = 3.
    assert kendall_tau([1, 1, 2], [1, 2, 3]).value == pytest.approx(2 / np.sqrt(2 * 3))


@pytest.mark.parametrize("correlation", [lambda x, y: spearman(x, y).value, weighted_tau])
def test_a_constant_side_has_no_correlation(correlation: Correlation) -> None:
    assert correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_a_constant_side_has_no_tau_and_no_influence() -> None:
    tau = kendall_tau([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert tau.value is None
    assert tau.influence.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_items_have_no_tau(n: int) -> None:
    tau = kendall_tau(np.ones(n), np.ones(n))
    assert tau.value is None
    assert len(tau.influence) == n


@pytest.mark.parametrize("correlation", [kendall_tau, spearman, weighted_tau])
def test_other_shapes_and_missing_values_are_refused(correlation: Correlation) -> None:
    with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\); both must be \[n\]"):
        correlation([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match=r"shapes \(1, 2\)"):
        correlation([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(UsageError, match="missing or infinite"):
        correlation([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(UsageError, match="missing or infinite"):
        correlation([1.0, 2.0], [1.0, np.inf])


# Counts are kept in 8 bits up to 255 * 255 items, and ranks in 16 bits up to 65,536 of them.
@pytest.mark.parametrize("n", [15_625, 255**2, 255**2 + 1, 70_000])
@pytest.mark.parametrize("distinct", [5, 200, 10**6])
def test_the_taus_of_many_items_equal_scipys(distinct: int, n: int) -> None:
    rng = np.random.RandomState(0)
    x = rng.randint(distinct, size=n).astype(float)
    y = (x + rng.randint(distinct, size=n)) // 2
    assert kendall_tau(x, y).value == pytest.approx(
        scipy_stats.kendalltau(x, y).statistic, abs=1e-12
    )
    expected = scipy_stats.weightedtau(y, x, rank=None).statistic
    assert weighted_tau(x, y) == pytest.approx(expected, abs=1e-12)


def test_influence_is_the_derivative_of_tau_by_the_weight_of_an_item() -> None:
    # Doubling item i moves tau by about L_i / (n + 1): an independent view of the definition.
    rng = np.random.RandomState(1)
    x, y = rng.randint(50, size=(2, 400)).astype(float)
    value, influence = kendall_tau(x, x + y)
    assert value is not None
    moved = []
    for i in range(20):
        more = np.append(np.arange(400), i)
        doubled = kendall_tau(x[more], (x + y)[more]).value
        assert doubled is not None
        moved.append((doubled - value) * 401)
    # What is left is of second order, 1/n of values of size 1.
    np.testing.assert_allclose(moved, influence[:20], atol=0.02)

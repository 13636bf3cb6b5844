"""Pearson and Spearman with influence: against scipy, and against weights moved by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats as scipy_stats

from harness.errors import UsageError
from harness.stats import Correlation, pearson, spearman

FloatArray = npt.NDArray[np.float64]
Correlate = Callable[..., Correlation]
WeightedCorrelation = Callable[[FloatArray, FloatArray, FloatArray], float]


def weighted_pearson(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    """Pearson's correlation of a distribution that has these weights, which sum to 1."""
    u, v = x - weight @ x, y - weight @ y
    return float(weight @ (u * v) / np.sqrt((weight @ u**2) * (weight @ v**2)))


def weighted_spearman(x: FloatArray, y: FloatArray, weight: FloatArray) -> float:
    """The same of the mid-distribution functions, an O(n^2) table each."""

    def grade(side: FloatArray) -> FloatArray:
        below = (side[None, :] < side[:, None]) + 0.5 * (side[None, :] == side[:, None])
        return below @ weight

    return weighted_pearson(grade(x), grade(y), weight)


CASES = [(pearson, weighted_pearson), (spearman, weighted_spearman)]


@pytest.mark.parametrize(("correlation", "weighted"), CASES)
@pytest.mark.parametrize("decimals", [0, 6])
def test_influence_is_the_derivative_by_the_weight_of_an_item(
    correlation: Correlate, weighted: WeightedCorrelation, decimals: int
) -> None:
    rng = np.random.RandomState(0)
    x = rng.standard_normal(60)
    y = (x + rng.standard_normal(60)).round(decimals)
    x = x.round(decimals)
    value, influence = correlation(x, y)
    even = np.full(60, 1 / 60)
    assert value == pytest.approx(weighted(x, y, even), abs=1e-12)
    step = 1e-5
    for item in range(60):
        towards = np.eye(60)[item] - even
        slope = weighted(x, y, even + step * towards) - weighted(x, y, even - step * towards)
        # A central difference: third derivatives, of some n^2 = 3,600, times 1e-10.
        assert influence[item] == pytest.approx(slope / (2 * step), abs=1e-5)


@pytest.mark.parametrize("distinct", [2, 5, 10**6])
def test_values_equal_scipys_and_influences_sum_to_zero(distinct: int) -> None:
    rng = np.random.RandomState(1)
    x = rng.randint(distinct, size=500).astype(float)
    y = x + rng.randint(distinct, size=500)
    for estimate, expected in (
        (pearson(x, y), scipy_stats.pearsonr(x, y).statistic),
        (spearman(x, y), scipy_stats.spearmanr(x, y).statistic),
    ):
        assert estimate.value == pytest.approx(expected, abs=1e-12)
        assert estimate.influence.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("correlation", [pearson, spearman])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_constant_side_has_no_correlation_and_no_influence(
    correlation: Correlate, n: int
) -> None:
    for pair in ((np.full(n, 0.1), np.arange(float(n))), (np.arange(float(n)), np.full(n, 0.1))):
        estimate = correlation(*pair) if n != 1 else correlation(np.ones(1), np.ones(1))
        assert estimate.value is None
        assert estimate.influence.tolist() == [0.0] * n


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1.7e308])
def test_no_scale_overflows_or_vanishes(scale: float) -> None:
    x = np.array([-1.0, 0.2, 0.9, 1.0])
    y = np.array([1.0, 2.0, 4.0, 3.0])
    assert pearson(x * scale, y).value == pytest.approx(pearson(x, y).value, abs=1e-12)
    assert pearson(y, -x * scale).value == pytest.approx(-(pearson(x, y).value or 0), abs=1e-12)


def test_a_line_is_exactly_one() -> None:
    x = np.array([1.0, 2.0, 3.0, 7.0])
    assert pearson(x, 2 * x + 1).value == pytest.approx(1.0, abs=1e-15)
    assert np.abs(pearson(x, 2 * x + 1).influence).max() < 1e-12
    assert spearman(x, -(x**3)).value == -1.0


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_other_shapes_and_missing_values_are_refused(correlation: Correlate) -> None:
    with pytest.raises(UsageError, match=r"shapes \(2,\) and \(3,\)"):
        correlation([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="missing or infinite"):
        correlation([1.0, np.inf], [1.0, 2.0])

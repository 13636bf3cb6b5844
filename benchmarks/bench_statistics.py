"""Kendall's tau with influence values, against scipy (no influence) and a blocked O(n^2) count.

Run `pytest benchmarks/bench_statistics.py`; the rows of one table come from one run on one
machine, and no time is ever compared with another machine's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.stats import kendalltau

from harness.stats import kendall_tau

FloatArray = npt.NDArray[np.float64]

BLOCK = 256
SIZES = [1_000, 15_625]


def make_ranking(n: int) -> tuple[FloatArray, FloatArray]:
    """Draw scores and a truth with a few ties, as rounded means of accuracies have."""
    rng = np.random.RandomState(0)
    truth = rng.gamma(2.0, 3.0, n).round(2)
    return truth + rng.standard_normal(n), truth


def harness_tau(x: FloatArray, y: FloatArray) -> float:
    """Compute tau and all influence values."""
    value = kendall_tau(x, y).value
    assert value is not None
    return value


def scipy_tau(x: FloatArray, y: FloatArray) -> float:
    """Compute tau and a p-value."""
    return float(kendalltau(x, y).statistic)


def naive_tau(x: FloatArray, y: FloatArray) -> float:
    """Compare every pair, a block of rows at a time: n^2 work in little memory."""
    agreement = untied_x = untied_y = 0
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        sign_x = np.sign(x[rows, None] - x).astype(np.int8)
        sign_y = np.sign(y[rows, None] - y).astype(np.int8)
        agreement += int((sign_x * sign_y).sum(dtype=np.int64))
        untied_x += int(np.count_nonzero(sign_x))
        untied_y += int(np.count_nonzero(sign_y))
    return float(agreement / np.sqrt(float(untied_x) * float(untied_y)))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("tau", [harness_tau, scipy_tau, naive_tau], ids=lambda tau: tau.__name__)
def test_kendall_tau(
    benchmark: BenchmarkFixture, tau: Callable[[FloatArray, FloatArray], float], n: int
) -> None:
    """Time one way of computing tau at one size, and check that it is the same tau."""
    benchmark.group = f"{n:,} architectures"
    x, y = make_ranking(n)
    rounds = 3 if tau is naive_tau else 20
    value = benchmark.pedantic(tau, args=(x, y), rounds=rounds, warmup_rounds=1)
    # Integer counts are exact; only the last division differs.
    assert value == pytest.approx(harness_tau(x, y), abs=1e-12)

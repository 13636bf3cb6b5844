"""Statistics of a ranking, each against a plain baseline in the same run.

Run `pytest benchmarks/bench_statistics.py`; the rows of one table come from one run on one
machine, and no time is ever compared with another machine's. The two of a ratio take turns, so
that a change of the machine's load meets both; `extra_info` holds the ratio of the medians, ours
to the baseline's, and how our time grew from the smaller size to this one. Nothing is asserted
about time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.stats import kendalltau

from harness.stats import concordance_by_gap, evaluate_scores, kendall_tau
from harness.stats.gaps import GAP_EDGES

FloatArray = npt.NDArray[np.float64]
Timed = Callable[[FloatArray, FloatArray], object]

BLOCK = 256
SIZES = [1_000, 15_625]
GROWTH_SIZES = [250, 1_000, 4_000, 15_625]


def make_ranking(n: int) -> tuple[FloatArray, FloatArray]:
    """Draw scores and a truth with a few ties, as rounded means of accuracies have."""
    rng = np.random.RandomState(0)
    truth = np.clip(94 - rng.gamma(2.0, 3.0, n), 10, 100).round(2)
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


def harness_gaps(x: FloatArray, y: FloatArray) -> list[int]:
    """Count pairs by gap, in steps of 0.01 points, and how many are concordant."""
    return [part.n_pairs for part in concordance_by_gap(x, y).bins]


def naive_gaps(x: FloatArray, y: FloatArray) -> list[int]:
    """Compare every pair with every edge, a block of rows at a time."""
    edges = [*(round(edge * 1e6) for edge in GAP_EDGES), 10**12]
    units, n_pairs, n_right = np.rint(y * 1e6), [0] * len(GAP_EDGES), [0] * len(GAP_EDGES)
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        gap = units[rows, None] - units
        right = x[rows, None] > x
        for place in range(len(GAP_EDGES)):
            inside = (gap > edges[place]) & (gap <= edges[place + 1])
            n_pairs[place] += int(np.count_nonzero(inside))
            n_right[place] += int(np.count_nonzero(inside & right))
    return n_pairs


CASES: dict[str, tuple[Timed, Timed, int]] = {
    "tau against scipy": (harness_tau, scipy_tau, 15),
    "tau against all pairs": (harness_tau, naive_tau, 3),
    "gap curve against all pairs": (harness_gaps, naive_gaps, 3),
}


@cache
def seconds_of_small(case: str) -> float:
    """Return the median time of ours at the smallest size, for the growth."""
    ours, _, rounds = CASES[case]
    ranking = make_ranking(SIZES[0])
    ours(*ranking)  # first calls import and allocate
    return statistics.median(run_timed(ours, *ranking)[0] for _ in range(rounds))


def run_timed(function: Timed, x: FloatArray, y: FloatArray) -> tuple[float, object]:
    """Return the seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = function(x, y)
    return time.perf_counter() - start, result


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_against_a_plain_baseline(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], case: str, n: int
) -> None:
    ours, baseline, rounds = CASES[case]
    benchmark.group = f"{case}, {n:,} architectures"
    x, y = make_ranking(n)
    small_s = seconds_of_small(case)
    ours_s: list[float] = []
    baseline_s: list[float] = []

    def take_turn() -> tuple[tuple[FloatArray, FloatArray], dict[str, object]]:
        seconds, expected = run_timed(baseline, x, y)
        baseline_s.append(seconds)
        seconds, found = run_timed(ours, x, y)
        ours_s.append(seconds)
        # Counts are exact; only the last division differs.
        assert found == pytest.approx(expected, abs=1e-12)
        return (x, y), {}

    benchmark.pedantic(ours, setup=take_turn, rounds=rounds, iterations=1, warmup_rounds=1)
    median_s = statistics.median(ours_s[1:])  # the first round warms up
    ratio = median_s / statistics.median(baseline_s[1:])
    with capsys.disabled():
        print(
            f"\n{case}, n = {n:,}: {1e3 * median_s:.1f} ms, ratio {ratio:.2f}, "
            f"{median_s / small_s:.1f} times that of n = {SIZES[0]:,}"
        )
    benchmark.extra_info.update(
        ratio=round(ratio, 3),
        median_ms=round(1e3 * median_s, 3),
        growth=round(median_s / small_s, 2),
        growth_of_n=n / SIZES[0],
    )


def test_growth_with_the_number_of_architectures(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    rankings = {n: make_ranking(n) for n in GROWTH_SIZES}
    harness_tau(*rankings[GROWTH_SIZES[0]])
    times: dict[int, list[float]] = {n: [] for n in GROWTH_SIZES}

    def every_size() -> None:
        for n, ranking in rankings.items():
            times[n].append(run_timed(harness_tau, *ranking)[0])

    benchmark.group = "growth"
    benchmark.pedantic(every_size, rounds=9, iterations=1)
    ms = {n: 1e3 * statistics.median(seconds) for n, seconds in times.items()}
    with capsys.disabled():
        print("\ntau: " + ", ".join(f"n = {n:,}: {t:.4g} ms" for n, t in ms.items()))
    benchmark.extra_info.update(ms_by_n={str(n): round(t, 3) for n, t in ms.items()})


def test_evaluation_of_the_whole_space(benchmark: BenchmarkFixture) -> None:
    x, y = make_ranking(15_625)
    trials = y[:, None] + 0.3 * np.random.RandomState(1).standard_normal((15_625, 3))
    trials += y[:, None] - trials.mean(axis=1, keepdims=True)
    benchmark.group = "all metrics, populations and components"
    found = benchmark.pedantic(
        evaluate_scores, args=(np.arange(15_625), x, trials, y), rounds=2, warmup_rounds=1
    )
    assert found.populations["all"].metrics["tau"].value == pytest.approx(scipy_tau(x, y))

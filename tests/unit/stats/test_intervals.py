"""Intervals: coverage by simulation, finite populations, pairing, seeds, and refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.errors import UsageError
from harness.stats import (
    METRICS,
    Interval,
    MetricResult,
    Sample,
    Tau,
    conclude,
    kendall_tau,
    median_bounds,
    over_seeds,
    sample_metric,
    subtract,
)
from tests.reference_intervals import architectures_ends, combined_se, paired_ends

SPACE = 15_625


def make_population(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two estimators with many ties, and a truth with some."""
    rng = np.random.RandomState(seed)
    truth = rng.gamma(2.0, size=n)
    first = truth + rng.standard_normal(n)
    second = 0.7 * truth + 0.5 * first + rng.standard_normal(n)
    return first.round(1), second.round(0), truth.round(2)


def over_architectures(
    score: np.ndarray, truth: np.ndarray, population: int | None
) -> Interval | None:
    """The interval of one seed's tau over the draw of architectures."""
    return conclude(sample_metric("tau", score[None], truth, population)).over_architectures


# 400 replays of a coverage of 0.95 scatter by 0.011. The influence method itself is known to
# cover 0.93 to 0.95 at n = 200, so 0.93 less two and a half such errors is the lower bound.
COVERAGE = (0.905, 0.98)
REPLAYS = 400


@pytest.mark.parametrize(("n", "population"), [(50, 4000), (200, 4000), (200, 400)])
def test_intervals_over_architectures_cover_the_populations_tau(n: int, population: int) -> None:
    score, _, truth = make_population(population, seed=0)
    target = kendall_tau(score, truth).value
    assert target is not None
    rng = np.random.RandomState(1)
    hits = 0
    for _ in range(REPLAYS):
        chosen = rng.choice(population, n, replace=False)
        interval = over_architectures(score[chosen], truth[chosen], population)
        assert interval is not None
        hits += interval.low <= target <= interval.high
    assert COVERAGE[0] <= hits / REPLAYS <= COVERAGE[1]


def test_paired_intervals_cover_the_populations_difference_and_are_the_narrower() -> None:
    first, second, truth = make_population(4000, seed=2)
    taus = [kendall_tau(score, truth).value for score in (first, second)]
    assert taus[0] is not None
    assert taus[1] is not None
    rng = np.random.RandomState(3)
    hits = 0
    for _ in range(REPLAYS):
        chosen = rng.choice(4000, 200, replace=False)
        tau_a, tau_b = (kendall_tau(score[chosen], truth[chosen]) for score in (first, second))
        paired = paired_ends(tau_a, tau_b, 4000)
        alone = [
            over_architectures(score[chosen], truth[chosen], 4000) for score in (first, second)
        ]
        assert alone[0] is not None
        assert alone[1] is not None
        samples = [
            sample_metric("tau", score[None, chosen], truth[chosen], 4000)
            for score in (first, second)
        ]
        found = conclude(subtract(*samples)).over_architectures
        assert found is not None
        assert found[:2] == pytest.approx(paired)
        hits += found.low <= taus[0] - taus[1] <= found.high
        assert found.se < math.hypot(alone[0].se, alone[1].se)
    assert COVERAGE[0] <= hits / REPLAYS <= COVERAGE[1]


def sample_tau(n: int) -> Tau:
    score, _, truth = make_population(n, seed=4)
    return kendall_tau(score, truth)


def test_the_standard_error_shrinks_by_the_finite_population_factor() -> None:
    score, _, truth = make_population(200, seed=4)
    small, large = (over_architectures(score, truth, size) for size in (250, 10**9))
    assert small is not None
    assert large is not None
    assert small.se == pytest.approx(large.se * math.sqrt(1 - 200 / 250))


@pytest.mark.parametrize(("n", "population"), [(29, 15_625), (200, 200), (200, 150)])
def test_too_few_architectures_and_whole_populations_have_no_interval(
    n: int, population: int
) -> None:
    score, _, truth = make_population(n, seed=4)
    assert over_architectures(score, truth, population) is None


def test_an_undefined_tau_has_no_interval() -> None:
    assert over_architectures(np.ones(50), np.arange(50.0), SPACE) is None


def test_intervals_of_small_samples_stay_inside_minus_one_and_one() -> None:
    truth = np.arange(40.0)
    score = truth.copy()
    score[[0, 39]] = score[[39, 0]]
    interval = over_architectures(score, truth, SPACE)
    assert interval is not None
    assert -1 < interval.low < interval.high < 1


@pytest.mark.parametrize("n", [40, 200])
def test_a_perfect_ranking_has_an_interval_of_no_width(n: int) -> None:
    interval = over_architectures(np.arange(float(n)), np.arange(float(n)), SPACE)
    assert interval is not None
    assert interval.low == pytest.approx(1.0)
    assert interval.high == 1.0


def test_a_population_that_nobody_counts_has_no_finite_correction() -> None:
    score, _, truth = make_population(200, seed=4)
    uncounted, huge = (over_architectures(score, truth, size) for size in (None, 10**12))
    assert uncounted is not None
    assert huge is not None
    assert uncounted[:3] == pytest.approx(huge[:3])


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.41, 0.47, 0.44]
    low, high = scipy_stats.t.interval(0.95, 2, np.mean(values), scipy_stats.sem(values))
    interval = over_seeds(values)
    assert interval is not None
    assert interval.low == pytest.approx(low)
    assert interval.high == pytest.approx(high)
    assert interval.se == pytest.approx(scipy_stats.sem(values))


@pytest.mark.parametrize(("n", "place"), [(4, None), (5, 0), (7, 0), (8, 1), (20, 5)])
def test_bounds_of_a_median_are_those_of_the_sign_test(n: int, place: int | None) -> None:
    values = np.random.RandomState(n).standard_normal(n)
    found = median_bounds(values.tolist(), 0.95)
    if place is None:
        assert found is None
        return
    ordered = np.sort(values)
    assert found == (ordered[place], ordered[-1 - place])
    sizes = [scipy_stats.binomtest(k, n, alternative="less").pvalue for k in (place, place + 1)]
    assert sizes[0] <= 0.05 < sizes[1]  # one further place would not hold


@pytest.mark.parametrize("n", [5, 6, 12, 20])
def test_bounds_of_a_median_cover_it_for_skewed_and_tied_values(n: int) -> None:
    """Regret is 0 in many seeds and large in a few."""
    rng = np.random.RandomState(n)
    draws = np.round(np.maximum(0.0, rng.exponential(size=(4000, n)) - 0.5), 1)
    median = 0.2  # ln 2 - 0.5, rounded
    bounds = np.array([median_bounds(row.tolist(), 0.95) for row in draws])
    assert np.mean(bounds[:, 0] <= median) >= 0.94  # 0.95 less three binomial standard errors
    assert np.mean(bounds[:, 1] >= median) >= 0.94


def test_the_interval_over_seeds_is_cut_at_the_limits() -> None:
    interval = over_seeds([-0.9, 0.9], limits=(-1.0, 1.0))
    assert interval is not None
    assert (interval.low, interval.high) == (-1.0, 1.0)


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert over_seeds([0.5]) is None


def test_missing_values_of_seeds_are_refused() -> None:
    with pytest.raises(UsageError, match="one finite number per seed"):
        over_seeds([0.5, math.nan])


def conclude_taus(values: list[float], influences: np.ndarray, population: int) -> MetricResult:
    n = influences.shape[1]
    parts = influences / math.sqrt(n * (n - 1))
    numbers = np.array(values)
    return conclude(Sample(METRICS["tau"], numbers, "ok", n, n, population, (-1.0, 1.0), parts))


def test_the_combined_half_width_adds_both_parts_in_squares() -> None:
    score, other, truth = make_population(200, seed=4)
    taus = [kendall_tau(side, truth) for side in (score, other, 0.5 * score + other)]
    values = [tau.value or 0.0 for tau in taus]
    influences = np.stack([tau.influence for tau in taus])
    both = conclude_taus(values, influences, SPACE).interval
    assert both is not None
    seeds_se, archs_se = combined_se(values, influences, SPACE)
    over_seeds_half = scipy_stats.t.ppf(0.975, 2) * seeds_se
    half = math.hypot(over_seeds_half, scipy_stats.norm.ppf(0.975) * archs_se)
    centre = float(np.mean(values))
    # Neither end is cut, and neither part is so small that the other alone would do.
    assert -1 < centre - half < centre + half < 1
    assert 0.2 < over_seeds_half / half < 0.98
    assert (both.low, both.high) == pytest.approx((centre - half, centre + half))
    assert both.se == pytest.approx(math.hypot(seeds_se, archs_se))


def test_each_interval_says_what_it_is_over() -> None:
    influences = np.stack([sample_tau(200).influence] * 3)
    sampled = conclude_taus([0.4, 0.5, 0.45], influences, SPACE)
    found = (sampled.over_architectures, sampled.over_seeds, sampled.interval)
    assert [part and part.over for part in found] == [
        "architectures",
        "seeds",
        "seeds and architectures",
    ]
    whole = conclude_taus([0.4, 0.5, 0.45], influences, 200).interval
    assert whole is not None
    assert whole.over == "seeds"
    one = conclude_taus([0.4], influences[:1], SPACE).interval
    assert one is not None
    assert one.over == "architectures"


def test_with_one_seed_the_combined_interval_is_that_over_architectures() -> None:
    tau = sample_tau(200)
    assert tau.value is not None
    found = conclude_taus([tau.value], tau.influence[None], SPACE).interval
    assert found is not None
    assert found[:3] == pytest.approx(architectures_ends(tau))


def test_with_the_whole_population_the_combined_interval_is_that_over_seeds() -> None:
    influences = np.stack([sample_tau(200).influence] * 3)
    values = [0.4, 0.5, 0.45]
    assert conclude_taus(values, influences, population=200).interval == over_seeds(values)
    assert conclude_taus(values[:1], influences[:1], population=200).interval is None


@pytest.mark.parametrize("n_seeds", [3, 5])
def test_combined_intervals_cover_the_mean_over_seeds_and_architectures(n_seeds: int) -> None:
    # Each replay trains estimators of their own quality and ranks 100 architectures.
    rng = np.random.RandomState(5)
    truth = rng.standard_normal(4000)
    level = 0.05
    target = np.mean(
        [
            kendall_tau(truth + (1 + level * z) * rng.standard_normal(4000), truth).value
            for z in rng.standard_normal(200)
        ]
    )
    hits = 0
    for _ in range(REPLAYS):
        chosen = rng.choice(4000, 100, replace=False)
        scores = [
            truth[chosen] + (1 + level * z) * rng.standard_normal(100)
            for z in rng.standard_normal(n_seeds)
        ]
        interval = conclude(sample_metric("tau", np.stack(scores), truth[chosen], 4000)).interval
        assert interval is not None
        hits += bool(interval.low <= target <= interval.high)
    # The sum of both parts, seeds' scatter in both, would cover 0.99 and more.
    assert COVERAGE[0] <= hits / REPLAYS <= COVERAGE[1]


def test_differences_have_limits_of_their_own() -> None:
    sample = sample_metric("tau", np.stack([np.arange(40.0)] * 2), np.arange(40.0), SPACE)
    down = replace(sample, values=np.array([-0.5, -0.9]))
    interval = conclude(subtract(down, replace(sample, values=np.array([1.0, -1.0])))).interval
    assert interval is not None
    assert (interval.low, interval.high) == (-2.0, 2.0)

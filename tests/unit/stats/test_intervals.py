"""Intervals: coverage by simulation, finite populations, pairing, seeds, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.errors import UsageError
from harness.stats import (
    DIFFERENCE_LIMITS,
    Tau,
    combined,
    kendall_tau,
    over_architectures,
    over_seeds,
    paired_over_architectures,
)


def make_population(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two estimators with many ties, and a truth with some."""
    rng = np.random.RandomState(seed)
    truth = rng.gamma(2.0, size=n)
    first = truth + rng.standard_normal(n)
    second = 0.7 * truth + 0.5 * first + rng.standard_normal(n)
    return first.round(1), second.round(0), truth.round(2)


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
        interval = over_architectures(kendall_tau(score[chosen], truth[chosen]), population)
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
        paired = paired_over_architectures(tau_a, tau_b, 4000)
        alone = [over_architectures(tau, 4000) for tau in (tau_a, tau_b)]
        assert paired is not None
        assert alone[0] is not None
        assert alone[1] is not None
        hits += paired.low <= taus[0] - taus[1] <= paired.high
        assert paired.se < math.hypot(alone[0].se, alone[1].se)
    assert COVERAGE[0] <= hits / REPLAYS <= COVERAGE[1]


def sample_tau(n: int) -> Tau:
    score, _, truth = make_population(n, seed=4)
    return kendall_tau(score, truth)


def test_the_standard_error_shrinks_by_the_finite_population_factor() -> None:
    tau = sample_tau(200)
    small, large = over_architectures(tau, 250), over_architectures(tau, 10**9)
    assert small is not None
    assert large is not None
    assert small.se == pytest.approx(large.se * math.sqrt(1 - 200 / 250))


@pytest.mark.parametrize(("n", "population"), [(29, 15_625), (200, 200), (200, 150)])
def test_too_few_architectures_and_whole_populations_have_no_interval(
    n: int, population: int
) -> None:
    tau = sample_tau(n)
    assert over_architectures(tau, population) is None
    assert paired_over_architectures(tau, tau, population) is None


def test_an_undefined_tau_has_no_interval() -> None:
    undefined = kendall_tau(np.ones(50), np.arange(50.0))
    assert over_architectures(undefined) is None
    assert paired_over_architectures(undefined, sample_tau(50)) is None


def test_intervals_of_small_samples_stay_inside_minus_one_and_one() -> None:
    truth = np.arange(40.0)
    score = truth.copy()
    score[[0, 39]] = score[[39, 0]]
    interval = over_architectures(kendall_tau(score, truth))
    assert interval is not None
    assert -1 < interval.low < interval.high < 1


@pytest.mark.parametrize("n", [40, 200])
def test_a_perfect_ranking_has_an_interval_of_no_width(n: int) -> None:
    interval = over_architectures(kendall_tau(np.arange(n), np.arange(n)))
    assert interval is not None
    assert interval.low == pytest.approx(1.0)
    assert interval.high == 1.0


def test_pairs_of_other_architectures_are_refused() -> None:
    with pytest.raises(UsageError, match="over 50 and 60 architectures"):
        paired_over_architectures(sample_tau(50), sample_tau(60))


def test_the_interval_over_seeds_is_students() -> None:
    values = [0.41, 0.47, 0.44]
    low, high = scipy_stats.t.interval(0.95, 2, np.mean(values), scipy_stats.sem(values))
    interval = over_seeds(values)
    assert interval is not None
    assert interval.low == pytest.approx(low)
    assert interval.high == pytest.approx(high)
    assert interval.se == pytest.approx(scipy_stats.sem(values))


def test_the_interval_over_seeds_is_cut_at_the_limits() -> None:
    interval = over_seeds([-0.9, 0.9], limits=(-1.0, 1.0))
    assert interval is not None
    assert (interval.low, interval.high) == (-1.0, 1.0)


def test_one_seed_has_no_interval_over_seeds() -> None:
    assert over_seeds([0.5]) is None


def test_missing_values_of_seeds_are_refused() -> None:
    with pytest.raises(UsageError, match="one finite number a seed"):
        over_seeds([0.5, math.nan])


def test_the_combined_half_width_adds_both_parts_in_squares() -> None:
    taus = [sample_tau(200), kendall_tau(*make_population(200, seed=4)[1:])]
    values = [tau.value or 0.0 for tau in taus]
    influences = np.stack([tau.influence for tau in taus])
    both = combined(values, influences)
    seeds = over_seeds(values)
    archs = over_architectures(Tau(0.0, influences.mean(axis=0)))
    assert both is not None
    assert seeds is not None
    assert archs is not None
    expected = math.hypot((seeds.high - seeds.low) / 2, (archs.high - archs.low) / 2)
    assert min(1.0, float(np.mean(values)) + expected) == pytest.approx(both.high)
    assert both.se == pytest.approx(math.hypot(seeds.se, archs.se))


def test_with_one_seed_the_combined_interval_is_that_over_architectures() -> None:
    tau = sample_tau(200)
    assert tau.value is not None
    assert combined([tau.value], tau.influence[None]) == pytest.approx(over_architectures(tau))


def test_with_the_whole_population_the_combined_interval_is_that_over_seeds() -> None:
    influences = np.stack([sample_tau(200).influence] * 3)
    values = [0.4, 0.5, 0.45]
    assert combined(values, influences, population=200) == pytest.approx(over_seeds(values))
    assert combined(values[:1], influences[:1], population=200) is None


def test_combined_intervals_cover_the_mean_over_seeds_and_architectures() -> None:
    # Each replay trains three estimators of their own quality and ranks 100 architectures.
    rng = np.random.RandomState(5)
    truth = rng.standard_normal(4000)
    level = 0.05
    target = np.mean(
        [
            kendall_tau(truth + (1 + level * z) * rng.standard_normal(4000), truth).value
            for z in rng.standard_normal(60)
        ]
    )
    hits = 0
    for _ in range(REPLAYS):
        chosen = rng.choice(4000, 100, replace=False)
        taus = [
            kendall_tau(truth[chosen] + (1 + level * z) * rng.standard_normal(100), truth[chosen])
            for z in rng.standard_normal(3)
        ]
        interval = combined(
            [tau.value or 0.0 for tau in taus], [tau.influence for tau in taus], 4000
        )
        assert interval is not None
        hits += bool(interval.low <= target <= interval.high)
    # Conservative on purpose: it may cover everything, but must not cover too little.
    assert hits / REPLAYS >= COVERAGE[0]


def test_combined_takes_differences_with_their_own_limits() -> None:
    influences = np.zeros((2, 40))
    interval = combined([-1.5, 1.9], influences, limits=DIFFERENCE_LIMITS)
    assert interval is not None
    assert (interval.low, interval.high) == (-2.0, 2.0)


def test_combined_over_too_few_architectures_is_none() -> None:
    assert combined([0.1, 0.2], np.zeros((2, 29))) is None


def test_influences_that_do_not_fit_the_values_are_refused() -> None:
    with pytest.raises(UsageError, match=r"2 values and influences of shape \(3, 40\)"):
        combined([0.1, 0.2], np.zeros((3, 40)))

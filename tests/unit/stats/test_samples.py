"""A metric over seeds with its intervals and components, alone and as a paired difference."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import UsageError
from harness.stats import (
    METRICS,
    Interval,
    Method,
    conclude,
    decompose,
    kendall_tau,
    over_seeds,
    sample_metric,
    subtract,
)
from tests.reference_intervals import architectures_ends, combined_ends, paired_ends

FloatArray = npt.NDArray[np.float64]


def make_scores(n: int, n_seeds: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.RandomState(seed)
    truth = 94 - rng.gamma(2.0, 3.0, n)
    return truth + (1 + 0.2 * rng.uniform(size=(n_seeds, 1))) * rng.standard_normal(
        (n_seeds, n)
    ), truth


def assert_same(found: Interval | None, expected: tuple[float, float, float] | None) -> None:
    assert found is not None
    assert found[:3] == pytest.approx(expected)
    assert found.over == "architectures"


def test_intervals_of_tau_are_those_of_the_intervals_module() -> None:
    scores, truth = make_scores(200, 3)
    taus = [kendall_tau(row, truth) for row in scores]
    values = [tau.value or 0.0 for tau in taus]
    result = conclude(sample_metric("tau", scores, truth, 4000))
    assert result.value == pytest.approx(np.mean(values))
    assert result.per_seed == pytest.approx(tuple(values))
    assert result.over_seeds == over_seeds(values, (-1.0, 1.0))
    assert result.interval is not None
    expected = combined_ends(values, [tau.influence for tau in taus], 4000)
    assert result.interval[:2] == pytest.approx(expected)
    one = conclude(sample_metric("tau", scores[:1], truth, 4000))
    assert_same(one.over_architectures, architectures_ends(taus[0], 4000))
    assert one.interval == one.over_architectures
    assert one.over_seeds is None


def test_the_difference_has_the_paired_intervals() -> None:
    scores, truth = make_scores(200, 1)
    other = scores + 0.5 * np.random.RandomState(1).standard_normal((1, 200))
    samples = [sample_metric("tau", rows, truth, 4000) for rows in (scores, other)]
    result = conclude(subtract(*samples))
    taus = [kendall_tau(rows[0], truth) for rows in (scores, other)]
    assert result.over_architectures is not None
    assert result.over_architectures[:2] == pytest.approx(paired_ends(*taus, 4000))
    assert result.value == pytest.approx((taus[0].value or 0.0) - (taus[1].value or 0.0))


@pytest.mark.parametrize("name", METRICS)
def test_a_method_does_not_differ_from_itself(name: str) -> None:
    scores, truth = make_scores(3200, 2)
    sample = sample_metric(name, scores, truth, 15_625)
    result = conclude(subtract(sample, sample))
    assert result.value == 0.0
    if METRICS[name].is_extreme:
        assert result.over_seeds is None
    else:
        assert result.over_seeds is not None
        assert (result.over_seeds.low, result.over_seeds.high) == (0.0, 0.0)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["value"] == 0.0


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n_seeds", [1, 2])
def test_each_metric_has_the_intervals_that_it_is_allowed(name: str, n_seeds: int) -> None:
    # A top 1% with ten hits and ten misses needs more than one of 30 architectures.
    n = 8000 if name == "precision_at_1" else 3200
    scores, truth = make_scores(n, n_seeds)
    sampled = conclude(sample_metric(name, scores, truth, 15_625))
    whole = conclude(sample_metric(name, scores, truth, n))
    has_method = METRICS[name].method is not Method.NONE
    assert (sampled.over_architectures is not None) == has_method
    assert (sampled.interval is not None) == has_method
    has_spread = n_seeds > 1 and not METRICS[name].is_extreme
    assert (sampled.over_seeds is not None) == has_spread
    assert whole.over_architectures is None
    assert whole.interval == whole.over_seeds
    for result in (sampled, whole):
        assert result.value is not None
        for interval in (result.over_architectures, result.over_seeds, result.interval):
            if interval is not None:
                assert interval.low <= result.value <= interval.high
                assert interval.se >= 0.0


def test_pearsons_interval_waits_for_enough_of_the_bad_tail() -> None:
    for n, expected in ((999, False), (1000, True)):
        scores, truth = make_scores(n, 1)
        result = conclude(sample_metric("pearson", scores, truth, 15_625))
        assert result.status == "ok"
        assert (result.over_architectures is not None) == expected


def test_metrics_of_a_top_share_are_drawn_from_that_share_of_the_population() -> None:
    scores, truth = make_scores(400, 1)
    best = truth >= np.quantile(truth, 0.5)
    tau = kendall_tau(scores[0][best], truth[best])
    result = conclude(sample_metric("tau_top_50", scores, truth, 1000))
    assert_same(result.over_architectures, architectures_ends(tau, 500))
    assert result.n == best.sum()


def test_a_precision_shrinks_by_the_finite_population_factor_of_all_drawn() -> None:
    scores, truth = make_scores(400, 1)
    few, many = (
        conclude(sample_metric("precision_at_10", scores, truth, size)).over_architectures
        for size in (500, 10**9)
    )
    assert few is not None
    assert many is not None
    assert few.se == pytest.approx(many.se * math.sqrt(1 - 400 / 500), rel=1e-4)


@pytest.mark.parametrize(("n", "status"), [(0, "too few"), (29, "too few"), (40, "undefined")])
def test_what_has_no_value_has_nothing_else(n: int, status: str) -> None:
    scores, truth = np.zeros((2, n)), np.arange(float(n))
    sample = sample_metric("tau", scores, truth, 15_625)
    result = conclude(sample)
    assert (result.value, result.status, result.n) == (None, status, n)
    assert result.over_architectures is result.over_seeds is result.interval is None
    assert decompose(sample) is None
    assert conclude(subtract(sample, sample)).status == status


def test_one_undefined_seed_leaves_no_mean_over_the_others() -> None:
    scores, truth = make_scores(60, 3)
    scores[1] = 7.0
    result = conclude(sample_metric("tau", scores, truth, 15_625))
    assert (result.value, result.status, result.per_seed) == (None, "undefined", ())


def test_differences_of_other_metrics_architectures_or_seeds_are_refused() -> None:
    scores, truth = make_scores(60, 3)
    sample = sample_metric("tau", scores, truth, 15_625)
    for other in (
        sample_metric("spearman", scores, truth, 15_625),
        sample_metric("tau", scores[:, :59], truth[:59], 15_625),
        sample_metric("tau", scores, truth, 9_445),
        sample_metric("tau", scores[:2], truth, 15_625),
    ):
        with pytest.raises(UsageError, match="all must be the same"):
            subtract(sample, other)


@pytest.mark.parametrize("shape", [(40,), (0, 40), (1, 2, 40)])
def test_scores_that_are_not_seed_by_architecture_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"must be \[seed, n\]"):
        sample_metric("tau", np.zeros(shape), np.arange(40.0), 15_625)


def test_components_add_up_and_their_shares_to_one() -> None:
    scores, truth = make_scores(400, 3)
    sample = sample_metric("tau", scores, truth, 1600)
    parts = decompose(sample, truth_se=0.02)
    assert parts is not None
    assert parts.truth_se == 0.02
    # A quarter of the population: a quarter of the truth's variance is not in the draw's already.
    assert parts.truth_beyond_se == pytest.approx(0.02 * math.sqrt(400 / 1600))
    assert parts.seeds_se is not None
    assert parts.architectures_se is not None
    squares = [parts.seeds_se**2, parts.architectures_se**2, parts.truth_beyond_se**2]
    assert parts.total_se == pytest.approx(math.sqrt(sum(squares)))
    assert list(parts.shares.values()) == pytest.approx([s / sum(squares) for s in squares])
    assert list(parts.shares) == ["seeds", "architectures", "truth"]
    assert json.loads(json.dumps(parts.to_dict(), allow_nan=False))["truth_se"] == 0.02


def test_what_is_not_known_has_no_share() -> None:
    scores, truth = make_scores(400, 3)
    one_seed = decompose(sample_metric("tau", scores[:1], truth, 1600))
    assert one_seed is not None
    assert (one_seed.seeds_se, one_seed.truth_se) == (None, None)
    assert one_seed.shares == {"architectures": 1.0}
    whole = decompose(sample_metric("tau", scores, truth, 400), truth_se=0.01)
    assert whole is not None
    assert whole.architectures_se == 0.0
    assert whole.truth_beyond_se == 0.01
    alone = decompose(sample_metric("tau", scores[:1], truth, 400))
    assert alone is not None
    assert (alone.interval, alone.shares, alone.total_se) == (None, {}, 0.0)
    extreme = decompose(sample_metric("regret_at_1", scores, truth, 1600))
    assert extreme is not None
    assert extreme.interval is None


def test_only_the_truths_noise_is_left_of_one_seed_on_the_whole_population() -> None:
    scores, truth = make_scores(400, 1)
    parts = decompose(sample_metric("tau", scores, truth, 400), truth_se=0.01)
    assert parts is not None
    assert parts.interval is not None
    assert parts.interval.se == pytest.approx(0.01)
    assert parts.interval.high - parts.interval.low == pytest.approx(2 * 1.96 * 0.01, rel=1e-4)

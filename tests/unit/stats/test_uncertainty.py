"""One-sided bounds of a difference, against formulas and layouts written apart from them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

from harness.spaces.nb201.encoding import N_ARCHS
from harness.stats import Sample, sample_metric, subtract
from harness.stats.uncertainty import (
    EXACT,
    Uncertainty,
    lasting_se,
    over_one_group,
    over_two_groups,
)
from tests.check_cases import draw_scores, make_truth


def naive_lasting_variance(parts: np.ndarray, population: int) -> float:
    """The component of architectures in a two-way layout, by expected mean squares, over n."""
    n_seeds, n = parts.shape
    columns = [float(np.mean([parts[s, a] for s in range(n_seeds)])) for a in range(n)]
    between = n_seeds * sum(c**2 for c in columns) / (n - 1)
    within = sum((parts[s, a] - columns[a]) ** 2 for s in range(n_seeds) for a in range(n))
    interaction = within / ((n_seeds - 1) * (n - 1))
    return (between - interaction) / n_seeds / n * (1 - n / population)


def make_parts(seed: int, lasting: float, n_seeds: int = 5, n: int = 80) -> np.ndarray:
    rng = np.random.RandomState(seed)
    parts = lasting * rng.standard_normal(n) + rng.standard_normal((n_seeds, n))
    return np.asarray(parts - parts.mean(axis=1, keepdims=True))


def scale(parts: np.ndarray) -> np.ndarray:
    n = parts.shape[1]
    return np.asarray(parts / math.sqrt(n * (n - 1)))


def make_sample(values: np.ndarray, parts: np.ndarray | None, population: int) -> Sample:
    """A tau of these values, over as many architectures as there are parts."""
    scores, truth = np.arange(200.0)[None], np.arange(200.0)
    n = 200 if parts is None else parts.shape[1]
    sample = sample_metric("tau", scores, truth, population)
    scaled = None if parts is None else scale(parts)
    return dataclasses.replace(
        sample, values=values, n_drawn=n, population=population, parts=scaled
    )


@pytest.mark.parametrize("lasting", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_what_seeds_scatter_is_taken_out_of_the_architectures_part(
    seed: int, lasting: float
) -> None:
    parts = make_parts(seed, lasting)
    expected = math.sqrt(max(0.0, naive_lasting_variance(parts, N_ARCHS)))
    # Parts are scaled by the root of n(n-1); the layout divides by (n-1) and then by n: the same.
    scaled, left = scale(parts), 1 - parts.shape[1] / N_ARCHS
    assert lasting_se(scaled.mean(axis=0), [scaled], left) == pytest.approx(expected)


def test_the_lasting_part_is_unbiased() -> None:
    n, lasting = 80, 0.5
    found = [
        lasting_se(p.mean(axis=0), [p], 1.0) ** 2
        for p in (scale(make_parts(seed, lasting, n=n)) for seed in range(300))
    ]
    assert np.mean(found) == pytest.approx(lasting**2 / n, rel=0.05)


def test_one_seed_has_no_scatter_to_take_out() -> None:
    parts = make_parts(0, 1.0, n_seeds=1)
    n = parts.shape[1]
    expected = math.sqrt(float((parts**2).sum()) / (n * (n - 1)) * (1 - n / N_ARCHS))
    spread = make_sample(np.array([0.1]), parts, N_ARCHS).uncertainty
    assert spread.seeds_se is None
    assert spread.architectures_se == pytest.approx(expected)
    assert spread.half_width(0.95) == pytest.approx(scipy.stats.norm.ppf(0.95) * expected)


def test_paired_seeds_give_students_bound() -> None:
    differences = np.array([0.01, 0.03, -0.02, 0.05, 0.0])
    low, _ = scipy.stats.ttest_1samp(differences, 0.0).confidence_interval(0.9)
    spread = over_one_group(differences)
    assert differences.mean() - spread.half_width(0.95) == pytest.approx(low)


def test_unpaired_seeds_give_welchs_bound() -> None:
    first, second = np.array([0.1, 0.3, 0.2, 0.25]), np.array([0.5, 0.1, 0.9, 0.3, 0.7, 0.6])
    test = scipy.stats.ttest_ind(first, second, equal_var=False)
    spread = over_two_groups(first, second)
    assert spread.degrees == pytest.approx(test.df)
    low, _ = test.confidence_interval(0.9)
    half = spread.half_width(0.95)
    assert first.mean() - second.mean() - half == pytest.approx(low)


def test_a_side_of_one_seed_borrows_the_spread_of_the_other() -> None:
    several, one = np.array([0.1, 0.3, 0.2]), np.array([0.4])
    expected = np.std(several, ddof=1) * math.sqrt(1 / 3 + 1)
    for sides in ((several, one), (one, several)):
        spread = over_two_groups(*sides)
        assert spread.seeds_se == pytest.approx(expected)
        assert spread.degrees == 2


def test_nothing_known_is_an_infinite_bound() -> None:
    assert over_two_groups(np.array([0.1]), np.array([0.2])).half_width(0.95) == math.inf
    assert over_one_group(np.array([0.1])).half_width(0.95) == math.inf
    assert Uncertainty(None, 0.0, None).half_width(0.8) == math.inf


def test_a_side_compared_with_itself_leaves_nothing_to_chance() -> None:
    assert EXACT.half_width(0.95) == 0.0
    for n_seeds in (1, 5):
        same = make_sample(np.zeros(n_seeds), np.zeros((n_seeds, 50)), N_ARCHS)
        assert same.uncertainty.half_width(0.95) == 0.0
    constant = over_two_groups(np.full(3, 0.5), np.full(3, 0.5))
    assert constant.half_width(0.95) == 0.0


def test_the_whole_population_leaves_only_the_seeds_to_chance() -> None:
    chosen, signal = make_truth()
    scores = draw_scores(signal), draw_scores(signal, own=1)
    n = len(signal)
    first, second = (sample_metric("tau", rows, chosen.truth.value, n) for rows in scores)
    spread = subtract(first, second).uncertainty
    assert spread.architectures_se == 0.0
    assert spread[:2] == over_one_group(first.values - second.values)[:2]
    one = subtract(*(_first_seed(s, chosen.truth.value, n) for s in scores)).uncertainty
    assert one.half_width(0.95) == 0.0


def _first_seed(rows: np.ndarray, truth: np.ndarray, population: int) -> Sample:
    return sample_metric("tau", rows[:1], truth, population)


def test_unpaired_samples_take_both_sides_scatter_out() -> None:
    chosen, signal = make_truth()
    truth = chosen.truth.value
    first = sample_metric("tau", draw_scores(signal), truth, N_ARCHS)
    second = sample_metric("tau", draw_scores(signal, range(5, 12)), truth, N_ARCHS)
    assert first.parts is not None
    assert second.parts is not None
    spread = subtract(first, second, is_paired=False).uncertainty
    mean = first.parts.mean(axis=0) - second.parts.mean(axis=0)
    expected = lasting_se(mean, [first.parts, second.parts], 1 - len(truth) / N_ARCHS)
    assert spread.architectures_se == expected
    assert spread[:2] == over_two_groups(first.values, second.values)[:2]


@pytest.mark.parametrize("degrees", [1.0, 2.0, 7.5])
def test_p_values_over_seeds_alone_are_students(degrees: float) -> None:
    found = Uncertainty(0.02, degrees, 0.0)
    for value in (-0.5, -0.03, 0.001, 0.08):
        expected = 2 * scipy.stats.t.sf(abs(value) / 0.02, degrees)
        assert found.p_value(value) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("value", [0.01, 0.1, -0.3])
def test_at_its_p_value_the_interval_just_reaches_zero(value: float) -> None:
    found = Uncertainty(0.02, 2.0, 0.03)
    p = found.p_value(value)
    assert found.half_width(1 - p / 2) == pytest.approx(abs(value), rel=1e-6)
    assert (p < 0.05) == (found.half_width(0.975) < abs(value))


def test_p_values_of_nothing_of_certainty_and_of_ignorance() -> None:
    assert Uncertainty(0.02, 2.0, 0.03).p_value(0.0) == 1.0
    assert EXACT.p_value(0.0) == 1.0
    assert EXACT.p_value(0.1) == pytest.approx(1e-12)
    assert Uncertainty(None, 0.0, None).p_value(0.1) == pytest.approx(1.0)

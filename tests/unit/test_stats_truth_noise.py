"""The noise of the truth, its standard error and attenuation, held to known true accuracies."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import UsageError
from harness.stats import (
    Population,
    attenuation,
    draw_truths,
    kendall_tau,
    modelled_ceiling,
    noisy_taus,
    select_population,
    top_share,
    truth_noise_se,
)

FloatArray = npt.NDArray[np.float64]


def draw_true(n: int, rng: np.random.RandomState) -> tuple[FloatArray, FloatArray]:
    """Draw true accuracies, mostly good with a bad tail, and the scatter of a training of each."""
    bad_tail = rng.uniform(size=n) < 0.2
    true = np.where(bad_tail, rng.uniform(20, 85, n), 94 - rng.gamma(2.0, 2.0, n))
    return true, np.interp(true, [20, 85, 94], [2.0, 1.0, 0.3])


def train(true: FloatArray, sd: FloatArray, rng: np.random.RandomState) -> FloatArray:
    return true[:, None] + sd[:, None] * rng.standard_normal((len(true), 2))


def everyone(n: int) -> Population:
    return select_population("all", np.arange(n), np.arange(float(n)))


def tau_of(score: FloatArray, truth: FloatArray) -> float:
    value = kendall_tau(score, truth).value
    assert value is not None
    return value


@pytest.mark.parametrize("share", [None, 0.5])
def test_the_standard_error_is_the_scatter_of_tau_over_trainings_of_the_truth(
    share: float | None,
) -> None:
    n, rng = 600, np.random.RandomState(0)
    true, sd = draw_true(n, rng)
    score = true + 2 * rng.standard_normal(n)
    name = "all" if share is None else "top_50"
    modelled, actual = [], []
    for _ in range(6):
        trials = train(true, sd, rng)
        noisy = draw_truths(trials, seed=1)
        assert noisy is not None
        part = select_population(name, np.arange(n), trials.mean(axis=1))
        taus = noisy_taus(score[None], noisy, part)
        assert taus is not None
        modelled.append(truth_noise_se(taus[:, :, 0]))
    for _ in range(400):
        truth = train(true, sd, rng).mean(axis=1)
        chosen = np.ones(n, dtype=bool) if share is None else top_share(truth, share)
        actual.append(tau_of(score[chosen], truth[chosen]))
    # 400 replays know a scatter to 3.5%, 6 models of 60 degrees of freedom each to 4%; the noise
    # model itself is fitted to two trainings an architecture.
    assert np.mean(modelled) == pytest.approx(np.std(actual), rel=0.2)


def test_the_noise_of_a_paired_difference_is_smaller_and_right() -> None:
    n, rng = 600, np.random.RandomState(1)
    true, sd = draw_true(n, rng)
    scores = true + 2 * rng.standard_normal(n) + 0.3 * rng.standard_normal((2, n))
    noisy = draw_truths(train(true, sd, rng))
    assert noisy is not None
    taus = noisy_taus(scores, noisy, everyone(n))
    assert taus is not None
    paired = truth_noise_se(taus[:, :, 0] - taus[:, :, 1])
    alone = [truth_noise_se(taus[:, :, seed]) for seed in (0, 1)]
    replays = [train(true, sd, rng).mean(axis=1) for _ in range(400)]
    actual = np.std([tau_of(scores[0], t) - tau_of(scores[1], t) for t in replays])
    assert paired < 0.7 * math.hypot(*alone)
    assert paired == pytest.approx(actual, rel=0.3)  # one model of 60 degrees of freedom: 9%


def test_a_score_against_itself_has_no_noise_in_the_difference() -> None:
    n, rng = 100, np.random.RandomState(2)
    true, sd = draw_true(n, rng)
    noisy = draw_truths(train(true, sd, rng), draws=2, copies=3)
    assert noisy is not None
    taus = noisy_taus(np.stack([true, true]), noisy, everyone(n))
    assert taus is not None
    assert truth_noise_se(taus[:, :, 0] - taus[:, :, 1]) == 0.0
    assert truth_noise_se(taus[:, :, 0]) > 0.0


def test_a_truth_that_one_training_is_behind_is_the_noisier() -> None:
    n, rng = 400, np.random.RandomState(3)
    true, sd = draw_true(n, rng)
    trials = train(true, sd, rng)
    spreads = []
    for n_behind in (None, np.full(n, 2), np.full(n, 1)):
        noisy = draw_truths(trials, n_behind=n_behind)
        assert noisy is not None
        spreads.append(float(noisy.std(axis=1, ddof=1).mean()))
    assert spreads[0] == spreads[1]
    assert spreads[2] == pytest.approx(math.sqrt(2) * spreads[0])


@pytest.mark.parametrize(
    ("name", "tolerance"),
    # Of the taus against the true accuracies: 2,000 architectures, and a half of them.
    [("noiseless", 0.03), ("good", 0.01), ("fair", 0.01), ("poor", 0.01)],
)
@pytest.mark.parametrize("share", [None, 0.5])
def test_the_attenuation_leads_back_to_the_tau_against_the_true_accuracies(
    name: str, tolerance: float, share: float | None
) -> None:
    gaps = []
    for seed in range(3):
        rng = np.random.RandomState(seed)
        true, sd = draw_true(2000, rng)
        noise = {"noiseless": 0.0, "good": 0.5, "fair": 2.0, "poor": 10.0}[name]
        score = true + noise * rng.standard_normal(2000)
        trials = train(true, sd, rng)
        truth = trials.mean(axis=1)
        chosen = np.ones(2000, dtype=bool) if share is None else top_share(truth, share)
        ceiling = modelled_ceiling(trials, share, draws=5)
        assert ceiling is not None
        found = attenuation(tau_of(score[chosen], truth[chosen]), ceiling)
        gaps.append(found.tau - tau_of(score[chosen], true[chosen]))
        assert found.factor is not None
        assert ceiling - 0.02 <= found.factor <= 1.0
    assert abs(np.mean(gaps)) < tolerance


def test_attenuation_of_simple_cases() -> None:
    assert attenuation(0.5, 1.0) == (pytest.approx(0.5), pytest.approx(1.0))
    assert attenuation(0.9, 0.9) == (pytest.approx(1.0), pytest.approx(0.9))
    assert attenuation(0.95, 0.9).tau == 1.0
    assert attenuation(-0.5, 0.9).tau == pytest.approx(-attenuation(0.5, 0.9).tau)
    assert attenuation(0.0, 0.9) == (0.0, None)


@pytest.mark.parametrize(
    ("tau", "ceiling"), [(0.5, 0.0), (0.5, -0.1), (0.5, 1.1), (1.1, 0.9), (math.nan, 0.9)]
)
def test_taus_and_ceilings_out_of_range_are_refused(tau: float, ceiling: float) -> None:
    with pytest.raises(UsageError, match="tau is -1 to 1"):
        attenuation(tau, ceiling)


def test_too_few_and_constant_scores_have_no_noise() -> None:
    noisy = np.random.RandomState(0).uniform(size=(2, 3, 50))
    few = Population("few", "few", np.arange(50) < 29, 29, None)
    assert noisy_taus(np.ones((1, 50)) + np.arange(50.0), noisy, few) is None
    assert noisy_taus(np.zeros((1, 50)), noisy, everyone(50)) is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\[seed, n\] and \[draw, copy, n\]"):
        noisy_taus(np.zeros((1, 40)), np.zeros((2, 3, 50)), everyone(50))
    with pytest.raises(UsageError, match="at least two copies"):
        truth_noise_se(np.zeros((4, 1)))


def test_trainings_that_make_no_model_draw_nothing() -> None:
    assert draw_truths(np.random.RandomState(0).uniform(size=(50, 1))) is None
    with pytest.raises(UsageError, match="1 of 50 architectures have no trial"):
        draw_truths(np.where(np.arange(50)[:, None] == 3, np.nan, np.ones((50, 2))))

"""The noise of the truth, its standard error and attenuation, held to known true accuracies."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import UsageError
from harness.stats import (
    TruthInfluence,
    attenuation,
    kendall_tau,
    modelled_ceiling,
    top_share,
    truth_influence,
)

FloatArray = npt.NDArray[np.float64]


def draw_true(n: int, rng: np.random.RandomState) -> tuple[FloatArray, FloatArray]:
    """Draw true accuracies, mostly good with a bad tail, and the scatter of a training of each."""
    bad_tail = rng.uniform(size=n) < 0.2
    true = np.where(bad_tail, rng.uniform(20, 85, n), 94 - rng.gamma(2.0, 2.0, n))
    return true, np.interp(true, [20, 85, 94], [2.0, 1.0, 0.3])


def train(true: FloatArray, sd: FloatArray, rng: np.random.RandomState) -> FloatArray:
    return true[:, None] + sd[:, None] * rng.standard_normal((len(true), 2))


def tau_of(score: FloatArray, truth: FloatArray) -> float:
    value = kendall_tau(score, truth).value
    assert value is not None
    return value


def tau_of_top(score: FloatArray, truth: FloatArray, share: float | None) -> float:
    chosen = np.ones(len(truth), dtype=bool) if share is None else top_share(truth, share)
    return tau_of(score[chosen], truth[chosen])


def influence_of(
    score: FloatArray, trials: FloatArray, share: float | None = None
) -> TruthInfluence:
    found = truth_influence(score[None], trials, np.nanmean(trials, axis=1), share=share)
    assert found is not None
    return found


@pytest.mark.parametrize("noise", [0.5, 3.0])
@pytest.mark.parametrize(("share", "tolerance"), [(None, 0.15), (0.5, 0.25)])
@pytest.mark.parametrize("is_ragged", [False, True])
def test_the_standard_error_is_the_scatter_of_tau_over_trainings_of_the_truth(
    share: float | None, tolerance: float, noise: float, is_ragged: bool
) -> None:
    n, rng = 600, np.random.RandomState(0)
    true, sd = draw_true(n, rng)
    scores = true + noise * rng.standard_normal((2, n))
    missing = (rng.uniform(size=n) < 0.3) & is_ragged

    def draw() -> FloatArray:
        trials = train(true, sd, rng)
        trials[missing, 1] = np.nan
        return trials

    studies = [[influence_of(row, trials, share) for row in scores] for trials in (draw(), draw())]
    alone = np.mean([first.se() for first, _ in studies])
    paired = np.mean([first.minus(second).se() for first, second in studies])
    replays = [np.nanmean(draw(), axis=1) for _ in range(400)]
    taus = np.array([[tau_of_top(row, truth, share) for row in scores] for truth in replays])
    # 400 replays know a scatter to 3.5%; the rest is the method's own error, as its text says.
    assert alone == pytest.approx(taus[:, 0].std(), rel=tolerance)
    assert paired == pytest.approx((taus[:, 0] - taus[:, 1]).std(), rel=tolerance)


def test_the_influence_equals_moving_each_architecture_by_hand() -> None:
    n, rng = 40, np.random.RandomState(1)
    true, _ = draw_true(n, rng)
    score = (true + rng.standard_normal(n)).round(0)
    trials = true[:, None] + rng.standard_normal((n, 3))
    truth = trials.mean(axis=1)
    residuals = trials - truth[:, None]
    off = (residuals - residuals.mean(axis=0)) / math.sqrt(3)
    variance = 0.0
    for item in range(n):
        moved = np.repeat(truth[None], 3, axis=0)
        moved[:, item] += off[item]
        variance += np.var([tau_of(score, row) for row in moved], ddof=1)
    # Continuous truths have no ties, so that tau's denominator does not move either.
    assert influence_of(score, trials).se() == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_a_score_against_itself_has_no_noise_in_the_difference() -> None:
    true, sd = draw_true(100, np.random.RandomState(2))
    found = influence_of(true, train(true, sd, np.random.RandomState(3)))
    assert found.minus(found).se() == 0.0
    assert found.se() > 0.0


def test_seeds_share_the_noise_so_that_their_mean_has_it_too() -> None:
    rng = np.random.RandomState(4)
    true, sd = draw_true(100, rng)
    trials = train(true, sd, rng)
    truth = trials.mean(axis=1)
    scores = true + rng.standard_normal((3, 100))
    together = truth_influence(scores, trials, truth)
    assert together is not None
    each = [influence_of(row, trials).moves for row in scores]
    np.testing.assert_allclose(together.moves, np.mean(each, axis=0), atol=1e-12)
    again = truth_influence(np.repeat(scores[:1], 5, axis=0), trials, truth)
    assert again is not None
    assert again.se() == pytest.approx(influence_of(scores[0], trials).se())


def test_a_truth_that_one_training_is_behind_is_the_noisier() -> None:
    rng = np.random.RandomState(5)
    true, sd = draw_true(400, rng)
    trials = train(true, sd, rng)
    score = (true + 2 * rng.standard_normal(400))[None]
    truth = trials.mean(axis=1)
    found = [
        truth_influence(score, trials, truth, n_behind)
        for n_behind in (None, np.full(400, 2), np.full(400, 1))
    ]
    spreads = [part.se() for part in found if part is not None]
    assert spreads[0] == spreads[1]
    assert spreads[2] == pytest.approx(math.sqrt(2) * spreads[0], rel=0.1)  # nearly linear


def test_a_lucky_order_of_batches_that_all_share_is_no_noise() -> None:
    true, _ = draw_true(100, np.random.RandomState(6))
    shifted = true[:, None] + np.array([0.0, 0.7])
    assert influence_of(true + 0.1, shifted).se() == pytest.approx(0.0, abs=1e-12)


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
        modelled = modelled_ceiling(trials, truth, chosen, draws=5)
        assert modelled is not None
        ceiling = modelled.tau
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


@pytest.mark.parametrize("share", [None, 0.5])
def test_constant_scores_have_no_influence(share: float | None) -> None:
    trials = np.random.RandomState(0).uniform(size=(100, 2))
    assert truth_influence(np.zeros((1, 100)), trials, trials.mean(axis=1), share=share) is None


def test_fewer_than_thirty_with_two_trainings_have_no_influence() -> None:
    trials = np.random.RandomState(0).uniform(size=(100, 2))
    trials[29:, 1] = np.nan
    truth, score = np.nanmean(trials, axis=1), np.arange(100.0)[None]
    assert truth_influence(score, trials, truth) is None
    trials[29, 1] = 0.5
    assert truth_influence(score, trials, np.nanmean(trials, axis=1)) is not None


def test_an_architecture_without_a_training_leaves_none() -> None:
    trials = np.random.RandomState(0).uniform(size=(100, 2))
    trials[3] = np.nan
    assert truth_influence(np.arange(100.0)[None], trials, np.arange(100.0)) is None


def test_equal_truths_do_not_break_the_bins() -> None:
    trials = np.full((300, 2), 50.0)
    trials[:20] += np.random.RandomState(0).uniform(size=(20, 2))
    trials[20:100, 1] = np.nan
    found = influence_of(np.arange(300.0), trials)
    assert math.isfinite(found.se())


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\[seed, n\], \[n, trial\] and \[n\]"):
        truth_influence(np.zeros((1, 40)), np.zeros((50, 2)), np.zeros(50))
    with pytest.raises(UsageError, match=r"\[seed, n\], \[n, trial\] and \[n\]"):
        truth_influence(np.zeros(50), np.zeros((50, 2)), np.zeros(50))


def test_a_training_below_the_cut_gives_its_place_to_the_next_in_line() -> None:
    rng = np.random.RandomState(4)
    true, sd = draw_true(200, rng)
    trials = train(true, sd, rng)
    best = top_share(trials.mean(axis=1), 0.5)
    far = np.flatnonzero(best)[:5]
    trials[far] += np.array([-30.0, 30.0])  # one training of these is far below the cut
    truth, score = trials.mean(axis=1), true + rng.standard_normal(200)
    x, y = score[best], truth[best]
    lowest = np.flatnonzero(y <= np.quantile(y, 0.1))
    agreement = [
        sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for j in range(len(x))) for i in lowest
    ]
    expected = 2.0 * np.mean(agreement) / (len(x) * (len(x) - 1))
    found = influence_of(score, trials, 0.5)
    np.testing.assert_allclose(found.moves[far, 0], expected, rtol=1e-9)

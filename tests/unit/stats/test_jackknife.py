"""The error that images leave in tau: against loops, simulation, and as the end of a ranking.

The replays draw the images of a fixed set of architectures in another order each time, go through
them batch by batch, and end as a ranking does. What is stated at the end has to hold against tau
on all images; the share over 200 replays is known to about 1.5 points.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import kendalltau
from scipy.stats import t as student

from harness.estimators.classes import class_key
from harness.estimators.supernet.measuring import BatchSums, SharedBatch, sum_batch
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.rounds import Goal, Rounds
from harness.images.tiles import load_tiles
from harness.settings.layers import make_config
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.stats import image_error_of_tau, kendall_tau
from harness.strategies import load_strategy
from harness.training.loop import Trainer
from harness.truth import default_query, find_truth

FloatArray = npt.NDArray[np.float64]

REPLAYS = 200
TARGET = 0.05
"""Of the replays of a real supernet, on 60 architectures and 2,000 images."""

DISTINCT = list({class_key(load_space(), index): index for index in sample_indices(200)}.values())
"""One of each class, which would else be scored alike."""


class Scored(NamedTuple):
    """Losses by batch, and what they are held against."""

    losses: FloatArray  # summed, [batch, arch]
    truth: FloatArray


def simulate(n_batches: int, n_archs: int, noise: float, seed: int = 0) -> Scored:
    """Draw losses with a part that all share, three that some share, and one of each alone."""
    rng = np.random.RandomState(seed)
    truth = 94 - rng.gamma(2.0, 3.0, n_archs)
    expected = -0.05 * truth + 0.25 * rng.standard_normal(n_archs)
    size = (n_batches, n_archs)
    alike = rng.standard_normal((n_batches, 3)) @ rng.standard_normal((3, n_archs))
    varying = 2 * rng.standard_normal((n_batches, 1)) + noise * (
        0.7 * alike + rng.standard_t(3, size) / np.sqrt(3)
    )
    return Scored(50 * (expected + varying / np.sqrt(50)), truth)


def replay(scored: Scored, target: float, seed: int) -> tuple[int, float, float]:
    """Rank on the batches in another order; return batches used, tau, and its stated error."""
    indices = DISTINCT[: scored.losses.shape[1]]
    truth = dict(zip(indices, scored.truth.tolist(), strict=True))
    rounds = Rounds(Goal(target, truth), load_space(), indices)
    of_class = {index: place for place, index in enumerate(rounds._classes)}
    for batch in np.random.RandomState(seed).permutation(len(scored.losses)):
        sums = {index: BatchSums(scored.losses[batch, at], 0) for index, at in of_class.items()}
        rounds.add(sums, 50, 0.0)
        if rounds.are_enough:
            break
    last = rounds.seen[-1]
    assert last.tau is not None
    assert last.se is not None
    return last.round, last.tau, last.se


def coverage(scored: Scored, target: float) -> tuple[float, float]:
    """Return the share of replays within two errors of all images, and batches used on average."""
    everything = kendall_tau(-scored.losses.sum(axis=0), scored.truth).value
    assert everything is not None
    ends = [replay(scored, target, seed) for seed in range(REPLAYS)]
    held = [abs(tau - everything) <= 2 * se for _, tau, se in ends]
    return float(np.mean(held)), float(np.mean([used for used, _, _ in ends]))


def test_the_error_is_that_of_a_loop_over_groups_with_scipy() -> None:
    scored = simulate(9, 40, 3.0)
    sizes = np.array([50, 50, 50, 50, 50, 50, 50, 49, 49])

    def tau(used: list[int]) -> float:
        mean = scored.losses[used].sum(axis=0) / sizes[used].sum()
        return float(kendalltau(-mean, scored.truth).statistic)

    everyone = list(range(9))
    without = [tau([k for k in everyone if k != left]) for left in everyone]
    variance = 8 / 9 * sum((value - np.mean(without)) ** 2 for value in without)
    found = image_error_of_tau(scored.losses, sizes, scored.truth)
    assert found.tau == pytest.approx(tau(everyone), abs=1e-12)
    factor = student.ppf(0.975, 8) / 1.96
    assert found.se is not None
    halves = []
    rng = np.random.RandomState(9)  # eight splits into halves, the same for so many groups
    for _ in range(8):
        order = rng.permutation(9).tolist()
        halves += [tau(order[:4]), tau(order[4:])]
    bias = np.mean(halves) - tau(everyone)
    assert bias < -0.01  # noise in scores takes from tau, and more so on fewer images
    assert found.se == pytest.approx(factor * math.sqrt(variance + bias**2))


def test_the_error_is_the_spread_of_tau_over_draws_of_images() -> None:
    found = [
        image_error_of_tau(part.losses, [50] * 20, part.truth)
        for part in (_redraw(seed, 20) for seed in range(60))
    ]
    spread = np.std([one.tau for one in found])
    errors = [one.se for one in found if one.se is not None]
    assert len(errors) == 60
    # Somewhat more than the spread, by the factor of 20 groups (1.07) and the bias.
    assert 0.9 * spread < np.mean(errors) < 1.8 * spread


def _redraw(seed: int, n_batches: int) -> Scored:
    """Draw other images for the same architectures."""
    whole = simulate(400, 60, 1.0)
    chosen = np.random.RandomState(seed).choice(400, n_batches, replace=False)
    return Scored(whole.losses[chosen], whole.truth)


def test_without_noise_from_images_there_is_no_error() -> None:
    scored = simulate(8, 30, 0.0)
    found = image_error_of_tau(scored.losses, [50] * 8, scored.truth)
    assert found.se == pytest.approx(0.0, abs=1e-12)


def test_few_groups_and_ties_alone_have_no_error() -> None:
    scored = simulate(4, 30, 1.0)
    tau, se = image_error_of_tau(scored.losses, [50] * 4, scored.truth)
    assert (tau is not None, se) == (True, None)
    assert image_error_of_tau(np.ones((6, 30)), [50] * 6, scored.truth) == (None, None)


def test_a_ranking_ends_at_the_third_small_error_in_a_row() -> None:
    scored = simulate(40, 60, 0.5)
    used, _, se = replay(scored, 0.03, seed=1)
    assert 7 <= used < 40
    assert se <= 0.03
    assert replay(scored, 1.0, seed=1)[0] == 7
    assert replay(scored, 1e-9, seed=1)[0] == 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_batches", "n_archs", "noise", "target"),
    [(40, 100, 0.5, 0.012), (100, 100, 2.0, 0.03)],
)
def test_simulated_replays_end_within_two_stated_errors_of_all_images(
    n_batches: int, n_archs: int, noise: float, target: float
) -> None:
    held, used = coverage(simulate(n_batches, n_archs, noise), target)
    print(f"{held:.3f} of {REPLAYS} replays, {used:.1f} of {n_batches} batches")
    assert held >= 0.95
    assert used < 0.8 * n_batches  # or nothing was ended early


@pytest.mark.slow
def test_replays_of_a_real_supernet_end_within_two_stated_errors_of_all_images() -> None:
    settings = {"preset": "smoke", "steps": 600, "probe_every": 0, "rank_every": 0}
    config = make_config(settings, {"until_tau_se": TARGET})
    data = load_tiles()
    trainer = Trainer(config, data, load_strategy("spos"))
    for _ in range(config.steps):
        trainer.train_step()
    indices = DISTINCT[:60]
    losses = []
    for images, labels in Ranker(config, data).images.batches:
        batch = SharedBatch(trainer.network, images, labels, sum_batch)
        losses.append([batch.score(arch_at(index)).loss for index in indices])
    mean = find_truth("tiles").mean(default_query("tiles"))
    known = dict(zip(mean.keys.tolist(), mean.value.tolist(), strict=True))
    scored = Scored(np.array(losses), np.array([known[index] for index in indices]))
    held, used = coverage(scored, TARGET)
    print(f"{held:.3f} of {REPLAYS} replays, {used:.1f} of {len(losses)} batches")
    assert held >= 0.95
    assert used < 0.8 * len(losses)

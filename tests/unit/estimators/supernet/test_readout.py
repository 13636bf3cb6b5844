"""A readout refitted to each path: what leave-one-out means, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from harness.estimators.runs import say_few_images
from harness.estimators.supernet.final_ranking import FinalRanking
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.measuring import evaluate_path, sum_batch
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.readout import (
    RIDGE,
    choose_readout,
    sum_refitted,
)
from harness.settings.run import READOUTS
from harness.spaces.nb201.encoding import Arch, arch_at, sample_indices
from harness.supernet.base import CLASSIFIER
from harness.training.log import TrainingLog
from tests.tiny import tiny_config, tiny_data, tiny_network

N, N_FEATURES, N_CLASSES = 40, 6, 3


def draw(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, N_CLASSES, (N,), generator=generator)
    labels[:N_CLASSES] = torch.arange(N_CLASSES)
    features = torch.randn(N, N_FEATURES, generator=generator)
    features[:, 0] += labels
    return features, labels


def draw_unequal() -> tuple[torch.Tensor, torch.Tensor]:
    """Draw classes of 28, 8 and 4 images, with features that say little about them."""
    features, _ = draw(1)
    labels = torch.tensor([0] * 28 + [1] * 8 + [2] * 4)
    return features, labels


@pytest.mark.parametrize("drawn", [draw, draw_unequal])
def test_each_image_is_scored_by_the_regression_on_all_others(
    drawn: Callable[[], tuple[torch.Tensor, torch.Tensor]],
) -> None:
    features, labels = drawn()
    x = features.double()
    x = (x - x.mean(0)) / (x.std(0) + 1e-3)
    y = F.one_hot(labels).double()
    # a column of ones makes a free intercept and a penalty of n RIDGE on the weights
    error, correct = 0.0, 0
    for image in range(N):
        others = [other for other in range(N) if other != image]
        design = torch.cat([x[others], torch.ones(N - 1, 1, dtype=x.dtype)], 1)
        penalty = RIDGE * N * torch.eye(N_FEATURES + 1, dtype=x.dtype)
        penalty[-1, -1] = 0
        weights = torch.linalg.solve(design.T @ design + penalty, design.T @ y[others])
        output = torch.cat([x[image], torch.ones(1, dtype=x.dtype)]) @ weights
        error += (y[image] - output).square().sum().item()
        correct += int(output.argmax() == labels[image])
    found = sum_refitted(features, labels)
    assert found.loss == pytest.approx(error, rel=1e-9)
    assert found.correct == correct


def test_features_that_tell_the_classes_apart_score_better() -> None:
    features, labels = draw()
    better = features.clone()
    better[:, 0] += 5 * labels
    assert sum_refitted(better, labels).loss < sum_refitted(features, labels).loss


def test_scale_and_shift_of_the_features_hardly_matter() -> None:
    features, labels = draw()
    other = sum_refitted(features * 30 - 7, labels).loss
    assert other == pytest.approx(sum_refitted(features, labels).loss, rel=1e-3)


def test_features_that_say_nothing_score_as_the_frequencies_of_the_classes() -> None:
    _, labels = draw()
    y = F.one_hot(labels).double()
    alone = ((y - y.mean(0)) * N / (N - 1)).square().sum().item()
    assert sum_refitted(torch.zeros(N, N_FEATURES), labels).loss == pytest.approx(alone)


def test_without_its_classifier_a_copy_returns_features_and_the_original_still_logits() -> None:
    network, arch = tiny_network(), arch_at(6111)
    images, _ = next(iter(Ranker(tiny_config(), tiny_data()).images.batches))
    seen = {}
    logits = network(images, arch, tap=lambda name, x: seen.__setitem__(name, x))
    assert torch.equal(network.without_classifier()(images, arch), seen[CLASSIFIER])
    assert torch.equal(network(images, arch), logits)


def test_the_shared_readout_is_the_supernet_as_it_is() -> None:
    network = tiny_network()
    assert choose_readout(network, "shared") == (network, sum_batch)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_ranking_scores_each_batch_by_its_own_readouts(tmp_path: Path, precision: str) -> None:
    config = tiny_config(rank_readout="refitted", rank_precision=precision)
    network, ranker = tiny_network(), Ranker(config, tiny_data())
    journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
    rows = FinalRanking(ranker, [network], sample_indices(6), journal).rank().rows["refitted"]
    features = network.without_classifier()
    for row in rows:
        arch = arch_at(row["nb201_index"])
        score = evaluate_path(features, arch, ranker.images, None, sum_refitted)
        if precision == "float32":
            assert (row["loss"], row["accuracy"]) == score
        assert row["loss"] == pytest.approx(score.loss, rel=0.05)


def test_dead_paths_are_ties(tmp_path: Path) -> None:
    config = tiny_config(rank_readout="refitted")
    ranker, network = Ranker(config, tiny_data()), tiny_network()
    dead = [Arch((0, 0, 0, 0, 0, 0)), Arch((3, 3, 3, 0, 0, 0))]
    features = network.without_classifier()
    scores = {evaluate_path(features, arch, ranker.images, None, sum_refitted) for arch in dead}
    assert len(scores) == 1


def test_the_small_rankings_use_the_readout_and_the_training_loss_the_classifier() -> None:
    config, network, log = tiny_config(rank_every=2), tiny_network(), TrainingLog()
    refitted = config.model_copy(update={"rank_readout": "refitted"})
    ranker, other_log = Ranker(refitted, tiny_data()), TrainingLog()
    Ranker(config, tiny_data()).evaluate(network, 2, log)
    ranker.evaluate(network, 2, other_log)
    assert log.tables["curve"] == other_log.tables["curve"]
    interim = other_log.tables["interim_scores"]
    assert interim["loss"] != log.tables["interim_scores"]["loss"]
    first = arch_at(int(interim["nb201_index"][0])).representative
    features = network.without_classifier()
    alone = evaluate_path(features, first, ranker.images, None, sum_refitted)
    assert interim["loss"][0] == alone.loss


def test_both_readouts_are_computed_whichever_is_the_score(tmp_path: Path) -> None:
    rows = {}
    for readout in READOUTS:
        config = tiny_config(rank_readout=readout)
        journal = open_journal(tmp_path / readout / "ranking.jsonl", config, "w")
        ranker = Ranker(config, tiny_data())
        rows[readout] = (
            FinalRanking(ranker, [tiny_network()], sample_indices(6), journal).rank().rows
        )
    assert rows["shared"] == rows["refitted"]
    assert rows["shared"]["shared"] != rows["shared"]["refitted"]


def test_a_readout_of_few_images_a_feature_is_told() -> None:
    config = tiny_config(rank_images=60, rank_batch=30).model_copy(update={"preset": "quick"})
    assert say_few_images(config, 10) is None
    told = say_few_images(config, 11)
    assert told is not None
    assert "11 features and 30 images" in told
    assert "rank_batch=88 or more" in told
    assert say_few_images(config.model_copy(update={"preset": "smoke"}), 11) is None


def test_a_fit_of_two_images_a_feature_says_less_than_one_of_eight() -> None:
    """What decides is the noise of the regression: these features are the same."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (1_024,), generator=generator)
    features = torch.randn(1_024, 128, generator=generator)
    features[:, :10] += 2 * F.one_hot(labels, 10)
    parts = zip(features.split(256), labels.split(256), strict=True)
    few = sum(sum_refitted(*part).correct for part in parts)
    assert few + 100 < sum_refitted(features, labels).correct

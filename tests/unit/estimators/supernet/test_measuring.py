"""Scores of single paths, held to a naive computation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from harness.estimators.supernet.measuring import EvaluationImages, evaluate_path
from harness.images.dataset import ImageSet
from harness.spaces.nb201.encoding import arch_at, sample_indices
from tests.tiny import assert_same_state, tiny_data, tiny_network

ARCHS = [arch_at(index) for index in sample_indices(4)]


def take(n: int, batch: int) -> EvaluationImages:
    images = tiny_data().validation
    return EvaluationImages(tiny_data(), ImageSet(images.pixels[:n], images.labels[:n]), batch)


def test_loss_and_accuracy_are_means_over_images_not_over_batches() -> None:
    network = tiny_network()
    images = take(31, 16)  # a batch of 16 and one of 15
    assert [len(labels) for _, labels in images.batches] == [16, 15]
    for arch in ARCHS:
        losses, hits = [], 0
        with torch.no_grad():
            for batch, labels in images.batches:
                for logits, label in zip(network(batch, arch), labels, strict=True):
                    losses.append(F.cross_entropy(logits[None], label[None]).item())
                    hits += int(logits.argmax() == label)
        score = evaluate_path(network, arch, images)
        assert score.loss == pytest.approx(sum(losses) / 31, rel=1e-5)  # float32 sums
        assert score.accuracy == 100 * hits / 31


def test_images_are_cut_into_nearly_equal_batches_no_larger_than_asked() -> None:
    sizes = [len(labels) for _, labels in take(33, 16).batches]
    assert sizes == [11, 11, 11]
    pixels = torch.cat([batch for batch, _ in take(33, 16).batches])
    data = tiny_data()
    assert torch.equal(pixels, data.normalise(data.validation.pixels[:33]))


def test_scoring_changes_nothing_and_gives_the_same_twice() -> None:
    network = tiny_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images, calibration = take(32, 16), take(64, 32)
    first = evaluate_path(network, ARCHS[0], images, calibration)
    assert evaluate_path(network, ARCHS[0], images, calibration) == first
    assert_same_state(dict(network.state_dict()), before)
    assert all(weight.grad is None for weight in network.parameters())


def test_with_recalibrated_statistics_the_score_does_not_depend_on_the_batches() -> None:
    network, calibration = tiny_network(), take(64, 32)
    losses = {
        batch: [evaluate_path(network, arch, take(32, batch), calibration).loss for arch in ARCHS]
        for batch in (4, 32)
    }
    assert losses[4] == pytest.approx(losses[32], rel=1e-5)
    own = [[evaluate_path(network, arch, take(32, b)).loss for arch in ARCHS] for b in (4, 32)]
    assert own[0] != pytest.approx(own[1], rel=1e-3)
    assert losses[32] != pytest.approx(own[1], rel=1e-3)


def test_a_network_that_yields_no_numbers_has_a_loss_that_is_not_finite() -> None:
    network = tiny_network()
    with torch.no_grad():
        network.classifier.bias.fill_(float("nan"))
    assert not torch.tensor(evaluate_path(network, ARCHS[0], take(16, 16)).loss).isfinite()

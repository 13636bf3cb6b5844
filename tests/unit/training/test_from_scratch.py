"""The loop of stand-alone networks: losses, a teacher's part, precision, schedules."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from harness.images.dataset import BatchSampler
from harness.spaces import load_space
from harness.supernet.base import Standalone
from harness.testing.tiny import tiny_data
from harness.training.from_scratch import Recipe, SoftLabels, measure, train

RECIPE = Recipe(epochs=2, batch_size=16, max_lr=0.05)
SPACE = load_space()


def make_network(seeds: tuple[int, ...] = (0,)) -> Standalone:
    return SPACE.networks(tiny_data().network_shape(2, 1)).standalone(SPACE.at(6111), seeds)


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps() -> None:
    """Measured without learning, so that each step's loss can be had from the initial weights."""
    data = tiny_data()
    frozen = replace(RECIPE, epochs=1, max_lr=1e-30, weight_decay=0.0)
    losses = train(make_network(), (0,), frozen, data)
    network, sampler = make_network(), BatchSampler(data, 16, 0, augment=True)
    steps = []
    for step in range(sampler.batches_per_epoch):
        images, labels = sampler.batch(step)
        steps.append(F.cross_entropy(network(images)[:, 0], labels))
    torch.testing.assert_close(losses, torch.stack(steps).mean().view(1, 1))


def test_a_teachers_part_is_hintons() -> None:
    """Against the plain formula, for two networks that see different images."""
    data, seeds = tiny_data(), (0, 1)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(len(data.train), data.classes, generator=generator)
    taught = SoftLabels(logits, alpha=0.3, temperature=2.5)
    frozen = replace(RECIPE, epochs=1, max_lr=1e-30, weight_decay=0.0)
    losses = train(make_network(seeds), seeds, frozen, data, taught=taught)
    for place, seed in enumerate(seeds):
        network, sampler = make_network((seed,)), BatchSampler(data, 16, seed, augment=True)
        steps = []
        for step in range(sampler.batches_per_epoch):
            images, labels = sampler.batch(step)
            own = network(images)[:, 0]
            soft = F.softmax(logits[sampler.chosen(step)] / 2.5, dim=1)
            divergence = (soft * (soft.log() - F.log_softmax(own / 2.5, dim=1))).sum(dim=1).mean()
            steps.append(0.7 * F.cross_entropy(own, labels) + 0.3 * 2.5**2 * divergence)
        torch.testing.assert_close(losses[0, place], torch.stack(steps).mean())


def test_chosen_images_are_those_of_the_batch() -> None:
    sampler = BatchSampler(tiny_data(), 16, 3, augment=False)
    for step in (0, 7, 1):
        images, labels = sampler.batch(step)
        chosen = sampler.chosen(step)
        assert torch.equal(labels, sampler.data.train.labels[chosen])
        assert torch.equal(images, sampler.data.normalise(sampler.data.train.pixels[chosen]))


@pytest.mark.parametrize(("epochs", "warmup"), [(1, 0.0), (1, 1 / 6), (1, 1.0), (2, 0.3)])
def test_a_schedule_of_few_steps_reaches_its_end(epochs: int, warmup: float) -> None:
    few = replace(RECIPE, epochs=epochs, warmup=warmup)
    losses = train(make_network(), (0,), few, tiny_data())
    assert losses.shape == (epochs, 1)
    assert torch.isfinite(losses).all()
    one_step = replace(few, batch_size=96)
    assert torch.isfinite(train(make_network(), (0,), one_step, tiny_data())).all()


def test_each_epoch_is_told_of_and_measuring_changes_nothing() -> None:
    data, network, seen = tiny_data(), make_network(), []
    losses = train(
        network, (0,), RECIPE, data, lambda: seen.append(measure(network, data, data.validation))
    )
    assert torch.equal(losses, train(make_network(), (0,), RECIPE, data))
    assert len(seen) == RECIPE.epochs
    network.eval()
    images, labels = data.normalise(data.validation.pixels), data.validation.labels
    with torch.no_grad():
        logits = network(images)[:, 0]
    assert seen[-1].loss == pytest.approx([F.cross_entropy(logits, labels).item()])
    correct = (logits.argmax(dim=1) == labels).float().mean().item()
    assert seen[-1].accuracy == pytest.approx([100 * correct])

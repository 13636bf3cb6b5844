"""EPE-NAS where there are many classes: the paper's other formula, which no small network meets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from harness.estimators.zero_cost.epe_nas import EpeNas
from harness.estimators.zero_cost.passes import Batch, Passes
from harness.spaces import NetworkShape, load_space

SPACE = load_space()


def test_more_than_100_classes_are_compared_pair_by_pair() -> None:
    shape = NetworkShape(channels=2, cells=1, image_size=8, image_channels=2, classes=101)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 2, 8, 8, generator=generator, dtype=torch.float64)
    batch = Batch(images, torch.tensor([3, 100, 3, 7, 100, 3]))
    network = SPACE.networks(shape).standalone(SPACE.at(6111), [0]).double()
    passes = Passes(network, batch, batch, 0, EpeNas.uses)
    gradients = passes.pull_back(torch.ones_like(passes.logits)).numpy()
    e = []
    for images_of_class in ([0, 2, 5], [1, 4], [3]):
        pairs = itertools.product(gradients[images_of_class], repeat=2)
        logs = [np.log(abs(np.corrcoef(a, b)[0, 1]) + 1e-5) for a, b in pairs]
        e.append(sum(logs) / len(images_of_class))
    expected = sum(abs(a - b) for a, b in itertools.product(e, repeat=2)) / len(e)
    assert EpeNas.measure(passes) == pytest.approx(expected, rel=1e-12)

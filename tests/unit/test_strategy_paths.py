"""Strategies that choose their paths in a way of their own, each held to what defines it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.space.cost import NetworkShape, count_flops, count_params
from harness.space.nb201 import EDGES, OPS, Arch, enumerate_archs
from harness.strategies import load_strategy
from harness.strategies.base import Strategy, WeightedPath
from harness.strategies.sandwich import LARGEST, N_RANDOM, SMALLEST
from tests.tiny import tiny_config, tiny_trainer


def make(name: str, **settings: object) -> Strategy:
    return load_strategy(name)(tiny_config(strategy=name, **settings), {}, 6)


def sample(strategy: Strategy, step: int) -> list[WeightedPath]:
    paths = list(strategy.sample_paths(step, np.random.RandomState(step)))
    strategy.remember(step, {}, torch.Generator())
    return paths


def test_fairnas_trains_every_operation_of_every_edge_once_a_step() -> None:
    strategy = make("fairnas")
    seen = set()
    for step in range(200):
        paths = sample(strategy, step)
        assert [path.weight for path in paths] == [1.0] * len(OPS)
        for edge in range(len(EDGES)):
            assert sorted(path.arch.ops[edge] for path in paths) == list(range(len(OPS)))
        seen |= {path.arch for path in paths}
    assert len(seen) > 950  # uniform over 15,625: of 1,000 draws some 31 are repeated


def test_fairnas_applies_the_sum_of_the_paths_gradients_in_one_update() -> None:
    trainer = tiny_trainer(tiny_config(strategy="fairnas", momentum=0, weight_decay=0, clip_norm=0))
    network = copy.deepcopy(trainer.network)
    before = {name: weight.detach().clone() for name, weight in trainer.weights.items()}
    paths = trainer.strategy.sample_paths(0, np.random.RandomState(0))
    trainer.strategy.sample_paths = lambda step, rng: paths  # type: ignore[method-assign]
    loss = trainer.train_step()
    images, labels = trainer.sampler.batch(0)
    total = torch.stack([F.cross_entropy(network(images, arch), labels) for arch, _ in paths]).sum()
    total.backward()
    assert loss == pytest.approx(total.item(), rel=1e-5)
    for name, weight in network.named_parameters():
        if weight.grad is None:
            assert torch.equal(trainer.weights[name], before[name])
        else:
            expected = before[name] - trainer.config.lr * weight.grad
            torch.testing.assert_close(trainer.weights[name], expected, rtol=1e-5, atol=1e-6)


def test_the_ends_of_the_sandwich_are_those_of_the_space_by_parameters_and_flops() -> None:
    shape = NetworkShape(16, 5, 32, 3, 10)
    live = [arch for arch in enumerate_archs() if arch.is_live]
    for count in (count_params, count_flops):
        costs = [count(arch, shape) for arch in live]
        assert count(LARGEST, shape) == max(costs)
        assert count(SMALLEST, shape) == min(costs)
    assert SMALLEST.is_live
    assert len(SMALLEST.live_edges) == min(len(arch.live_edges) for arch in live)


def test_the_sandwich_has_random_paths_between_its_ends() -> None:
    strategy = make("sandwich")
    between: list[Arch] = []
    for step in range(50):
        archs = [path.arch for path in sample(strategy, step)]
        assert archs[N_RANDOM:] == [LARGEST, SMALLEST]
        between += archs[:N_RANDOM]
    assert len(between) == 50 * N_RANDOM
    assert len(set(between)) > 95

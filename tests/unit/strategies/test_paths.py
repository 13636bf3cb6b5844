"""Strategies that choose their paths in a way of their own, each held to what defines it."""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Hashable
from unittest import mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.errors import UsageError
from harness.spaces import load_space
from harness.spaces.base import Space
from harness.spaces.nb201.cost import count_flops, count_params
from harness.spaces.nb201.encoding import EDGES, OPS, Arch, enumerate_archs
from harness.spaces.nb201.space import NB201
from harness.spaces.values import NetworkShape
from harness.strategies import load_strategy
from harness.strategies.archive import measure_distances, measure_novelty
from harness.strategies.base import Strategy, WeightedPath
from harness.strategies.sandwich import N_RANDOM
from tests.tiny import tiny_config, tiny_strategy, tiny_trainer

SPACE = NB201()


def make(name: str, **settings: object) -> Strategy:
    return tiny_strategy(tiny_config(strategy=name, **settings))


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


def test_fairnas_is_as_unfair_to_the_shifted_blocks_of_macro_as_it_says() -> None:
    strategy, space = make("fairnas", space="macro"), load_space("macro")
    n, trained = 2_000, Counter[Hashable]()
    for step in range(n):
        for path in strategy.sample_paths(step, np.random.RandomState(step)):
            trained.update(space.weights(path.arch))
    for block, kernel in itertools.product(range(8), (1, 2)):
        expected = {3: 4 / 3, 6: 4 / 3, 4: 2 / 3, 7: 2 / 3}.get(block, 1.0)
        # a mean of 0, 1 or 2 over the steps: five standard errors
        assert trained[(block, kernel)] / n == pytest.approx(expected, abs=5 / n**0.5)


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
    assert loss.item() == pytest.approx(total.item(), rel=1e-5)
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
        assert count(SPACE.largest, shape) == max(costs)
        assert count(SPACE.smallest, shape) == min(costs)
    assert SPACE.smallest.is_live
    assert len(SPACE.smallest.live_edges) == min(len(arch.live_edges) for arch in live)


def test_the_sandwich_has_random_paths_between_its_ends() -> None:
    strategy = make("sandwich")
    between: list[Arch] = []
    for step in range(50):
        archs = [path.arch for path in sample(strategy, step)]
        assert archs[N_RANDOM:] == [SPACE.largest, SPACE.smallest]
        between += archs[:N_RANDOM]
    assert len(between) == 50 * N_RANDOM
    assert len(set(between)) > 95


def test_distance_is_the_share_of_edges_with_another_operation() -> None:
    archs = enumerate_archs()[::997]
    distances = measure_distances(SPACE, archs, archs)
    for i, first in enumerate(archs):
        for j, second in enumerate(archs):
            pairs = zip(first.ops, second.ops, strict=True)
            assert distances[i, j] == pytest.approx(sum(a != b for a, b in pairs) / 6)


def test_novelty_is_the_mean_distance_to_the_nearest_of_the_archive() -> None:
    same, near, far = Arch((3,) * 6), Arch((3,) * 5 + (2,)), Arch((2,) * 6)
    archive = [same, near, far]
    assert measure_novelty(SPACE, [same], archive, 2) == pytest.approx(1 / 12)
    assert measure_novelty(SPACE, [same], archive, 9) == pytest.approx((0 + 1 / 6 + 1) / 3)
    assert measure_novelty(SPACE, [same, far], [], 3).tolist() == [0, 0]


def mean_novelty(paths: list[Arch], window: int) -> float:
    """Return the mean novelty of each path to the `window` trained before it."""
    values = [
        measure_novelty(SPACE, [paths[i]], paths[i - window : i], 10)[0]
        for i in range(window, len(paths))
    ]
    return float(np.mean(values))


def test_novel_paths_are_further_from_those_before_them_than_uniform_ones() -> None:
    novel, uniform = make("novelty"), make("spos")
    paths = [[sample(s, step)[0].arch for step in range(300)] for s in (novel, uniform)]
    # by chance, over 200 paths, the means differ by 0.005 (one standard error) or so
    assert mean_novelty(paths[0], 100) > mean_novelty(paths[1], 100) + 0.03
    assert len(set(paths[0])) > 290
    convs = [np.mean([len(arch.live_conv_edges) for arch in archs]) for archs in paths]
    assert abs(convs[0] - convs[1]) < 0.3  # by chance: SE 0.1; novelty is of no kind of path


def test_the_most_novel_of_the_candidates_is_taken_and_the_archive_forgets() -> None:
    strategy = make("novelty", novelty={"candidates": 4, "archive": 3, "neighbours": 2})
    trained: list[Arch] = []
    for step in range(8):
        (path,) = sample(strategy, step)
        rng = np.random.RandomState(step)
        candidates = [SPACE.draw(rng) for _ in range(4)]
        novelty = measure_novelty(SPACE, candidates, trained[-3:], 2)
        assert path == WeightedPath(candidates[int(novelty.argmax())], 1.0)
        trained.append(path.arch)
    assert strategy.state_dict() == {"archive": [arch.ops for arch in trained[-3:]]}


def test_nsas_weighs_the_path_against_the_mean_of_the_constraint_set() -> None:
    strategy = make("nsas", nsas={"constraints": 4, "weight": 0.3})
    trained: list[Arch] = []
    for step in range(30):
        path, *constraints = sample(strategy, step)
        assert path.arch == SPACE.draw(np.random.RandomState(step))
        assert len(constraints) == min(step, 4)
        assert {c.arch for c in constraints} <= set(trained)  # earlier paths, and no others
        assert sum(w for _, w in (path, *constraints)) == pytest.approx(1)
        if constraints:
            assert path.weight == 0.7
            assert {w for _, w in constraints} == {0.3 / len(constraints)}
        trained.append(path.arch)


def spread(archs: list[Arch]) -> float:
    return float(measure_distances(SPACE, archs, archs).sum() / (len(archs) * (len(archs) - 1)))


def test_the_constraint_set_of_nsas_grows_diverse_and_holds_none_twice() -> None:
    strategy = make("nsas", nsas={"constraints": 6, "recent": 20})
    spreads = []
    for step in range(80):
        constraints = [path.arch for path in sample(strategy, step)[1:]]
        assert len(set(constraints)) == len(constraints)
        if len(constraints) == 6:
            spreads.append(spread(constraints))
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(spreads))  # greedy: never worse
    assert spreads[-1] > 0.9  # uniform paths: 0.8


def test_a_full_constraint_set_swaps_the_member_nearest_to_the_path_for_a_more_novel_one() -> None:
    strategy = make("nsas", nsas={"constraints": 2, "recent": 1})
    first, second, unlike, dull = ((3,) * 6, (3,) * 5 + (2,), (2,) * 6, (3,) * 4 + (2, 2))
    for ops, expected in (
        (first, [first]),
        (second, [first, second]),
        (unlike, [first, unlike]),  # nearest to `second`, and further from `first` than that
        (dull, [first, unlike]),  # nearest to `first`, and no further from `unlike` than that
    ):
        strategy._sampled = [Arch(ops)]  # type: ignore[attr-defined]
        strategy.remember(0, {}, torch.Generator())
        assert strategy.state_dict()["constraints"] == expected


@pytest.mark.parametrize("name", ["fairnas", "novelty", "nsas", "sandwich"])
def test_a_strategy_that_needs_a_grid_refuses_another_space(name: str) -> None:
    strategy = load_strategy(name)
    strategy.check_space(SPACE)
    space = mock.Mock(spec=Space)
    space.name = "no-grid"
    with pytest.raises(UsageError, match=r"needs a grid.*space 'no-grid' is not one"):
        strategy.check_space(space)


def test_fairnas_refuses_slots_with_unequal_numbers_of_choices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NB201, "slots", (("a", "b"), ("a", "b", "c")))
    with pytest.raises(UsageError, match=r"as many choices in each slot.* have 2, 3\."):
        make("fairnas")

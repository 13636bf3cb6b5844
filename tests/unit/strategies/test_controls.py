"""The controls of orthogonal gradient descent: each matches it in just what it is to match."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from torch import Tensor

from harness.settings.run import RunConfig
from harness.strategies.norm_matched import length_ratio
from harness.strategies.projecting import ProjectingStrategy
from harness.strategies.projection import Projector
from harness.strategies.random_projector import RandomProjector, draw_rotation
from harness.training.loop import Trainer
from tests.tiny import (
    assert_same_state,
    copy_weights_of,
    randn,
    read_by_projector,
    tiny_config,
    tiny_strategy,
    tiny_trainer,
)

CONTROLS = ("random-projector", "spos-norm-matched", "spos-trace-matched")
OGD = {"c": 0.5, "refresh": 1, "patches": 32}


def make_trainer(strategy: str, **settings: object) -> Trainer:
    return tiny_trainer(tiny_config(**{"strategy": strategy, "ogd": OGD, **settings}))


def make_strategy(name: str, weights: dict[str, Tensor], **settings: object) -> ProjectingStrategy:
    strategy = tiny_strategy(tiny_config(strategy=name, **settings), weights)
    assert isinstance(strategy, ProjectingStrategy)
    return strategy


def make_projector_of(strategy: ProjectingStrategy, name: str, patches: Tensor) -> Projector:
    projector = strategy._projector(name)
    projector.store(patches)
    return projector


def watch(trainer: Trainer, steps: int) -> list[tuple[Tensor, Tensor, Tensor, float]]:
    """Return (update, what became of it, its projection, plasticity) of every constrained layer."""
    seen = []
    strategy = trainer.strategy
    assert isinstance(strategy, ProjectingStrategy)
    constrain = strategy.constrain_update

    def constrain_update(name: str, update: Tensor, projector: Projector) -> Tensor:
        result = constrain(name, update, projector)
        projected = projector.project(update)
        seen.append((update.clone(), result, projected, projector.plasticity))
        return result

    with mock.patch.object(strategy, "constrain_update", constrain_update):
        for _ in range(steps):
            trainer.train_step()
    assert len(seen) > 20
    return seen


@pytest.mark.parametrize("projector", ["covariance", "nullspace", "rls"])
@pytest.mark.parametrize("name", ["random-projector", "spos-norm-matched"])
def test_every_layers_update_is_as_long_as_the_projected_one_of_that_step(
    name: str, projector: str
) -> None:
    every = {**OGD, "projector": projector, "alpha": 0.1, "threshold": 0.5}
    ogd = read_by_projector(every)
    for update, result, projected, _ in watch(make_trainer(name, ogd=ogd), 6):
        assert projected.norm() <= update.norm() * (1 + 1e-5)
        # float32, over a few hundred entries
        torch.testing.assert_close(result.norm(), projected.norm(), rtol=1e-4, atol=1e-7)


def test_norm_and_trace_matched_updates_keep_the_direction_of_plain_ones() -> None:
    for name in ("spos-norm-matched", "spos-trace-matched"):
        for update, result, _, plasticity in watch(make_trainer(name), 4):
            torch.testing.assert_close(result, update * (result.norm() / update.norm()))
            if name == "spos-trace-matched":
                torch.testing.assert_close(result, update * plasticity)


def test_gradients_lie_where_p_suppresses_so_that_the_trace_is_no_match_of_the_norm() -> None:
    seen = watch(make_trainer("spos-norm-matched", steps=30), 30)
    ratios = [(projected.norm() / update.norm()).item() for update, _, projected, _ in seen]
    plasticities = [plasticity for *_, plasticity in seen]
    assert sum(ratios) / len(seen) < sum(plasticities) / len(seen)


@pytest.mark.parametrize("name", CONTROLS)
def test_with_nothing_stored_a_control_is_plain_sgd(name: str) -> None:
    weight = torch.zeros(4, 3, 3, 3)
    strategy = make_strategy(name, {"w": weight})
    projector = strategy._projector("w")
    update = randn(4, 3, 3, 3)
    assert torch.equal(strategy.constrain_update("w", update, projector), update)
    plain, control = make_trainer("spos"), make_trainer(name)
    plain.train_step()
    control.train_step()  # the projectors have stored nothing before the first step
    assert_same_state(copy_weights_of(plain), copy_weights_of(control))


@pytest.mark.parametrize("name", ["random-projector", "spos-norm-matched"])
def test_where_nothing_is_left_of_the_projected_update_the_layer_does_not_move(name: str) -> None:
    strategy = make_strategy(name, {"w": torch.zeros(5, 4)}, ogd={"projector": "nullspace"})
    projector = make_projector_of(strategy, "w", torch.tensor([[1.0, 0, 0, 0]]))
    closed = torch.zeros(5, 4)
    closed[:, 0] = 1  # along the one direction stored
    assert projector.project(closed).abs().max() == 0
    assert torch.equal(strategy.constrain_update("w", closed, projector), torch.zeros(5, 4))
    nothing = torch.zeros(5, 4)
    assert torch.equal(strategy.constrain_update("w", nothing, projector), nothing)


def test_the_ratio_of_lengths_of_a_zero_update_is_zero() -> None:
    assert length_ratio(torch.zeros(3), torch.zeros(3)) == 0
    assert length_ratio(torch.ones(3), torch.zeros(3)) == 0
    assert length_ratio(torch.ones(4), 2 * torch.ones(4)) == 0.5


def random_p(strategy: ProjectingStrategy, name: str, projector: Projector) -> Tensor:
    """Return Q P Q^T of a layer."""
    assert isinstance(strategy, RandomProjector)
    q = strategy._rotation(name, projector.d).double()
    p = projector.matrix()
    assert p is not None
    return q @ p.double() @ q.T


def test_the_random_projector_has_the_same_eigenvalues_and_other_eigenvectors() -> None:
    strategy = make_strategy("random-projector", {"w": torch.zeros(5, 4, 3, 3)}, ogd=OGD)
    patches = randn(50, 36) * torch.logspace(0, -2, 36)
    projector = make_projector_of(strategy, "w", patches)
    p, turned = projector.matrix(), random_p(strategy, "w", projector)
    assert p is not None
    expected = torch.linalg.eigvalsh(p.double())
    torch.testing.assert_close(torch.linalg.eigvalsh(turned), expected, rtol=0, atol=1e-5)
    strongest = [torch.linalg.eigh(m.double()).eigenvectors[:, 0] for m in (p, turned)]
    assert abs(strongest[0] @ strongest[1]) < 0.7  # of 36 directions: about 0.17 by chance
    update = randn(5, 4, 3, 3, seed=1)
    result = strategy.constrain_update("w", update, projector).movedim(1, -1).flatten(1).double()
    flat = update.movedim(1, -1).flatten(1).double() @ turned  # patches: row, column, channel
    cosine = (result * flat).sum() / (result.norm() * flat.norm())
    assert cosine > 1 - 1e-6


def test_rotations_differ_by_layer_and_seed_and_are_the_same_at_every_step() -> None:
    weights = {"v": torch.zeros(5, 8), "w": torch.zeros(5, 8)}
    first, again, other = (make_strategy("random-projector", weights, seed=s) for s in (0, 0, 1))
    assert isinstance(first, RandomProjector)
    assert isinstance(again, RandomProjector)
    assert isinstance(other, RandomProjector)
    q = first._rotation("w", 8)
    assert torch.equal(q, again._rotation("w", 8))
    assert not torch.equal(q, first._rotation("v", 8))
    assert not torch.equal(q, other._rotation("w", 8))


def test_rotations_are_orthogonal_and_point_everywhere() -> None:
    rotations = [draw_rotation(3, seed) for seed in range(2_000)]
    for q in rotations[:20]:
        torch.testing.assert_close(q @ q.T, torch.eye(3, dtype=torch.float64))
    mean = torch.stack(rotations).mean(dim=0)
    assert mean.abs().max() < 0.06  # each entry has mean 0 and variance 1/3: SE 0.013
    assert (torch.stack(rotations) ** 2).mean(dim=0).sub(1 / 3).abs().max() < 0.04


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_reads_the_settings_of_ogd(name: str) -> None:
    config: RunConfig = tiny_config(strategy=name, ogd={"c": 3})
    assert tiny_strategy(config).settings.c == 3  # type: ignore[attr-defined]

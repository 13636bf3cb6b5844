"""The fast training step, held to the naive one: what is equal, and within what."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.made import make_trainer, noise_images
from benchmarks.naive import NaiveStep, naive_batch
from harness.spaces.nb201.encoding import arch_at
from harness.supernet.layers import avg_pool
from harness.training.loop import Trainer
from tests.tiny import copy_weights_of, tiny_config, tiny_trainer

STEPS = 20


def make(**settings: Any) -> Trainer:
    plain = {"steps": STEPS, "clip_norm": 0.0, "schedule": "constant", "lr": 0.025, "cells": 2}
    return tiny_trainer(tiny_config(**plain, **settings))


def losses(trainer: Trainer) -> list[float]:
    for _ in range(STEPS):
        trainer.train_step()
    return trainer.log.tables["steps"]["loss"]


def losses_and_naive_ones(trainer: Trainer, dtype: torch.dtype) -> tuple[list[float], list[float]]:
    """Return the losses of the first steps, and those of the naive step on the same paths."""
    trainer.network.to(dtype)
    batch = trainer.sampler.batch

    def cast_batch(step: int) -> tuple[Tensor, Tensor]:
        images, labels = batch(step)
        return images.to(dtype), labels

    trainer.sampler.batch = cast_batch  # type: ignore[method-assign]
    naive = NaiveStep(trainer, zero_all=False)
    naive.network.to(dtype)
    ours = losses(trainer)
    archs = [arch_at(int(index)) for index in trainer.log.tables["steps"]["path_index"]]
    return ours, [naive(*naive_batch(trainer, step), arch) for step, arch in enumerate(archs)]


def test_in_float64_losses_equal_the_naive_ones_over_the_first_twenty_steps() -> None:
    ours, naive = losses_and_naive_ones(make(), torch.float64)
    # the same arithmetic in another order: 1e-16 a step
    assert ours == pytest.approx(naive, rel=1e-9)


def test_in_float32_losses_follow_the_naive_ones_over_the_first_twenty_steps() -> None:
    ours, naive = losses_and_naive_ones(make(), torch.float32)
    assert ours[:3] == pytest.approx(naive[:3], rel=1e-6)
    # Batch norm magnifies rounding without bound where features hardly vary, as with 4 channels
    # and 16 images here.
    assert ours == pytest.approx(naive, rel=0.03)
    assert statistics.fmean(ours) == pytest.approx(statistics.fmean(naive), rel=5e-3)


def test_bf16_losses_follow_those_of_float32_within_its_eight_bits() -> None:
    exact, rounded = losses(make()), losses(make(precision="bf16"))
    assert exact != rounded
    assert rounded[0] == pytest.approx(exact[0], rel=0.01)
    # twenty noisy steps: on average the two are as close as at the first
    assert statistics.fmean(rounded) == pytest.approx(statistics.fmean(exact), rel=0.02)


def test_in_bf16_weights_momentum_and_probes_stay_float32() -> None:
    trainer = make(precision="bf16", probe_every=1, strategy="ogd", ogd={"projector": "covariance"})
    before = copy_weights_of(trainer)
    trainer.train_step()
    state = trainer.state_dict()
    tensors = [*state["network"].values(), *state["momentum"].values()]
    tensors += [t for p in state["strategy"]["projectors"].values() for t in p.values()]
    assert {t.dtype for t in tensors if t.is_floating_point()} == {torch.float32}
    assert trainer.log.tables["disturbance"]["loss_before"]
    path = trainer.log.tables["disturbance"]
    twin = make(precision="float32", probe_every=1)
    twin.train_step()
    # the network before the first step is the same, and so is what is measured on it
    assert path["loss_before"] == twin.log.tables["disturbance"]["loss_before"]
    assert any(not torch.equal(before[name], w) for name, w in copy_weights_of(trainer).items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pooling_in_either_precision_is_torchs_own(dtype: torch.dtype) -> None:
    x = torch.randn(2, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    fast = x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    slow = x.clone().requires_grad_()

    def pool(values: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)

    y, expected = avg_pool(fast), pool(slow)
    y.float().square().sum().backward()
    expected.square().sum().backward()
    assert fast.grad is not None
    assert slow.grad is not None
    # bf16 has 8 bits: each of input, sum, factor and product is rounded to 1/256 at most
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(y.float(), expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(fast.grad.float(), slow.grad, rtol=tolerance, atol=3 * tolerance)


@pytest.mark.slow
def test_at_sixteen_channels_and_five_cells_float32_losses_follow_the_naive_ones() -> None:
    config = {"channels": 16, "cells": 5, "clip_norm": 0.0, "schedule": "constant", "lr": 0.025}
    trainer = make_trainer(noise_images(), **config)
    ours, naive = losses_and_naive_ones(trainer, torch.float32)
    # measured: 2e-7 over the first three steps, 3e-5 over the first six; then batch norm magnifies
    # rounding, to 3e-2 in one step whose loss jumps and 4e-3 on average
    assert ours[:3] == pytest.approx(naive[:3], rel=1e-6)
    assert ours[:6] == pytest.approx(naive[:6], rel=1e-3)
    assert ours == pytest.approx(naive, rel=0.1)
    assert statistics.fmean(ours) == pytest.approx(statistics.fmean(naive), rel=5e-3)

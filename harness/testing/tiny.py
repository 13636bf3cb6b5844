"""Trainings small enough for a test: the first few tiles, four channels, a handful of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from harness.distributed.ranks import ALONE, Ranks
from harness.images.dataset import ImageData, ImageSet
from harness.images.tiles import load_tiles
from harness.settings.layers import make_config
from harness.settings.run import RunConfig
from harness.strategies import load_strategy
from harness.training.loop import Trainer

N_TRAIN, N_VALIDATION, BATCH = 96, 64, 16
"""An epoch is six steps, so that runs of eight steps cross from one epoch into the next."""


@cache
def tiny_data() -> ImageData:
    """Return the first tiles of each split."""
    tiles = load_tiles()

    def first(images: ImageSet, n: int) -> ImageSet:
        return ImageSet(images.pixels[:n].clone(), images.labels[:n].clone())

    train, validation = first(tiles.train, N_TRAIN), first(tiles.validation, N_VALIDATION)
    return replace(tiles, train=train, validation=validation, test=None)


def tiny_config(**settings: Any) -> RunConfig:
    """Make a configuration of eight tiny steps without probes and rankings."""
    small = {
        "preset": "smoke",
        "channels": 4,
        "steps": 8,
        "batch_size": BATCH,
        "probe_every": 0,
        "probe_paths": 3,
        "probe_images": 16,
        "rank_every": 0,
        "rank_every_archs": 4,
        "loss_every": 0,
        "rank_images": 32,
        "rank_batch": 16,
        "rank_readout": "shared",
        "recalibration_images": 32,
        "n_archs": 10,
        "train_loss_archs": 2,
        "train_loss_images": 16,
        "checkpoint_every": 1_000,
        "device": "cpu",
    }
    return make_config(small, settings)


def tiny_trainer(config: RunConfig, ranks: Ranks = ALONE) -> Trainer:
    """Make a trainer on the tiny data."""
    return Trainer(config, tiny_data(), load_strategy(config.strategy), ranks)


def copy_weights_of(trainer: Trainer) -> dict[str, Tensor]:
    """Return copies of all weights, by name."""
    return {name: weight.detach().clone() for name, weight in trainer.weights.items()}


def assert_same_state(first: Any, second: Any, where: str = "state") -> None:
    """Compare nested states bit for bit, the timings aside."""
    assert type(first) is type(second), where
    if isinstance(first, Mapping):
        assert first.keys() == second.keys(), where
        for key in first:
            if key != "timings":
                assert_same_state(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, Tensor):
        assert first.dtype == second.dtype, where
        assert torch.equal(first, second), f"{where} differs"
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for position, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_same_state(a, b, f"{where}[{position}]")
    else:
        assert first == second, where

"""What the benchmarks of training share: images of noise, trainers, times taken in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from harness.images.dataset import ImageData, ImageSet
from harness.images.tiles import load_tiles
from harness.settings.layers import make_config
from harness.settings.run import RunConfig
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.strategies import load_strategy
from harness.strategies.base import WeightedPath
from harness.training.loop import Trainer

Step = Callable[[int], object]
"""One step of one contender, told its number."""

PATHS = [arch_at(index) for index in sample_indices(10)]
"""Their mean arithmetic (19.1 GFLOP a step at N=5) and poolings (1.2) are near those of the whole
space (18.3 and 1.2): ours gains most on poolings, least on 3x3 convolutions."""


def noise_images(size: int = 32, n: int = 1_280, classes: int = 10) -> ImageData:
    """Make images of noise in the sizes of CIFAR-10: time does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, classes, (n,), generator=generator)
    images = ImageSet(pixels, labels)
    mean_std = ((125.0,) * 3, (60.0,) * 3)
    return ImageData("cifar10", images, images, None, classes, *mean_std, 4, True, "noise")


def make_config_of(settings: Mapping[str, Any]) -> RunConfig:
    """Make a configuration on the CPU, without probes unless asked for."""
    return make_config({"device": "cpu", "n_archs": 10, "probe_every": 0, **settings})


def make_trainer(data: ImageData | None, **settings: Any) -> Trainer:
    """Make a trainer on the CPU, without probes unless asked for.

    Args:
        data: The images; None for the embedded tiles and the defaults that go with them.
        settings: Settings that differ from the defaults of `harness run`.
    """
    config = make_config_of(settings)
    return Trainer(config, data or load_tiles(), load_strategy(config.strategy))


def follow(trainer: Trainer) -> None:
    """Make a trainer train `PATHS` in turn."""

    def sample_paths(step: int, _rng: np.random.RandomState) -> list[WeightedPath]:
        return [WeightedPath(PATHS[step % len(PATHS)], 1.0)]

    trainer.strategy.sample_paths = sample_paths  # type: ignore[method-assign]


def take_turns(contenders: Mapping[str, Step], steps: Sequence[int]) -> dict[str, list[float]]:
    """Time contenders step by step in turn, so that a change of the machine's load meets all.

    Args:
        contenders: By name; each is called with every step's number.
        steps: The steps.

    Returns:
        Seconds of the process's CPU time, one value a step, by name. With one thread that is the
        time the work takes on a core of its own, whatever else the machine is doing.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for step in steps:
        for name, contender in contenders.items():
            started = time.process_time()
            contender(step)
            seconds[name].append(time.process_time() - started)
    return seconds


def median_by(seconds: Sequence[float], keys: Sequence[object]) -> float:
    """Return the mean over keys (such as paths) of a key's median time, milliseconds."""
    groups: dict[object, list[float]] = {}
    for key, value in zip(keys, seconds, strict=True):
        groups.setdefault(key, []).append(value)
    return 1e3 * statistics.fmean(statistics.median(group) for group in groups.values())

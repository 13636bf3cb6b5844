"""One training step of macro's supernet, against the same with torch's own depthwise gradients.

Both train the same paths on the same images and take turns, on one thread each. `extra_info` holds
the ratios; nothing is asserted about time.
"""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch.nn.functional as F
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from benchmarks.made import make_trainer, median_by, noise_images, take_turns
from harness.spaces import load_space
from harness.strategies.base import WeightedPath

pytestmark = pytest.mark.usefixtures("one_thread")

N_PATHS = 10
ROUNDS_PER_PATH = 3


def torchs_own(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve each channel with its own kernel by torch alone."""
    return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=len(weight))


@pytest.mark.parametrize("channels", [16, 32], ids=lambda channels: f"C{channels}")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_step_of_macro(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], channels: int, precision: str
) -> None:
    space, data = load_space("macro"), noise_images()
    paths = [space.at(key) for key in space.prefix(N_PATHS)]
    settings = {"space": "macro", "channels": channels, "precision": precision}
    trainers = {name: make_trainer(data, **settings) for name in ("torch", "ours")}

    def sample_paths(step: int, _rng: np.random.RandomState) -> list[WeightedPath]:
        return [WeightedPath(paths[step % N_PATHS], 1.0)]

    for trainer in trainers.values():
        trainer.strategy.sample_paths = sample_paths  # type: ignore[method-assign]

    def step_with_torch(_step: int) -> None:
        with mock.patch("harness.supernet.layers.depthwise_conv2d", torchs_own):
            trainers["torch"].train_step()

    contenders = {"torch": step_with_torch, "ours": lambda _: trainers["ours"].train_step()}
    take_turns(contenders, range(N_PATHS))  # kernels are chosen in the first passes
    steps = range(N_PATHS * ROUNDS_PER_PATH)
    seconds = benchmark.pedantic(take_turns, args=(contenders, steps), rounds=1)
    keys = [step % N_PATHS for step in steps]
    ms = {name: median_by(values, keys) for name, values in seconds.items()}
    ratio = round(ms["ours"] / ms["torch"], 3)
    with capsys.disabled():
        print(
            f"\nmacro, C={channels}, {precision}: torch's gradients {ms['torch']:.0f} ms a step, "
            f"ours {ms['ours']:.0f} ms, ratio {ratio:.3f}"
        )
    benchmark.extra_info.update(
        {f"{name}_ms_per_step": round(value, 1) for name, value in ms.items()},
        ratio=ratio,
        threads=1,
        batch_size=trainers["ours"].config.batch_size,
        paths=[space.format(arch) for arch in paths],
    )

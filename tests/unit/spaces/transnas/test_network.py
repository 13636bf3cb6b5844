"""The supernet of the micro space."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.spaces import load_space
from harness.spaces.transnas.space import BENCHMARK_SHAPE

SPACE = load_space("transnas-micro")


@pytest.mark.parametrize("text", ["3_33_333", "1_11_111", "1_00_030"])
def test_the_classifier_reads_features_of_one_scale(text: str) -> None:
    """However many edges a path sums up, rectified units have a mean near 0.4."""
    network = SPACE.networks(replace(BENCHMARK_SHAPE, channels=8)).supernet(0)
    read: list[torch.Tensor] = []
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    arch = SPACE.parse(f"64-41414-{text}")
    network(images, arch, tap=lambda name, x: read.append(x) if "classifier" in name else None)
    assert 0.25 < read[-1].mean().item() < 0.55

"""The memory of all proxies together, on the largest network of the benchmark."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMIT_MB = 1_800
"""Measured: 1,560 for C=16, N=5, batch 64, six 3x3 convolutions in every cell."""

SCRIPT = """
import resource, torch
from harness.estimators import load_estimator
from harness.estimators.zero_cost import REGISTRY
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.spaces import load_space

torch.set_num_threads(1)
space = load_space()
proxies = [load_estimator(name) for name in REGISTRY]
images = torch.randn(64, 3, 32, 32).to(memory_format=torch.channels_last)
batch = Batch(images, torch.arange(64) % 10)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
peaks = [peak()]
for _ in range(2):
    network = space.networks(space.shape("cifar10")).standalone(space.largest, [0])
    passes = Passes(network, batch, batch, 0, frozenset(Use))
    for proxy in proxies:
        proxy.measure(passes)
    del network, passes
    peaks.append(peak())
print(peaks[1] - peaks[0], peaks[2] - peaks[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
def test_all_proxies_together_stay_within_the_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=600
    )
    first, growth = map(float, done.stdout.split())
    assert first < LIMIT_MB
    assert growth < LIMIT_MB / 10

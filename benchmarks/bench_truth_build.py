"""Training the seeds of one architecture side by side, against one after the other.

The two take turns step by step, so that a change of the machine's load meets both. `extra_info`
holds the ratio of the medians, side by side to one after the other, summed over the
architectures: under 1 it pays. Nothing is asserted about time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from pytest_benchmark.fixture import BenchmarkFixture

from harness.images import load_images
from harness.images.dataset import BatchSampler
from harness.spaces.nb201.encoding import Arch, arch_at, sample_indices
from harness.spaces.nb201.network import StandaloneNetwork
from harness.truth.build import Protocol

ARCHS = [arch_at(index) for index in sample_indices(8)]
ROUNDS_PER_ARCH = 10
PROTOCOL = Protocol()


@pytest.mark.parametrize("n_seeds", [3, 4])
def test_seeds_side_by_side(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], n_seeds: int
) -> None:
    seeds = tuple(range(n_seeds))
    together = {arch: make_step(arch, seeds) for arch in ARCHS}
    one_by_one = {arch: [make_step(arch, (seed,)) for seed in seeds] for arch in ARCHS}
    times: dict[str, dict[Arch, list[float]]] = {
        way: {arch: [] for arch in ARCHS} for way in ("together", "one_by_one")
    }

    def take_turns() -> None:
        for arch in ARCHS:
            start = time.perf_counter()
            for step in one_by_one[arch]:
                step()
            middle = time.perf_counter()
            together[arch]()
            times["one_by_one"][arch].append(middle - start)
            times["together"][arch].append(time.perf_counter() - middle)

    benchmark.pedantic(take_turns, rounds=ROUNDS_PER_ARCH, warmup_rounds=2, iterations=1)
    total = {
        way: sum(statistics.median(of_arch[2:]) for of_arch in by_arch.values())
        for way, by_arch in times.items()
    }
    ratio = total["together"] / total["one_by_one"]
    with capsys.disabled():
        print(f"\n{n_seeds} seeds side by side: {ratio:.3f} of the time of one by one")
    benchmark.extra_info.update(
        ratio=round(ratio, 3), n_seeds=n_seeds, threads=torch.get_num_threads()
    )


def make_step(arch: Arch, seeds: tuple[int, ...]) -> Callable[[], None]:
    """Return a function that trains the networks of some seeds for one step."""
    data = load_images(PROTOCOL.dataset)
    shape = data.network_shape(PROTOCOL.channels, PROTOCOL.cells)
    network = StandaloneNetwork(arch, shape, seeds)
    batches = [BatchSampler(data, PROTOCOL.batch_size, seed, True).batch(0) for seed in seeds]
    images = torch.cat([images for images, _ in batches], dim=1)
    labels = torch.stack([labels for _, labels in batches], dim=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, foreach=True)

    def step() -> None:
        logits = network(images)
        loss = F.cross_entropy(logits.transpose(1, 2), labels) * len(seeds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step

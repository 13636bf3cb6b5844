"""Processes x threads: the same training steps, and the same ranked architectures, in three ways.

    python -m benchmarks.threads

One process of one thread, one of two, and two of one thread that do half each, in turn. It is
wall-clock, so it says something on an otherwise idle machine alone. C=16, N=1, 32x32, bf16: 40
training steps of 64 images, 40 architectures ranked on 250.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from typing import Any

ARMS = {"1 x 1": (1, 1), "1 x 2": (1, 2), "2 x 1": (2, 1)}
N_ARCHS, ROUNDS = 40, 3


def work(kind: str, threads: int, n: int, barrier: Any, times: Any) -> None:
    """Warm up, wait for the other process, and do `n` steps or architectures."""
    import torch
    import torch.nn.functional as F

    from harness.estimators.supernet.classes import distinct_classes
    from harness.estimators.supernet.measuring import SharedBatch
    from harness.estimators.supernet.readout import both_readouts
    from harness.spaces import load_space
    from harness.spaces.base import NetworkShape
    from harness.spaces.nb201.encoding import arch_at, sample_indices
    from harness.spaces.nb201.network import NB201SuperNet
    from harness.training.allocation import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()
    network = NB201SuperNet(NetworkShape(16, 1, 32, 3, 10), 0)
    features, both = both_readouts(network.to_bf16())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(250, 3, 32, 32, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (250,), generator=generator)

    def train(n: int) -> None:
        for index in sample_indices(n):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(images[:64], arch_at(index))
            F.cross_entropy(logits.float(), labels[:64]).backward()
            network.zero_grad()

    def rank(n: int) -> None:
        batch = SharedBatch(features, images.bfloat16(), labels, both)
        for arch in network.order(distinct_classes(load_space(), sample_indices(n))):
            batch.score(arch)

    do = {"train": train, "rank": rank}[kind]
    do(4)
    barrier.wait()
    started = time.time()
    do(n)
    times.put((started, time.time()))


def measure(kind: str, processes: int, threads: int) -> float:
    """Return the seconds from the first start to the last end."""
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(processes), context.Queue()
    arguments = (kind, threads, N_ARCHS // processes, barrier, times)
    workers = [context.Process(target=work, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    spans = [times.get() for _ in workers]
    for worker in workers:
        worker.join()
    return max(end for _, end in spans) - min(start for start, _ in spans)


def main() -> None:
    """Print the medians over the rounds."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for kind in ("train", "rank"):
            for arm, (processes, threads) in ARMS.items():
                found.setdefault((kind, arm), []).append(measure(kind, processes, threads))
    for (kind, arm), seconds in found.items():
        print(f"{kind}, processes x threads {arm}: {statistics.median(seconds):.2f} s")
    print(f"load before the last minute: {os.getloadavg()[1]:.1f}")


if __name__ == "__main__":
    main()

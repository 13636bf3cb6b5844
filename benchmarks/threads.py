"""Processes x threads: the same training steps, and the same ranked architectures, in four ways.

    python -m benchmarks.threads [ROUNDS]

One process of one thread, one of two, the same with OMP_WAIT_POLICY=PASSIVE, and two of one thread
that do half each, in turn; alone, and beside one other process that never rests. Each is given as
its ratio to one process of one thread in the same round and company. It is wall-clock, so "alone"
is what it says on an otherwise idle machine of two cores only. C=16, N=1, 32x32, bf16: 12 training
steps of 64 images, 12 architectures ranked on 250.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from typing import Any

ARMS = {
    "1 x 1": (1, 1, None),
    "1 x 2": (1, 2, None),
    "1 x 2, passive": (1, 2, "PASSIVE"),
    "2 x 1": (2, 1, None),
}
"""By name: processes, threads of each, and how a thread waits for the others."""

N_ARCHS, ROUNDS = 12, 3


def spin() -> None:
    """Keep a core busy until this process is ended."""
    while True:
        pass


def work(kind: str, threads: int, policy: str | None, n: int, barrier: Any, times: Any) -> None:
    """Warm up, wait for the other process, and do `n` steps or architectures."""
    if policy is not None:  # read when torch is imported
        os.environ["OMP_WAIT_POLICY"] = policy
    import torch
    import torch.nn.functional as F

    from harness.estimators.classes import distinct_classes
    from harness.estimators.supernet.measuring import SharedBatch
    from harness.estimators.supernet.readout import both_readouts
    from harness.spaces import load_space
    from harness.spaces.nb201.encoding import arch_at, sample_indices
    from harness.spaces.nb201.network import NB201SuperNet
    from harness.spaces.values import NetworkShape
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


def measure(kind: str, processes: int, threads: int, policy: str | None) -> float:
    """Return the seconds from the first start to the last end."""
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(processes), context.Queue()
    arguments = (kind, threads, policy, N_ARCHS // processes, barrier, times)
    workers = [context.Process(target=work, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    spans = [times.get() for _ in workers]
    for worker in workers:
        worker.join()
    return max(end for _, end in spans) - min(start for start, _ in spans)


def measure_all(kind: str, n_others: int) -> dict[str, float]:
    """Return the seconds of each arm, beside some other busy processes."""
    others = [multiprocessing.get_context("spawn").Process(target=spin) for _ in range(n_others)]
    for other in others:
        other.start()
    try:
        return {name: measure(kind, *arm) for name, arm in ARMS.items()}
    finally:
        for other in others:
            other.terminate()
            other.join()


def main() -> None:
    """Print the medians over the rounds."""
    n_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(n_rounds):
        for kind in ("train", "rank"):
            for company, n_others in (("alone", 0), ("beside one other", 1)):
                found.setdefault((kind, company), []).append(measure_all(kind, n_others))
    for (kind, company), rounds in found.items():
        for arm in ARMS:
            seconds = statistics.median(times[arm] for times in rounds)
            ratio = statistics.median(times[arm] / times["1 x 1"] for times in rounds)
            print(f"{kind}, {company}, processes x threads {arm}: {ratio:.2f} ({seconds:.1f} s)")
    print(f"load before the last minute: {os.getloadavg()[1]:.1f}")


if __name__ == "__main__":
    main()

"""What one core of this machine can do at most: arithmetic and memory, by a small measurement.

    python -m benchmarks.roofline

Prints the peak of a large matrix product in float32 and bf16, and the bandwidth of a copy, each on
one thread: the best of several rounds, as a limit should be. Then, for the mean random path at
C=16, N=5, batch 64, 32x32, the least time that its multiplications take.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from harness.spaces.nb201.encoding import CONV_1X1, CONV_OPS, Arch, arch_at, sample_indices

ROUNDS = 12
PIXELS, BATCH, CHANNELS, CELLS = 1024, 64, 16, 5


def best_s(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of several rounds."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def product_gflops(dtype: torch.dtype, n: int = 1024) -> float:
    """Return the speed of an n x n matrix product, 1e9 operations a second."""
    a, b = torch.ones(n, n, dtype=dtype), torch.ones(n, n, dtype=dtype)
    return 2 * n**3 / best_s(lambda: a @ b) / 1e9


def copy_gb_s(megabytes: int) -> float:
    """Return the bandwidth of a copy, read and written, 1e9 bytes a second."""
    a = torch.ones(megabytes * 2**18)
    b = torch.empty_like(a)
    return 2 * 4 * len(a) / best_s(lambda: b.copy_(a)) / 1e9


def step_gflop(arch: Arch) -> float:
    """Return the multiplications and additions of one training step's convolutions, 1e9.

    Every stage has the same number: twice the channels, a quarter of the pixels. Forward, by
    input and by weight are three products; the stem's input needs no gradient.
    """
    convs = [arch.ops[edge] for edge in arch.live_edges if arch.ops[edge] in CONV_OPS]
    weights = sum(1 if op == CONV_1X1 else 9 for op in convs)
    image = 2 * BATCH * PIXELS * CHANNELS**2
    cells = image * weights * 3 * CELLS
    reductions = 2 * image * (18 + 36 + 2) // 4
    stem = image * 27 // CHANNELS
    return (3 * (cells + reductions) + 2 * stem) / 1e9


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    peaks = {"float32": product_gflops(torch.float32), "bf16": product_gflops(torch.bfloat16)}
    for name, peak in peaks.items():
        print(f"{name}: {peak:.0f} GFLOP/s")
    print(f"copy: {copy_gb_s(64):.0f} GB/s from memory, {copy_gb_s(1):.0f} GB/s from the cache")
    for n in (12, 15_625):
        gflop = statistics.fmean(step_gflop(arch_at(index)) for index in sample_indices(n))
        least = ", ".join(f"{gflop / peak * 1e3:.0f} ms in {name}" for name, peak in peaks.items())
        print(f"{n:,} paths: {gflop:.1f} GFLOP a step, at least {least}")


if __name__ == "__main__":
    main()

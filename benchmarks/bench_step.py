"""One training step of the supernet, against the naive one on the same paths.

The two take turns, so that a change of the machine's load meets both. `extra_info` holds the
ratio of the medians, ours to naive: the aim is 0.6 or less. Nothing is asserted about time.
"""

from __future__ import annotations

import statistics
import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.naive import TrainingStep, make_steps
from harness.space.cost import NetworkShape
from harness.space.nb201 import arch_at, sample_indices

PATHS = [arch_at(index) for index in sample_indices(6)]
BATCH_SIZE = 64
ROUNDS = 5


@pytest.mark.parametrize("cells", [1, 5], ids=lambda cells: f"C16N{cells}")
def test_step_on_random_paths(benchmark: BenchmarkFixture, cells: int) -> None:
    ours, naive = make_steps(NetworkShape(16, cells, 32, 3, 10), BATCH_SIZE)
    ours_s: list[float] = []
    naive_s: list[float] = []
    # The two must compute the same, or there is nothing to compare: float32 in another order.
    assert ours(PATHS[0]) == pytest.approx(naive(PATHS[0]), rel=1e-4)
    run_timed(ours), run_timed(naive)  # kernels are chosen in the first passes

    def take_turn() -> None:
        naive_s.append(run_timed(naive))

    benchmark.pedantic(
        lambda: ours_s.append(run_timed(ours)), setup=take_turn, rounds=ROUNDS, iterations=1
    )
    median_ours, median_naive = statistics.median(ours_s), statistics.median(naive_s)
    benchmark.extra_info.update(
        ratio=round(median_ours / median_naive, 3),
        ours_ms_per_step=round(1e3 * median_ours, 1),
        naive_ms_per_step=round(1e3 * median_naive, 1),
        threads=torch.get_num_threads(),
        batch_size=BATCH_SIZE,
        paths=[arch.nb201_index for arch in PATHS],
    )


def run_timed(step: TrainingStep) -> float:
    """Train each path once; return the seconds per step."""
    start = time.perf_counter()
    for arch in PATHS:
        step(arch)
    return (time.perf_counter() - start) / len(PATHS)

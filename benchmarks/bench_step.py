"""One training step of the supernet, against the naive one on the same paths.

The two take turns step by step, so that a change of the machine's load meets both. `extra_info`
holds the ratio of the medians, ours to naive, each summed over the paths: the aim is 0.6 or
less. Nothing is asserted about time.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.naive import TrainingStep, make_steps
from harness.space.cost import NetworkShape
from harness.space.nb201 import Arch, arch_at, sample_indices

PATHS = [arch_at(index) for index in sample_indices(6)]
BATCH_SIZE = 64
ROUNDS_PER_PATH = 5

Times = defaultdict[Arch, list[float]]


@pytest.mark.parametrize("cells", [1, 5], ids=lambda cells: f"C16N{cells}")
def test_step_on_random_paths(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], cells: int
) -> None:
    ours, naive = make_steps(NetworkShape(16, cells, 32, 3, 10), BATCH_SIZE)
    # The two must compute the same, or there is nothing to compare: float32 in another order.
    assert ours(PATHS[0]) == pytest.approx(naive(PATHS[0]), rel=1e-4)
    for arch in PATHS:  # kernels are chosen in the first passes
        ours(arch), naive(arch)
    ours_s: Times = defaultdict(list)
    naive_s: Times = defaultdict(list)
    turns = iter(PATHS * ROUNDS_PER_PATH)

    def take_turn() -> tuple[tuple[TrainingStep, Arch, Times], dict[str, object]]:
        arch = next(turns)
        run_timed(naive, arch, naive_s)
        return (ours, arch, ours_s), {}

    rounds = len(PATHS) * ROUNDS_PER_PATH
    benchmark.pedantic(run_timed, setup=take_turn, rounds=rounds, iterations=1)
    ours_ms, naive_ms = median_ms(ours_s), median_ms(naive_s)
    with capsys.disabled():
        print(
            f"\nC=16, N={cells}: {ours_ms:.0f} ms a step, ratio to naive {ours_ms / naive_ms:.3f}"
        )
    benchmark.extra_info.update(
        ratio=round(ours_ms / naive_ms, 3),
        ours_ms_per_step=round(ours_ms, 1),
        naive_ms_per_step=round(naive_ms, 1),
        threads=torch.get_num_threads(),
        batch_size=BATCH_SIZE,
        paths=[arch.nb201_index for arch in PATHS],
    )


def run_timed(step: TrainingStep, arch: Arch, times: Times) -> None:
    """Train one path and note the seconds it took."""
    start = time.perf_counter()
    step(arch)
    times[arch].append(time.perf_counter() - start)


def median_ms(times: Times) -> float:
    """Return the mean over paths of a path's median time, milliseconds."""
    return 1e3 * statistics.fmean(statistics.median(seconds) for seconds in times.values())

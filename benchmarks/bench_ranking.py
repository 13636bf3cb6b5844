"""Ranking the whole space, against evaluating every architecture with the naive network.

Neither is done in full here. The naive way costs the same for every use of an operation, so five
architectures that together put every operation on every edge once have the mean cost of all
15,625. Ours is timed on stretches of the order of the 9,445 classes, each begun with its first
nodes known as they are within a ranking, and brought to the mean number of operations of all
classes by least squares. The two take turns, so that a change of the machine's load meets both.
`extra_info` holds the ratio of the estimated times of a whole ranking, naive to ours: the aim is
6 or more. Nothing is asserted about time.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from harness.estimators.classes import distinct_classes
from harness.estimators.supernet.measuring import BatchSums, SharedBatch, sum_batch
from harness.spaces import load_space
from harness.spaces.nb201.encoding import EDGES, N_ARCHS, OPS, Arch
from harness.spaces.nb201.network import NB201SuperNet
from harness.spaces.nb201.shared import order_by_first_nodes
from harness.spaces.values import NetworkShape
from harness.training.allocation import keep_freed_memory
from tests.reference import NaiveNetwork, copy_weights

LATIN = [Arch(tuple((first + edge) % len(OPS) for edge in range(len(EDGES)))) for first in range(5)]
"""Every operation on every edge once."""

BATCH_SIZE = 100
STRETCHES, LENGTH = 4, 12

ORDER = order_by_first_nodes(distinct_classes(load_space(), range(N_ARCHS)))


class Scorers:
    """The ways to score a path on one and the same batch."""

    def __init__(self, cells: int) -> None:
        shape = NetworkShape(16, cells, 32, 3, 10)
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(BATCH_SIZE, 3, 32, 32, generator=generator)
        self.labels = torch.randint(0, 10, (BATCH_SIZE,), generator=generator)
        self.images = images
        self.last = images.contiguous(memory_format=torch.channels_last)
        self.network = NB201SuperNet(shape, run_seed=0)
        self.naive_network = NaiveNetwork(shape, affine=False, running=False)
        copy_weights(self.network, self.naive_network)
        self.shared = SharedBatch(self.network, self.last, self.labels, sum_batch)
        half = self.network.to_bf16()
        self.shared_bf16 = SharedBatch(half, self.last.bfloat16(), self.labels, sum_batch)

    @torch.inference_mode()
    def naive(self, arch: Arch) -> BatchSums:
        return sum_batch(self.naive_network(self.images, arch), self.labels)

    @torch.inference_mode()
    def one_by_one(self, arch: Arch) -> BatchSums:
        return sum_batch(self.network(self.last, arch), self.labels)


def timed(score: Callable[[Arch], BatchSums], arch: Arch) -> float:
    """Return the CPU seconds that scoring one architecture takes in this one thread."""
    start = time.process_time()
    score(arch)
    return time.process_time() - start


def count_live(arch: Arch) -> list[int]:
    """Count the live edges by operation, and one."""
    return [1, *([arch.ops[edge] for edge in arch.live_edges].count(op) for op in range(1, 5))]


def limit_s(cells: int) -> float:
    """Return the seconds that the convolutions of all classes take at the peak of one core.

    Multiplications and additions of what is computed anew for each class: all cells but the
    first, and the two reduction blocks. The peak is taken as that of a large matrix product.
    """
    conv_3 = 2 * 9 * 16**2 * 32**2  # the same in every stage
    cell = float(np.mean([count_live(arch) for arch in ORDER], axis=0)[2:4] @ [conv_3 / 9, conv_3])
    reductions = 2 * (1.5 * conv_3 + conv_3 / 18)
    flops = len(ORDER) * BATCH_SIZE * ((3 * cells - 1) * cell + reductions)
    a = torch.randn(1024, 1024)
    a @ a
    start = time.process_time()
    for _ in range(5):
        a @ a
    return flops / (5 * 2 * 1024**3 / (time.process_time() - start))


def mean_of_classes(sample: list[Arch], seconds: list[float]) -> float:
    """Estimate the mean time of all classes from a sample's."""
    costs, *_ = np.linalg.lstsq(np.array([count_live(a) for a in sample]), seconds, rcond=None)
    return float(np.mean([count_live(arch) for arch in ORDER], axis=0) @ costs)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("cells", [1, 5], ids=lambda cells: f"C16N{cells}")
def test_ranking_the_whole_space(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], cells: int
) -> None:
    keep_freed_memory()  # as in a run; it serves both
    scorers = Scorers(cells)
    # They must compute the same, or there is nothing to compare: float32 in another order.
    for arch in LATIN:
        expected = scorers.naive(arch).loss
        assert scorers.shared.score(arch).loss == pytest.approx(expected, rel=1e-3)
        assert scorers.shared.score(arch) == scorers.one_by_one(arch)
    rng = random.Random(0)
    starts = [rng.randrange(len(ORDER) - LENGTH) for _ in range(STRETCHES)]
    sample = [arch for start in starts for arch in ORDER[start + 1 : start + LENGTH]]
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    naive_s: defaultdict[Arch, list[float]] = defaultdict(list)
    alone_s: defaultdict[Arch, list[float]] = defaultdict(list)

    def rank_in_turns() -> None:
        turn = 0
        for start in starts:
            for scorer in (scorers.shared, scorers.shared_bf16):
                scorer.score(ORDER[start])
            for arch in ORDER[start + 1 : start + LENGTH]:
                seconds["float32"].append(timed(scorers.shared.score, arch))
                seconds["bf16"].append(timed(scorers.shared_bf16.score, arch))
                if turn % 2 == 0:
                    latin = LATIN[turn // 2 % len(LATIN)]
                    naive_s[latin].append(timed(scorers.naive, latin))
                    alone_s[latin].append(timed(scorers.one_by_one, latin))
                turn += 1

    benchmark.pedantic(rank_in_turns, rounds=1, iterations=1)
    naive = N_ARCHS * statistics.fmean(map(statistics.median, naive_s.values()))
    alone = N_ARCHS * statistics.fmean(map(statistics.median, alone_s.values()))
    whole = {name: len(ORDER) * mean_of_classes(sample, s) for name, s in seconds.items()}
    ratios = {name: naive / whole_s for name, whole_s in whole.items()}
    with capsys.disabled():
        print(
            f"\nC=16, N={cells}, {BATCH_SIZE} images: naive {naive:.0f} s for all 15,625, one by "
            f"one {alone:.0f} s (ratio {naive / alone:.2f}), "
            + ", ".join(f"{k} {whole[k]:.0f} s (ratio {ratios[k]:.2f})" for k in whole)
            + f"; convolutions in float32 at the peak of one core {limit_s(cells):.0f} s"
        )
    benchmark.extra_info.update(
        ratio=round(ratios["float32"], 2),
        ratio_bf16=round(ratios["bf16"], 2),
        ratio_one_by_one=round(naive / alone, 2),
        naive_s=round(naive),
        float32_s=round(whole["float32"]),
        share_of_peak=round(limit_s(cells) / whole["float32"], 3),
        bf16_s=round(whole["bf16"]),
        threads=torch.get_num_threads(),
        batch_size=BATCH_SIZE,
    )

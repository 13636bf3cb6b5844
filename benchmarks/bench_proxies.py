"""All training-free proxies of an architecture together, against each alone as published.

*Together* is what a run does: one network, whose passes the proxies share. *Alone* is the plain
formulation of each (`tests/contract/proxies.py`, to which the proxies are held), on the naive
network, which each makes for itself. They take turns on one thread, in CPU time; the aim is 1/3.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.made import noise_images, take_turns
from harness.estimators.zero_cost import REGISTRY
from harness.estimators.zero_cost.passes import Batch, Passes
from harness.images.dataset import BatchSampler
from harness.spaces import Architecture, load_space
from tests.contract.proxies import ROWS, Case
from tests.contract.test_proxies import bind, load_proxy

pytestmark = pytest.mark.usefixtures("one_thread")

SPACE = load_space()
ARCHS = [SPACE.canonical(SPACE.at(key)) for key in SPACE.prefix(10)]
SEED = 0
PAIR = ("jacov", "nwot")


@pytest.mark.parametrize("cells", [1, 5], ids=lambda cells: f"C16N{cells}")
def test_proxies_together_and_alone(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], cells: int
) -> None:
    shape = replace(SPACE.shape("cifar10"), cells=cells)
    sampler = BatchSampler(noise_images(), 64, SEED, augment=False)
    first, second = Batch(*sampler.batch(0)), Batch(*sampler.batch(1))

    def measure(arch: Architecture, names: tuple[str, ...]) -> None:
        proxies = list(map(load_proxy, names))
        network = SPACE.networks(shape).standalone(arch, [SEED])
        uses = frozenset().union(*(proxy.uses for proxy in proxies))
        passes = Passes(network, first, second, SEED, uses)
        for proxy in proxies:
            proxy.measure(passes)

    def measure_alone(arch: Architecture) -> None:
        case = Case(lambda: bind(shape, arch), first, second, SEED, {})
        for row in ROWS:
            row.reference(case)

    contenders = {
        "together": lambda step: measure(ARCHS[step], tuple(REGISTRY)),
        "alone": lambda step: measure_alone(ARCHS[step]),
        "pair": lambda step: measure(ARCHS[step], PAIR),
    }
    take_turns(contenders, range(1))
    seconds = benchmark.pedantic(take_turns, args=(contenders, range(len(ARCHS))), rounds=1)
    mean = {name: float(torch.tensor(values).mean()) for name, values in seconds.items()}
    ratio = mean["together"] / mean["alone"]
    with capsys.disabled():
        print(
            f"\nC=16, N={cells}: {len(ROWS)} proxies together {mean['together']:.2f} s an "
            f"architecture, alone {mean['alone']:.2f}, ratio {ratio:.3f}; {' and '.join(PAIR)} "
            f"{mean['pair']:.2f} s"
        )
    benchmark.extra_info.update(
        {f"{name}_s": round(value, 3) for name, value in mean.items()},
        ratio=round(ratio, 3),
        threads=1,
        archs=[SPACE.key(arch) for arch in ARCHS],
    )

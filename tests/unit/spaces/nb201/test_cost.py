"""Parameters and FLOPs: held to published values and to networks that are counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import (
    EDGES,
    N_ARCHS,
    Arch,
    arch_at,
    enumerate_archs,
    sample_indices,
)
from harness.spaces.nb201.network import StandaloneNetwork
from harness.spaces.values import NetworkShape
from tests.reference import NaiveNetwork

CIFAR10 = BENCHMARK_SHAPES["cifar10"]
SMALL = NetworkShape(channels=4, cells=2, image_size=8, image_channels=1, classes=7)
ODD = NetworkShape(channels=4, cells=1, image_size=(5, 11), image_channels=2, classes=3)


def test_the_first_published_architecture_has_its_published_cost() -> None:
    # NAS-Bench-201 v1.1, cost information of index 0 on cifar10, in millions.
    assert count_flops(arch_at(0), CIFAR10) / 1e6 == pytest.approx(15.64736, abs=1e-9)
    assert count_params(arch_at(0), CIFAR10) / 1e6 == pytest.approx(0.129306, abs=1e-9)


def test_the_costliest_architecture_has_the_published_maximum() -> None:
    costs = [count_flops(arch, CIFAR10) for arch in enumerate_archs()]
    assert max(costs) / 1e6 == pytest.approx(220.11968, abs=1e-9)


@pytest.mark.realdata
def test_every_published_cost_is_met(data_dir) -> None:
    import pandas as pd

    columns = ["nb201_index", "dataset", "flops_m", "params_m"]
    rows = pd.read_parquet(data_dir / "nb201" / "truth_rows.parquet", columns=columns)
    rows = rows.drop_duplicates(["nb201_index", "dataset"])
    for dataset, shape in BENCHMARK_SHAPES.items():
        published = rows[rows.dataset == dataset].set_index("nb201_index").sort_index()
        assert list(published.index) == list(range(N_ARCHS))
        flops = [count_flops(arch, shape) / 1e6 for arch in enumerate_archs()]
        params = [count_params(arch, shape) / 1e6 for arch in enumerate_archs()]
        # The table is printed in units of 1e-6 million: half of that is its rounding.
        assert published.flops_m.to_numpy() == pytest.approx(flops, abs=5e-7)
        assert published.params_m.to_numpy() == pytest.approx(params, abs=5e-7)


@pytest.mark.parametrize("shape", [SMALL, ODD])
@pytest.mark.parametrize("index", sample_indices(8))
def test_parameters_and_flops_are_those_of_the_reference_network(
    index: int, shape: NetworkShape
) -> None:
    arch = arch_at(index)
    network = NaiveNetwork(shape, affine=True, running=True, only=arch)
    assert count_params(arch, shape) == sum(p.numel() for p in network.parameters())
    assert count_flops(arch, shape) == count_multiply_adds(network, arch, shape)


def test_an_architecture_without_dead_edges_has_the_parameters_of_its_standalone_network() -> None:
    alive = [arch for arch in enumerate_archs() if len(arch.live_edges) == len(EDGES)]
    for arch in alive[::400]:
        network = StandaloneNetwork(arch, SMALL, run_seeds=(0,))
        assert count_params(arch, SMALL) == sum(p.numel() for p in network.parameters())


def count_multiply_adds(network: NaiveNetwork, arch: Arch, shape: NetworkShape) -> int:
    """Count the multiply-adds of one image by watching every convolution and the classifier."""
    counts: list[int] = []

    def count(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        counts.append(output[0].numel() * module.weight[0].numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network.eval()(torch.zeros(1, shape.image_channels, *shape.image_pixels()), arch)
    return sum(counts)

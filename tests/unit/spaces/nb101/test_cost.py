"""Parameters and operations of NAS-Bench-101: by hand, and all of the published table."""

from __future__ import annotations

import pandas as pd
import pytest

from harness.spaces import load_space
from harness.spaces.nb101.cost import BENCHMARK_SHAPE, count, find_widths
from harness.spaces.nb101.encoding import parse_cell

SPACE = load_space("nb101")
STEM = 9 * 3 * 128 + 2 * 128
HEAD = 512 * 10 + 10


def conv(taps: int, inputs: int, outputs: int) -> int:
    """Weights of a convolution and its batch norm."""
    return taps * inputs * outputs + 2 * outputs


# channels into and out of the nine cells, and their pixels
CELLS = [(128, 128, 1024)] * 3
CELLS += [(128, 256, 256)] + [(256, 256, 256)] * 2
CELLS += [(256, 512, 64)] + [(512, 512, 64)] * 2


def test_a_cell_of_one_convolution_costs_what_it_has_by_hand() -> None:
    params, flops = STEM + HEAD, STEM * 1024 + 512 * 10
    for inputs, outputs, pixels in CELLS:  # a projection of the input, then the convolution
        weights = conv(1, inputs, outputs) + conv(9, outputs, outputs)
        params, flops = params + weights, flops + weights * pixels
    assert count(parse_cell("101:0"), BENCHMARK_SHAPE) == (params, flops)


def test_an_edge_from_input_to_output_adds_a_projection() -> None:
    params, flops = STEM + HEAD, STEM * 1024 + 512 * 10
    for inputs, outputs, pixels in CELLS:
        params += conv(1, inputs, outputs)
        flops += conv(1, inputs, outputs) * pixels
    assert count(parse_cell("1:"), BENCHMARK_SHAPE) == (params, flops)


def test_the_vertices_at_the_output_split_its_channels() -> None:
    # vertices 1, 2 and 3 lead to the output, 512 = 171 + 171 + 170
    assert find_widths(parse_cell("1110001011:000"), 256, 512) == (256, 171, 171, 170, 512)
    # vertex 1 leads to 2 and 3, which lead to the output: it is as wide as the wider one
    assert find_widths(parse_cell("1000110011:000"), 256, 511) == (256, 256, 256, 255, 511)


def test_what_is_counted_is_the_whole_network() -> None:
    cost = SPACE.cost(SPACE.parse("101:0"), SPACE.shape("cifar10"))
    assert (cost.params, cost.flops) == (cost.live_params, cost.live_flops)
    assert (cost.params, cost.flops) == count(parse_cell("101:0"), BENCHMARK_SHAPE)


@pytest.mark.realdata
@pytest.mark.parametrize("step", [211, pytest.param(1, marks=pytest.mark.slow)])
def test_parameters_and_operations_are_the_published_ones(data_dir: object, step: int) -> None:
    rows = pd.read_parquet(f"{data_dir}/nb101/nb101.parquet").iloc[::step]
    texts = rows["adjacency"] + ":" + rows["ops"]
    found = [count(parse_cell(text), BENCHMARK_SHAPE) for text in texts]
    assert [params for params, _ in found] == rows["params"].tolist()
    assert [flops for _, flops in found] == rows["flops"].tolist()

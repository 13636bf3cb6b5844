"""Parameters and multiply-adds of TransNAS-Bench-101: held to networks that are counted."""

from __future__ import annotations

import math

import pytest
import torch

from harness.errors import ArchError, UsageError
from harness.spaces import Space, load_space
from harness.spaces.transnas.cost import BENCHMARK_SHAPE, count
from harness.spaces.transnas.encoding import TASKS, parse_cell, parse_modules
from harness.spaces.values import NetworkShape
from tests.counting import count_network

SPACES = [load_space("transnas-micro"), load_space("transnas-macro")]
SHAPE = NetworkShape(8, 1, (44, 37), 3, 7)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_network_has_the_live_parts_that_are_counted(space: Space) -> None:
    images = torch.randn(2, 3, 44, 37)
    for key in space.prefix(8):
        arch = space.at(key)
        cost = space.cost(arch, SHAPE)
        found = count_network(space.networks(SHAPE).standalone(arch, [0]), images)
        assert found == (cost.live_params, cost.live_flops), arch


@pytest.mark.parametrize(
    ("text", "params"),
    [
        # by hand, C=64: stem 3*9*32+64 + 32*9*64+128, then each module's two cells, then the head
        ("0_00_000", 864 + 64 + 18_432 + 128 + 512 * 75 + 75),
        # a skip from input to output: a reduction in three first cells, two of 1x1 to half of it
        ("0_00_100", 19_488 + 64 * 128 + 256 + 128 * 256 + 512 + 256 * 512 + 1_024 + 512 * 75 + 75),
    ],
)
def test_parameters_are_those_by_hand(text: str, params: int) -> None:
    assert count(parse_cell(text), BENCHMARK_SHAPE)[0] == params


def test_a_residual_block_has_two_convolutions_and_a_shortcut_where_the_shape_changes() -> None:
    stem, head = 864 + 64 + 18_432 + 128, 128 * 75 + 75
    plain = 2 * (9 * 64 * 64 + 128)
    widening = 9 * 64 * 128 + 256 + 9 * 128 * 128 + 256 + 64 * 128 + 256
    wide = 2 * (9 * 128 * 128 + 256)
    expected = stem + 3 * 2 * plain + widening + wide + head
    assert count(parse_modules("1114"), BENCHMARK_SHAPE)[0] == expected


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_each_task_has_a_layer_of_its_own_size(space: Space) -> None:
    assert {task: space.shape(task).classes for task in TASKS} == TASKS
    with pytest.raises(ArchError, match="networks behind data set 'cifar10' are unknown"):
        space.shape("cifar10")


def test_the_macro_space_has_no_supernet() -> None:
    with pytest.raises(UsageError, match="has no supernet"):
        SPACES[1].networks(SHAPE).supernet(0)
    assert math.prod(SHAPE.image_pixels(2)) == 11 * 10

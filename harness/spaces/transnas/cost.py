"""Parameters and multiply-adds of TransNAS-Bench-101's networks, by formula.

Stem: a 3x3 convolution with stride 2 to half the channels, then ReLU and another to all of them,
each with batch norm. Then the modules, two blocks each, of which the first widens or halves; global
average pooling; a linear layer. The benchmark's heads of other tasks are not counted. There are no
public costs to hold this to, but the networks themselves (`network.py`) agree.

Reference: Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv 2105.11871, section 3; strides, widths
and the form of a skip that changes its shape are those of the code that it published.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from harness.spaces.transnas.encoding import (
    CONV_1X1,
    CONV_3X3,
    EDGES,
    SKIP,
    Cell,
    Modules,
    halves,
    widens,
)
from harness.spaces.values import NetworkShape

BLOCKS = 2
"""Blocks of a module."""
STEM_HALVINGS = 2

BENCHMARK_SHAPE = NetworkShape(64, 1, 224, 3, 75)
"""The published networks, as `class_object` has them."""


class Block(NamedTuple):
    """The place of a block in its network.

    Attributes:
        inputs: Channels of its input.
        outputs: Channels of its output.
        stride: Of its input's edges.
        halvings: Strides of 2 before its output, the stem's among them.
    """

    inputs: int
    outputs: int
    stride: int
    halvings: int

    @property
    def is_plain(self) -> bool:
        """Whether its input and its output have the same shape."""
        return self.inputs == self.outputs and self.stride == 1


class Conv(NamedTuple):
    """A convolution with batch norm.

    Attributes:
        weights: Its weights.
        outputs: Its output channels.
        halvings: Strides of 2 before its output.
    """

    weights: int
    outputs: int
    halvings: int


def lay_out(modules: tuple[int, ...], channels: int) -> tuple[Block, ...]:
    """Return the blocks of a network whose stem has so many channels."""
    blocks, width, halvings = [], channels, STEM_HALVINGS
    for module in modules:
        inputs, stride = width, 2 if halves(module) else 1
        width *= 2 if widens(module) else 1
        halvings += halves(module)
        blocks.append(Block(inputs, width, stride, halvings))
        blocks += [Block(width, width, 1, halvings)] * (BLOCKS - 1)
    return tuple(blocks)


def count(arch: Cell | Modules, shape: NetworkShape) -> tuple[int, int]:
    """Count the parameters and the multiply-adds of convolutions and linear layer.

    Args:
        arch: The architecture.
        shape: The size of its network; batch norm has affine parameters.
    """
    return _count(arch, shape)


@lru_cache(maxsize=16_384)
def _count(arch: Cell | Modules, shape: NetworkShape) -> tuple[int, int]:
    blocks = lay_out(arch.modules, shape.channels)
    convs = list(_stem(shape))
    for block in blocks:
        convs += _cell(arch, block) if isinstance(arch, Cell) else _basic(block)
    head = blocks[-1].outputs * shape.classes
    params = sum(conv.weights + 2 * conv.outputs for conv in convs) + head + shape.classes
    areas = {conv.halvings: math.prod(shape.image_pixels(conv.halvings)) for conv in convs}
    return params, sum(conv.weights * areas[conv.halvings] for conv in convs) + head


def _stem(shape: NetworkShape) -> Iterator[Conv]:
    half = shape.channels // 2
    yield Conv(9 * shape.image_channels * half, half, 1)
    yield Conv(9 * half * shape.channels, shape.channels, STEM_HALVINGS)


def _cell(arch: Cell, block: Block) -> Iterator[Conv]:
    for (source, _), op in zip(EDGES, arch.ops, strict=True):
        inputs = block.inputs if source == 0 else block.outputs
        if op in (CONV_1X1, CONV_3X3):
            taps = 9 if op == CONV_3X3 else 1
            yield Conv(taps * inputs * block.outputs, block.outputs, block.halvings)
        elif op == SKIP and source == 0 and not block.is_plain:
            # two 1x1 convolutions to half the channels each, of images that are one pixel apart
            yield Conv(inputs * block.outputs, block.outputs, block.halvings)


def _basic(block: Block) -> Iterator[Conv]:
    yield Conv(9 * block.inputs * block.outputs, block.outputs, block.halvings)
    yield Conv(9 * block.outputs**2, block.outputs, block.halvings)
    if not block.is_plain:
        yield Conv(block.inputs * block.outputs, block.outputs, block.halvings)

"""Parameters and multiply-adds of NAS-Bench-101's networks, by formula.

Stem: a 3x3 convolution to C channels. Three stacks of N cells; before the second and the third the
resolution is halved by 2x2 max pooling, and their first cell doubles the channels. Then global
average pooling and a linear layer. Each convolution is followed by batch norm and ReLU.

Within a cell, the vertices that are joined to the output split its channels among them, the first
ones taking one more where these do not divide; any other vertex is as wide as the widest that it
is joined to. An edge from the input is a 1x1 convolution to the target's width, an edge between
inner vertices passes on the first channels, and what reaches the output is concatenated; an edge
from input to output adds a 1x1 convolution of the input.

The benchmark counts a multiply-add of a convolution or the linear layer as one, and two for each
output of a batch norm; so do we.

Reference: Ying et al., NAS-Bench-101, 2019, arXiv 1902.09635, section 2 and supplement S1, and its
published numbers of operations, to all of which the tests hold this.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from harness.spaces.nb101.encoding import CONV_1X1, CONV_3X3, MAX_POOL, OPS, Cell
from harness.spaces.values import NetworkShape

N_STACKS = 3
BENCHMARK_SHAPE = NetworkShape(128, 3, 32, 3, 10)
"""The published networks: CIFAR-10, 128 channels, three cells a stack."""


def find_widths(cell: Cell, inputs: int, outputs: int) -> tuple[int, ...]:
    """Return the channels of each vertex of a cell, [vertex].

    Args:
        cell: The cell.
        inputs: Channels of its input.
        outputs: Channels of its output.
    """
    has, last = cell.matrix, cell.n - 1
    joined = [v for v in range(1, last) if has[v][last]]
    widths = [inputs, *([0] * (cell.n - 2)), outputs]
    for place, v in enumerate(joined):
        widths[v] = outputs // len(joined) + (place < outputs % len(joined))
    for v in range(last - 1, 0, -1):
        if v not in joined:
            widths[v] = max(widths[y] for y in range(v + 1, last) if has[v][y])
    return tuple(widths)


class _Part(NamedTuple):
    """What a part of a network costs: parameters and multiply-adds."""

    params: int
    flops: int


class _OfGraph(NamedTuple):
    """What all networks of one graph have in common.

    Attributes:
        fixed: Stem, linear layer, and the edges from the inputs of cells.
        by_op: What an operation adds, by inner vertex and operation.
    """

    fixed: _Part
    by_op: tuple[tuple[_Part, ...], ...]


def count(cell: Cell, shape: NetworkShape) -> tuple[int, int]:
    """Count the parameters, and the multiply-adds as the benchmark does."""
    of_graph = _count_graph(cell.n, cell.graph, shape)
    params, flops = of_graph.fixed
    for of_vertex, op in zip(of_graph.by_op, cell.ops, strict=True):
        part = of_vertex[op]
        params += part.params
        flops += part.flops
    return params, flops


@lru_cache(maxsize=8_192)  # 2,494 graphs serve all cells
def _count_graph(n: int, graph: int, shape: NetworkShape) -> _OfGraph:
    cell = Cell(n, graph, (MAX_POOL,) * (n - 2))
    head = shape.stage_channels(N_STACKS - 1) * shape.classes
    stem = 9 * shape.image_channels * shape.channels + 2 * shape.channels
    params, flops = stem + head + shape.classes, stem * math.prod(shape.image_pixels()) + head
    by_op = [[[0, 0] for _ in OPS] for _ in cell.ops]
    has_input = cell.matrix[0]
    for (inputs, outputs, pixels), times in Counter(cells_of(shape)).items():
        widths = find_widths(cell, inputs, outputs)
        for v in range(1, n):
            if has_input[v]:
                weights = times * (inputs * widths[v] + 2 * widths[v])
                params += weights
                flops += weights * pixels
        for v in range(1, n - 1):
            for op, taps in ((CONV_3X3, 9), (CONV_1X1, 1)):
                weights = times * (taps * widths[v] ** 2 + 2 * widths[v])
                by_op[v - 1][op][0] += weights
                by_op[v - 1][op][1] += weights * pixels
    parts = tuple(tuple(_Part(*part) for part in of_vertex) for of_vertex in by_op)
    return _OfGraph(_Part(params, flops), parts)


def cells_of(shape: NetworkShape) -> Iterator[tuple[int, int, int]]:
    """Yield the input channels, the output channels and the pixels of each cell."""
    inputs = shape.channels
    for stack in range(N_STACKS):
        outputs = shape.stage_channels(stack)
        pixels = math.prod(shape.image_pixels(stack))
        for _ in range(shape.cells):
            yield inputs, outputs, pixels
            inputs = outputs

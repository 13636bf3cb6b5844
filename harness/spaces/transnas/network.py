"""The networks: the supernet of the micro space, and single networks of both spaces.

A network is stem, blocks and classifier; in the micro space a block is a cell that holds either
every (edge, operation) or those of one architecture. Activations are [batch, channel, height,
width].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import UsageError
from harness.spaces.transnas.cost import Block, lay_out
from harness.spaces.transnas.encoding import (
    CONV_1X1,
    CONV_3X3,
    EDGES,
    MICRO_MODULES,
    N_NODES,
    OPS,
    SKIP,
    Cell,
    Modules,
)
from harness.spaces.values import NetworkShape
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise

KERNELS = {CONV_1X1: 1, CONV_3X3: 3}


class Reduction(nn.Module):
    """A skip that changes the shape: two 1x1 convolutions, of images one pixel apart."""

    def __init__(self, block: Block, affine: bool) -> None:
        """Make the weights, uninitialised."""
        super().__init__()
        self.halves = nn.ModuleList(
            ConvBN(block.inputs, block.outputs // 2, 1, block.stride, affine) for _ in range(2)
        )

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the edge from what is rectified."""
        apart = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:].contiguous(memory_format=torch.channels_last)
        first, second = self.halves
        both = first(x, norm, tap), second(apart, norm, tap)
        return torch.cat(both, dim=1)


class SearchedCell(nn.Module):
    """The weighted operations of one cell: one weight for every (edge, operation) asked for."""

    def __init__(self, block: Block, weighted: Iterable[tuple[int, int]], affine: bool) -> None:
        """Make the weights, uninitialised."""
        super().__init__()
        self.block = block
        self.edges = nn.ModuleDict()
        for edge, op in weighted:
            from_input = EDGES[edge][0] == 0
            inputs, stride = (block.inputs, block.stride) if from_input else (block.outputs, 1)
            if op in KERNELS:
                made: nn.Module = ConvBN(inputs, block.outputs, KERNELS[op], stride, affine)
            elif from_input and not block.is_plain:
                made = Reduction(block, affine)
            else:
                continue  # a skip that keeps the shape
            self.edges[_key(edge, op)] = made

    def forward(
        self, x: Tensor, arch: Cell, edges: Sequence[int], norm: Norm, tap: Tap | None
    ) -> Tensor:
        """Compute the edges of one architecture; zeros if none reaches the output."""
        nodes: list[Tensor | None] = [x] + [None] * (N_NODES - 1)
        rectified: dict[int, Tensor] = {}  # edges from one node share its ReLU
        for edge in edges:
            (source, target), op = EDGES[edge], arch.ops[edge]
            value = nodes[source]
            if value is None:  # nothing reached the source: it holds zeros
                value = nodes[source] = self._zeros(x)
            key = _key(edge, op)
            if key in self.edges:
                if source not in rectified:
                    rectified[source] = F.relu(value)
                value = self.edges[key](rectified[source], norm, tap)
            so_far = nodes[target]
            nodes[target] = value if so_far is None else so_far + value
        output = nodes[-1]
        return self._zeros(x) if output is None else output

    def _zeros(self, x: Tensor) -> Tensor:
        height, width = (-(-n // self.block.stride) for n in x.shape[2:])
        return x.new_zeros((len(x), self.block.outputs, height, width))


class BasicBlock(nn.Module):
    """The residual block of the macro space.

    Reference: He et al., Deep residual learning, 2016, arXiv 1512.03385, with ReLU first.
    """

    def __init__(self, block: Block, affine: bool) -> None:
        """Make the weights, uninitialised."""
        super().__init__()
        self.conv_a = ConvBN(block.inputs, block.outputs, 3, block.stride, affine)
        self.conv_b = ConvBN(block.outputs, block.outputs, 3, 1, affine)
        self.shortcut = (
            None if block.is_plain else ConvBN(block.inputs, block.outputs, 1, block.stride, affine)
        )

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the block's output."""
        y: Tensor = self.conv_b(F.relu(self.conv_a(F.relu(x), norm, tap)), norm, tap)
        return y + (x if self.shortcut is None else self.shortcut(x, norm, tap))


class _Network(SuperNet):
    """Stem, blocks and classifier."""

    float32_parts = ("classifier",)

    def __init__(
        self, shape: NetworkShape, modules: tuple[int, ...], cells: Iterable[nn.Module]
    ) -> None:
        super().__init__()
        half = shape.channels // 2
        self.stem_a = ConvBN(shape.image_channels, half, 3, 2, affine=True)
        self.stem_b = ConvBN(half, shape.channels, 3, 2, affine=True)
        self.cells = nn.ModuleList(cells)
        last = lay_out(modules, shape.channels)[-1].outputs
        self.classifier = Classifier(last, shape.classes)

    def _start(self, images: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        y: Tensor = self.stem_b(F.relu(self.stem_a(images, norm, tap)), norm, tap)
        return y


class MicroNet(_Network):
    """The supernet: one weight for every (cell, edge, operation); or the network of one path.

    In the supernet, batch norm of the cells has no affine parameters, so that a dead edge changes
    no bit; no batch norm keeps running statistics. The benchmark's head reads the bare sum of the
    last cell's edges, whose scale differs from path to path: with it the shared classifier stayed
    at chance. The supernet normalises and rectifies that sum first, as NAS-Bench-201's networks do.

    Reference: Guo et al., Single Path One-Shot NAS, 2019, arXiv 1904.00420, on the micro space of
    Duan et al., 2021, arXiv 2105.11871.
    """

    def __init__(
        self,
        shape: NetworkShape,
        weighted: Sequence[tuple[int, int]],
        affine: bool,
        run_seed: int,
    ) -> None:
        """Make and initialise a network.

        Args:
            shape: Its size.
            weighted: The (edge, operation) pairs to hold.
            affine: Whether batch norm of the cells has a learned scale and shift.
            run_seed: The seed; equal seeds give equal initial weights.
        """
        blocks = lay_out(MICRO_MODULES, shape.channels)
        super().__init__(
            shape, MICRO_MODULES, (SearchedCell(block, weighted, affine) for block in blocks)
        )
        self._is_shared = not affine
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: Cell, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path, of its live edges."""
        x = self._start(images, norm, tap)
        for cell in self.cells:
            x = cell(x, arch, arch.live_edges, norm, tap)
        if self._is_shared:
            x = F.relu(norm(x, None, None))
        return self.classify(x.mean(dim=(2, 3)), tap)


class ModulesNet(_Network):
    """The network of one architecture of the macro space."""

    def __init__(self, shape: NetworkShape, arch: Modules, run_seed: int) -> None:
        """Make and initialise a network with affine batch norm."""
        blocks = lay_out(arch.modules, shape.channels)
        super().__init__(shape, arch.modules, (BasicBlock(block, affine=True) for block in blocks))
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: Modules, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits."""
        x = self._start(images, norm, tap)
        for block in self.cells:
            x = block(x, norm, tap)
        return self.classify(x.mean(dim=(2, 3)), tap)


def _key(edge: int, op: int) -> str:
    source, target = EDGES[edge]
    return f"{target}from{source}_{OPS[op]}"


@dataclass(frozen=True)
class MicroNetworks:
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> MicroNet:
        """Make a supernet; equal seeds give equal initial weights."""
        weighted = [(e, op) for e in range(len(EDGES)) for op in (SKIP, CONV_1X1, CONV_3X3)]
        return MicroNet(self.shape, weighted, affine=False, run_seed=run_seed)

    def standalone(self, arch: Cell, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one architecture, one for each seed; its dead edges are left out."""
        weighted = [(e, arch.ops[e]) for e in arch.live_edges]
        return SideBySide(lambda seed: MicroNet(self.shape, weighted, True, seed), arch, run_seeds)


@dataclass(frozen=True)
class ModulesNetworks:
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> SuperNet:
        """Refuse: networks of several depths and widths share no weights here."""
        raise UsageError("Space 'transnas-macro' has no supernet. Give estimators that need none.")

    def standalone(self, arch: Modules, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one architecture, one for each seed."""
        return SideBySide(lambda seed: ModulesNet(self.shape, arch, seed), arch, run_seeds)

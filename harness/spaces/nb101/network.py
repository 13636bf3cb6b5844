"""The networks: the skeleton of all, and one cell on its own.

Activations are [batch, channel, height, width].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import UsageError
from harness.spaces.nb101.cost import N_STACKS, cells_of, find_widths
from harness.spaces.nb101.encoding import CONV_1X1, CONV_3X3, Cell
from harness.spaces.values import NetworkShape
from harness.supernet.base import SideBySide, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, batch_norm
from harness.supernet.weights import initialise

KERNELS = {CONV_3X3: 3, CONV_1X1: 1}


class ConvBNReLU(ConvBN):
    """A convolution with stride 1, its batch norm and its ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, affine: bool) -> None:
        """Make the weights, uninitialised."""
        super().__init__(inputs, outputs, kernel, 1, affine)

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the layer, [batch, outputs, height, width]."""
        return F.relu(super().forward(x, norm, tap))


def max_pool(x: Tensor) -> Tensor:
    """Take the maximum over 3x3 windows, stride 1; at the borders, of the pixels inside."""
    return F.max_pool2d(x, 3, 1, 1)


class Stacked(SuperNet):
    """Stem, three stacks of cells with 2x2 max pooling between them, and a linear layer.

    Reference: Ying et al., NAS-Bench-101, 2019, arXiv 1902.09635, figure 1.
    """

    def __init__(
        self, shape: NetworkShape, make: Callable[[int, int], nn.Module], run_seed: int
    ) -> None:
        """Make and initialise a network.

        Args:
            shape: Its size.
            make: Makes a cell, given its input and output channels; called as `cell(x, arch, norm,
                tap)`.
            run_seed: The seed; equal seeds give equal initial weights.
        """
        super().__init__()
        self.n_cells = shape.cells
        self.stem = ConvBNReLU(shape.image_channels, shape.channels, 3, affine=True)
        self.cells = nn.ModuleList(make(inputs, outputs) for inputs, outputs, _ in cells_of(shape))
        self.classifier = Classifier(shape.stage_channels(N_STACKS - 1), shape.classes)
        name_layers(self)
        initialise(self, (run_seed,))

    def forward(
        self, images: Tensor, arch: Any, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits."""
        return self.finish(self.stem(images, norm, tap), arch, norm, tap)

    def share(self, images: Tensor) -> Callable[[Any], Tensor]:
        """Compute the stem once."""
        x = self.stem(images, batch_norm, None)
        return lambda arch: self.finish(x, arch, batch_norm, None)

    def finish(self, x: Tensor, arch: Any, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute logits from the output of the stem."""
        for place, cell in enumerate(self.cells):
            if place and place % self.n_cells == 0:
                x = F.max_pool2d(x, 2, ceil_mode=True)
            x = cell(x, arch, norm, tap)
        return self.classify(self.pool(x, norm), tap)

    def pool(self, x: Tensor, norm: Norm) -> Tensor:
        """Turn the output of the last cell into features, [batch, channel]."""
        return x.mean(dim=(2, 3))


class CellAlone(nn.Module):
    """A cell with its own weights, channels split as `find_widths` says."""

    def __init__(self, cell: Cell, inputs: int, outputs: int) -> None:
        """Make the weights, uninitialised.

        Raises:
            UsageError: If there are fewer channels than vertices to split them among.
        """
        super().__init__()
        self.widths = find_widths(cell, inputs, outputs)
        if min(self.widths) < 1:
            raise UsageError(
                f"{outputs} channels were asked for; the output of cell {cell} splits them among "
                "more vertices. Ask for 5 or more (--set channels=...), which is enough for all."
            )
        self.projections = nn.ModuleDict()
        self.convs = nn.ModuleDict()
        for v in range(1, cell.n):
            if cell.matrix[0][v]:
                self.projections[str(v)] = ConvBNReLU(inputs, self.widths[v], 1, affine=True)
        for v, op in enumerate(cell.ops, start=1):
            if op in KERNELS:
                width = self.widths[v]
                self.convs[str(v)] = ConvBNReLU(width, width, KERNELS[op], affine=True)

    def forward(self, x: Tensor, cell: Cell, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the cell."""
        last = cell.n - 1
        values: list[Tensor] = [x]
        for v in range(1, last):
            parts = [values[p][:, : self.widths[v]] for p in range(1, v) if cell.matrix[p][v]]
            if cell.matrix[0][v]:
                parts.append(self.projections[str(v)](x, norm, tap))
            y = add_up(parts)
            op = self.convs[str(v)](y, norm, tap) if str(v) in self.convs else max_pool(y)
            values.append(op)
        joined = [values[p] for p in range(1, last) if cell.matrix[p][last]]
        parts = [torch.cat(joined, dim=1)] if joined else []
        if cell.matrix[0][last]:
            parts.append(self.projections[str(last)](x, norm, tap))
        return add_up(parts)


def add_up(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors; of one alone, itself."""
    return sum(parts[1:], parts[0])


@dataclass(frozen=True)
class CellNetworks:
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> SuperNet:
        """Refuse: cells of all graphs share no weights."""
        raise UsageError(
            "Space 'nb101' has no supernet. Give estimators that need none, or a part of it: "
            "nb101-ss1, nb101-ss2, nb101-ss3."
        )

    def standalone(self, arch: Cell, run_seeds: Sequence[int]) -> SideBySide:
        """Make networks of one cell, one for each seed."""

        def make(run_seed: int) -> Stacked:
            return Stacked(self.shape, lambda c_in, c_out: CellAlone(arch, c_in, c_out), run_seed)

        return SideBySide(make, arch, run_seeds)

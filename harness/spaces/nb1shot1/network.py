"""The supernet: cells whose weights all paths share. Networks alone are NAS-Bench-101's.

Activations are [batch, channel, height, width].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.spaces.nb1shot1.encoding import Arch, Layout
from harness.spaces.nb101.encoding import OPS
from harness.spaces.nb101.network import (
    KERNELS,
    CellNetworks,
    ConvBNReLU,
    Stacked,
    add_up,
    max_pool,
)
from harness.spaces.values import NetworkShape
from harness.supernet.base import SideBySide
from harness.supernet.layers import Tap
from harness.supernet.norm import Norm


class SharedCell(nn.Module):
    """One weight for every (vertex, operation), and for every projection of the input.

    Each vertex has the same width: the output's channels through the number of its parents. An
    edge from the input is a 1x1 convolution to that width, of its target; the output's parents are
    concatenated in their order. So it is for the benchmark too, except where the input is a parent
    of the output: there it splits the channels among the other parents, and adds a projection of
    the input to all of them. Here the projection takes the place of a parent, as a weight cannot
    have another shape in some paths.

    Reference: Zela et al., 2020, arXiv 2001.10422, section 3, whose one-shot model splits the
    channels alike.
    """

    def __init__(self, layout: Layout, inputs: int, outputs: int) -> None:
        """Make the weights, uninitialised."""
        super().__init__()
        width = outputs // layout.n_parents[-1]
        self.projections = nn.ModuleDict()
        self.convs = nn.ModuleDict()
        for v in range(1, len(layout.n_parents) + 1):
            self.projections[str(v)] = ConvBNReLU(inputs, width, 1, affine=False)
        for v in range(1, layout.n_ops + 1):
            for op, kernel in KERNELS.items():
                self.convs[_key(v, op)] = ConvBNReLU(width, width, kernel, affine=False)

    def forward(self, x: Tensor, arch: Arch, norm: Norm, tap: Tap | None) -> Tensor:
        """Compute the vertices of a path that reach the output."""
        values: dict[int, Tensor] = {}

        def read(v: int) -> list[Tensor]:
            own = arch.parents[v - 1]
            return [values[p] if p else self.projections[str(v)](x, norm, tap) for p in own]

        for v in arch.live:
            y, op = add_up(read(v)), arch.ops[v - 1]
            values[v] = self.convs[_key(v, op)](y, norm, tap) if op in KERNELS else max_pool(y)
        joined = read(len(arch.parents))
        return torch.cat(joined, dim=1)


class SharedStacked(Stacked):
    """The supernet: as the benchmark's networks, but that its features are normalised.

    The output of a cell is of another scale in each path, since sums and maxima are not
    normalised. On these bare features, as the benchmark's networks have, the shared classifier's
    loss stayed above that of a guess. Here they are normalised and rectified first, as in
    NAS-Bench-201's networks.
    """

    def pool(self, x: Tensor, norm: Norm) -> Tensor:
        """Turn the output of the last cell into features, [batch, channel]."""
        return F.relu(norm(x, None, None)).mean(dim=(2, 3))


def _key(vertex: int, op: int) -> str:
    return f"{vertex}_{OPS[op]}"


@dataclass(frozen=True)
class PathNetworks:
    """Makes the networks of one size.

    Attributes:
        shape: The size. Channels of a supernet are rounded up to what divides among the parents of
            a cell's output.
        layout: The parents of each vertex.
    """

    shape: NetworkShape
    layout: Layout

    def supernet(self, run_seed: int) -> SharedStacked:
        """Make a supernet; equal seeds give equal initial weights."""
        n = self.layout.n_parents[-1]
        shape = replace(self.shape, channels=-(-self.shape.channels // n) * n)
        return SharedStacked(
            shape, lambda inputs, outputs: SharedCell(self.layout, inputs, outputs), run_seed
        )

    def standalone(self, arch: Arch, run_seeds: Sequence[int]) -> SideBySide:
        """Make the benchmark's networks of a path, one for each seed."""
        return CellNetworks(self.shape).standalone(arch.cell, run_seeds)

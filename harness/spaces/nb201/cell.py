"""One cell: the weights of its edges, and the computation of one architecture through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.spaces.nb201.encoding import AVG_POOL, CONV_1X1, CONV_OPS, EDGES, N_NODES, OPS, SKIP
from harness.supernet.layers import ConvBN, Tap, avg_pool
from harness.supernet.norm import Norm


class Cell(nn.Module):
    """The weighted operations of one cell: one weight for every (edge, op) asked for."""

    def __init__(
        self,
        channels: int,
        weighted: Iterable[tuple[int, int]],
        affine: bool,
        networks: int = 1,
    ) -> None:
        """Make the weights, uninitialised.

        Args:
            channels: Channels in and out, of one network.
            weighted: The (edge, op) pairs to hold, positions in `EDGES` and `OPS`.
            affine: Whether batch norm has a learned scale and shift.
            networks: Independent networks side by side.
        """
        super().__init__()
        self.convs = nn.ModuleDict(
            {
                conv_key(edge, op): ConvBN(
                    channels, channels, 1 if op == CONV_1X1 else 3, 1, affine, networks
                )
                for edge, op in weighted
            }
        )

    def forward(
        self, x: Tensor, ops: Sequence[int], edges: Sequence[int], norm: Norm, tap: Tap | None
    ) -> Tensor:
        """Compute one architecture.

        Args:
            x: The cell's input, [batch, channel, height, width].
            ops: The operation on each of the six edges.
            edges: The edges to compute, ascending; the others carry nothing.
            norm: Where batch norm's statistics come from.
            tap: Told the input of every convolution, if given.

        Returns:
            The cell's output, of the shape of `x`; zeros if no edge reaches it.
        """
        nodes: list[Tensor | None] = [x] + [None] * (N_NODES - 1)
        rectified: dict[int, Tensor] = {}  # by source node: edges from one node share its ReLU
        pooled: dict[int, Tensor] = {}  # and its pooling, which has no weights either
        for edge in edges:
            target, source = EDGES[edge]
            value, op = nodes[source], ops[edge]
            if value is None:  # nothing reached the source: it holds zeros
                value = nodes[source] = torch.zeros_like(x)
            if op in CONV_OPS:
                if source not in rectified:
                    rectified[source] = F.relu(value)
                value = self.convs[conv_key(edge, op)](rectified[source], norm, tap)
            elif op == AVG_POOL:
                if source not in pooled:
                    pooled[source] = avg_pool(value)
                value = pooled[source]
            else:
                assert op == SKIP, f"edge {edge} carries '{OPS[op]}', which is never computed"
            so_far = nodes[target]
            nodes[target] = value if so_far is None else so_far + value
        output = nodes[-1]
        return torch.zeros_like(x) if output is None else output


def conv_key(edge: int, op: int) -> str:
    """Name the weight of an (edge, op) within its cell."""
    return f"{EDGES[edge][0]}from{EDGES[edge][1]}_{OPS[op]}"

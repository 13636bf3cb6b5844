"""What architectures have in common on one batch, computed once: stem and first cell.

The input of the first cell is the same for all architectures, so a node of that cell is decided by
the operations on the few edges into it and into the nodes before it: node 1 takes 5 values, node 2
at most 125. Every operation on a node's value is done once, and an architecture's first cell is
then little more than two additions. From its second cell on an architecture is on its own. The
same modules compute the same sums in the same order as without sharing, so nothing changes, not
even the last bit.
"""

from __future__ import annotations

from typing import Generic

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.estimators.supernet.measuring import SumBatch, Sums
from harness.spaces.nb201.cell import Cell, conv_key
from harness.spaces.nb201.encoding import AVG_POOL, CONV_OPS, EDGES, N_NODES, SKIP, Arch
from harness.spaces.nb201.network import SuperNet
from harness.spaces.nb201.ops import avg_pool
from harness.supernet.norm import batch_norm

_INTO = [[e for e, (target, _) in enumerate(EDGES) if target == node] for node in range(N_NODES)]
"""The edges into each node."""


class SharedBatch(Generic[Sums]):
    """Scores paths on one batch, which is normalised with its own statistics."""

    @torch.inference_mode()
    def __init__(
        self, network: SuperNet, images: Tensor, labels: Tensor, sum_of: SumBatch[Sums]
    ) -> None:
        """Compute the stem.

        Args:
            network: The supernet, which must not change while this is in use.
            images: [batch, channel, height, width], of the type that the cells compute in.
            labels: [batch].
            sum_of: Scores the network's outputs.
        """
        self._network = network
        self._labels = labels
        self._sum_of = sum_of
        cell = network.cells[0]
        assert isinstance(cell, Cell)
        self._first = _FirstCell(cell, network.stem(images, batch_norm, None))

    @torch.inference_mode()
    def score(self, arch: Arch) -> Sums:
        """Score one path; quickest in the order of `order_classes`."""
        x = self._first.output(arch)
        return self._sum_of(self._network.forward_from(1, x, arch), self._labels)


class _Node:
    """The value of a node under the operations that decide it, and what follows from it alone."""

    def __init__(self, decided_by: tuple[int, ...], value: Tensor) -> None:
        self.decided_by = decided_by
        self.value = value
        self.rectified: Tensor | None = None
        self.edges: dict[tuple[int, int], Tensor] = {}  # by (edge, op)


class _FirstCell:
    """The first cell on one input; keeps one value of every node but the last at a time.

    That is at most 20 tensors of the size of the input: its value, ReLU, pooling and convolutions.
    """

    def __init__(self, cell: Cell, x: Tensor) -> None:
        self._cell = cell
        self._nodes: dict[int, _Node] = {0: _Node((), x)}

    def output(self, arch: Arch) -> Tensor:
        live = set(arch.live_edges)
        ops = arch.representative.ops
        for node in range(1, N_NODES - 1):
            if live.intersection(_INTO[node]):
                decided_by = tuple(ops[e] for e, (target, _) in enumerate(EDGES) if target <= node)
                if node not in self._nodes or self._nodes[node].decided_by != decided_by:
                    self._nodes[node] = _Node(decided_by, self._sum_into(node, ops, live))
        return self._sum_into(N_NODES - 1, ops, live)

    def _sum_into(self, node: int, ops: tuple[int, ...], live: set[int]) -> Tensor:
        terms = [self._apply(edge, ops[edge]) for edge in _INTO[node] if edge in live]
        if not terms:
            return torch.zeros_like(self._nodes[0].value)
        if len(terms) == 1:
            return terms[0]
        total = terms[0] + terms[1]
        for term in terms[2:]:
            total += term
        return total

    def _apply(self, edge: int, op: int) -> Tensor:
        source = self._nodes[EDGES[edge][1]]
        if op == SKIP:
            return source.value
        if op == AVG_POOL:
            edge = -1  # no weights: the same on every edge
        if (edge, op) not in source.edges:
            source.edges[edge, op] = self._compute(source, edge, op)
        return source.edges[edge, op]

    def _compute(self, source: _Node, edge: int, op: int) -> Tensor:
        if op == AVG_POOL:
            return avg_pool(source.value)
        assert op in CONV_OPS, f"operation {op} is on no live edge"
        if source.rectified is None:
            source.rectified = F.relu(source.value)
        y: Tensor = self._cell.convs[conv_key(edge, op)](source.rectified, batch_norm, None)
        return y

"""What architectures have in common on one batch, computed once: stem and first cell.

The input of the first cell is the same for all architectures, so a node of that cell is decided by
the operations on the few edges into it and into the nodes before it: node 1 takes 5 values, node 2
at most 125. Every operation on a node's value is done once, and an architecture's first cell is
then little more than two additions. From its second cell on an architecture is on its own. The
same modules compute the same sums in the same order as without sharing, so nothing changes, not
even the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.spaces.nb201.cell import Cell, conv_key
from harness.spaces.nb201.encoding import AVG_POOL, CONV_OPS, EDGES, N_NODES, SKIP, Arch
from harness.supernet.layers import avg_pool
from harness.supernet.norm import batch_norm

_INTO = [[e for e, (target, _) in enumerate(EDGES) if target == node] for node in range(N_NODES)]
"""The edges into each node."""

_BY_NODE = sorted(range(len(EDGES)), key=lambda edge: (EDGES[edge][0] == N_NODES - 1, edge))


def order_by_first_nodes(archs: Iterable[Arch]) -> list[Arch]:
    """Put architectures with equal first nodes, which `FirstCell` keeps, after one another."""
    return sorted(archs, key=lambda arch: [arch.ops[edge] for edge in _BY_NODE])


class _Node:
    """The value of a node under the operations that decide it, and what follows from it alone."""

    def __init__(self, decided_by: tuple[int, ...], value: Tensor) -> None:
        self.decided_by = decided_by
        self.value = value
        self.rectified: Tensor | None = None
        self.edges: dict[tuple[int, int], Tensor] = {}  # by (edge, op)


class FirstCell:
    """The first cell on one input; keeps one value of every node but the last at a time.

    That is at most 20 tensors of the size of the input: its value, ReLU, pooling and convolutions.
    """

    def __init__(self, cell: Cell, x: Tensor) -> None:
        """Keep the cell and its input, which must not change while this is in use."""
        self._cell = cell
        self._nodes: dict[int, _Node] = {0: _Node((), x)}

    def output(self, arch: Arch) -> Tensor:
        """Compute the cell's output; fastest in the order of `order_by_first_nodes`."""
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

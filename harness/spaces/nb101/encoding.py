"""NAS-Bench-101's cells: matrices, operations, the published hash, isomorphism, enumeration.

A cell is a directed acyclic graph on two to seven vertices with at most nine edges, each from a
lower to a higher vertex. Vertex 0 is its input, the last its output; each other vertex carries one
of three operations. Every vertex is on a path from input to output.

A graph is a number: edge x -> y, x < y, is bit x + y (y - 1) / 2. Of isomorphic cells the one with
the smallest number, and of these with the first operations, stands for all: the one that the
benchmark's authors came upon first.

Reference: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, 2019, arXiv
1902.09635, section 2 and supplement S1.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import ArchError

OPS = ("conv3x3", "conv1x1", "maxpool3x3")
"""What a vertex can carry, in the order of the benchmark."""
CONV_3X3, CONV_1X1, MAX_POOL = range(len(OPS))

MOST_VERTICES, MOST_EDGES = 7, 9
N_CELLS = 423_624

IntArray = npt.NDArray[np.int64]
Matrix = tuple[tuple[bool, ...], ...]

_N_KEPT = 16_384
"""Graphs of which is remembered what all their cells share: the table's are 2,494."""


@cache
def edges_of(n: int) -> tuple[tuple[int, int], ...]:
    """Return the edges that a cell of n vertices can have, in the order of their bits."""
    return tuple((x, y) for y in range(1, n) for x in range(y))


@dataclass(frozen=True, order=True, slots=True)
class Cell:
    """A cell, not necessarily the one that stands for its isomorphism class.

    Attributes:
        n: Vertices.
        graph: The edges, as bits of a number.
        ops: The operation of each vertex between input and output, positions in `OPS`.
    """

    n: int
    graph: int
    ops: tuple[int, ...]

    def __str__(self) -> str:
        """Return the strict upper triangle of the matrix, row by row, and the operations."""
        return f"{_of_graph(self.n, self.graph).bits}:{''.join(map(str, self.ops))}"

    @property
    def matrix(self) -> Matrix:
        """Whether there is an edge, by source and target."""
        return _of_graph(self.n, self.graph).matrix

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges as (source, target)."""
        return _of_graph(self.n, self.graph).edges

    @property
    def digest(self) -> str:
        """The published hash of its isomorphism class: rows of the table ascend by it.

        Each vertex starts from its numbers of outgoing and incoming edges and its label (-1 the
        input, -2 the output); as many times as there are vertices, it takes up the sorted hashes
        of those before and after it.
        """
        graph = _of_graph(self.n, self.graph)
        ends = list(zip((-1, *self.ops, -2), graph.before, graph.after, strict=True))
        hashes = [_md5(str((len(after), len(before), label))) for label, before, after in ends]
        for _ in range(self.n):
            hashes = [
                _md5(
                    f"{''.join(sorted([hashes[x] for x in before]))}"
                    f"|{''.join(sorted([hashes[y] for y in after]))}|{own}"
                )
                for own, (_, before, after) in zip(hashes, ends, strict=True)
            ]
        return _md5(str(sorted(hashes)))


class _Graph(NamedTuple):
    """What all cells of one graph have in common.

    Attributes:
        matrix: Whether there is an edge, by source and target.
        edges: The edges as (source, target).
        bits: The strict upper triangle of the matrix, row by row.
        before: Where the edges into each vertex come from.
        after: Where those out of it lead.
    """

    matrix: Matrix
    edges: tuple[tuple[int, int], ...]
    bits: str
    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=_N_KEPT)
def _of_graph(n: int, graph: int) -> _Graph:
    there = {edge for bit, edge in enumerate(edges_of(n)) if graph >> bit & 1}
    pairs = list(itertools.combinations(range(n), 2))
    edges = tuple(pair for pair in pairs if pair in there)
    return _Graph(
        tuple(tuple((x, y) in there for y in range(n)) for x in range(n)),
        edges,
        "".join(str(int(pair in there)) for pair in pairs),
        tuple(tuple(x for x, y in edges if y == v) for v in range(n)),
        tuple(tuple(y for x, y in edges if x == v) for v in range(n)),
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def prune(matrix: Sequence[Sequence[bool]], ops: Sequence[int]) -> Cell:
    """Leave out the vertices that are on no path from input to output.

    Args:
        matrix: Whether there is an edge, by source and target, [vertex, vertex]; upper triangular.
        ops: The operation of each vertex between input and output.

    Raises:
        ArchError: If no path is left.
    """
    n = len(matrix)
    graph = sum(1 << bit for bit, (x, y) in enumerate(edges_of(n)) if matrix[x][y])
    return _prune(n, graph, ops)


def _prune(n: int, graph: int, ops: Sequence[int]) -> Cell:
    kept, pruned = _find_kept(n, graph)
    if not kept:
        raise ArchError("A cell of NAS-Bench-101 has no path from its input to its output.")
    return Cell(len(kept), pruned, tuple([ops[v - 1] for v in kept[1:-1]]))


@lru_cache(maxsize=_N_KEPT)
def _find_kept(n: int, graph: int) -> tuple[tuple[int, ...], int]:
    """Return the vertices on paths from input to output, none if there is none, and their graph."""
    edges = _of_graph(n, graph).edges
    fed, used = {0}, {n - 1}
    for x, y in edges:  # ascending sources
        if x in fed:
            fed.add(y)
    for x, y in reversed(edges):
        if y in used:
            used.add(x)
    kept = tuple(sorted(fed & used))
    if not {0, n - 1} <= set(kept):
        return (), 0
    has, places = _of_graph(n, graph).matrix, enumerate(edges_of(len(kept)))
    return kept, sum(1 << bit for bit, (x, y) in places if has[kept[x]][kept[y]])


def find_first(cell: Cell) -> Cell:
    """Return the cell that stands for an isomorphism class."""
    smallest, orders = find_orders(cell.n, cell.graph)
    ops = cell.ops
    if len(orders) == 1 and smallest == cell.graph:  # as most graphs are
        return cell
    return Cell(cell.n, smallest, min([tuple([ops[v] for v in order]) for order in orders]))


@lru_cache(maxsize=_N_KEPT)
def find_orders(n: int, graph: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """Return the smallest number of an isomorphic graph, and the orders that give it.

    An order says which vertex between input and output, counted from 0, comes to each place.
    """
    bit_of = {edge: bit for bit, edge in enumerate(edges_of(n))}
    edges = _of_graph(n, graph).edges
    found: dict[int, list[tuple[int, ...]]] = {}
    for order in itertools.permutations(range(n - 2)):
        place = {0: 0, n - 1: n - 1} | {v + 1: at for at, v in enumerate(order, start=1)}
        moved = [(place[x], place[y]) for x, y in edges]
        if all(x < y for x, y in moved):
            found.setdefault(sum(1 << bit_of[edge] for edge in moved), []).append(order)
    smallest = min(found)
    return smallest, tuple(found[smallest])


def enumerate_cells() -> Iterator[Cell]:
    """Yield the cell that stands for each of the 423,624 classes, smaller ones first."""
    for n in range(2, MOST_VERTICES + 1):
        for graph in find_graphs(n).tolist():
            for ops in itertools.product(range(len(OPS)), repeat=n - 2):
                cell = Cell(n, graph, ops)
                if find_first(cell) == cell:
                    yield cell


def find_graphs(n: int) -> IntArray:
    """Return the smallest number of every graph of n vertices, isomorphic ones once, ascending."""
    edges = edges_of(n)
    graphs = np.arange(1 << len(edges), dtype=np.int64)
    bits = [(graphs >> bit & 1).astype(np.bool_) for bit in range(len(edges))]
    valid = np.sum(bits, axis=0) <= MOST_EDGES
    for v in range(n):
        if v < n - 1:
            valid &= np.any([bits[b] for b, (x, _) in enumerate(edges) if x == v], axis=0)
        if v > 0:
            valid &= np.any([bits[b] for b, (_, y) in enumerate(edges) if y == v], axis=0)
    has = np.zeros((int(valid.sum()), n, n), dtype=np.bool_)
    value = np.zeros((n, n), dtype=np.int64)
    for bit, edge in enumerate(edges):
        has[:, edge[0], edge[1]] = bits[bit][valid]
        value[edge] = 1 << bit
    smallest = graphs[valid]
    lower = np.tril_indices(n)
    for order in itertools.permutations(range(1, n - 1)):
        place = np.array((0, *order, n - 1))
        moved = has[:, place][:, :, place]
        ascends = ~moved[:, lower[0], lower[1]].any(axis=1)
        number = (moved * value).sum(axis=(1, 2))
        smallest = np.where(ascends, np.minimum(smallest, number), smallest)
    return np.unique(smallest)


def parse_cell(text: str) -> Cell:
    """Parse a cell, whichever of its isomorphism class.

    Args:
        text: The strict upper triangle of its matrix, row by row, and the operations of its inner
            vertices (0 conv 3x3, 1 conv 1x1, 2 max pool 3x3), such as `110011:02`. Vertices on no
            path from input to output are left out.

    Raises:
        ArchError: If it is anything else, or has more edges or vertices than the benchmark allows.
    """
    bits, colon, digits = text.strip().partition(":")
    n = next((n for n in range(2, MOST_VERTICES + 1) if n * (n - 1) // 2 == len(bits)), 0)
    if (
        not colon
        or not n
        or set(bits) - {"0", "1"}
        or set(digits) - set("012")
        or (len(digits) != n - 2)
    ):
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise ArchError(
            f"'{shown}' is not a NAS-Bench-101 cell. The form is the strict upper triangle of the "
            f"matrix of 2 to {MOST_VERTICES} vertices, row by row, and the operations between "
            "input and output, such as 110011:02 (0 conv 3x3, 1 conv 1x1, 2 max pool 3x3)."
        )
    cell = _prune(n, _number(bits, n), [int(digit) for digit in digits])
    if len(cell.edges) > MOST_EDGES:
        raise ArchError(
            f"'{text.strip()}' has {len(cell.edges)} edges; cells of NAS-Bench-101 have "
            f"{MOST_EDGES} at most."
        )
    return cell


@lru_cache(maxsize=_N_KEPT)
def _number(bits: str, n: int) -> int:
    """Return the number of a graph whose strict upper triangle is given row by row."""
    bit_of = {edge: bit for bit, edge in enumerate(edges_of(n))}
    pairs = zip(itertools.combinations(range(n), 2), bits, strict=True)
    return sum(1 << bit_of[edge] for edge, bit in pairs if bit == "1")

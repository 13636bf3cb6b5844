"""Paths of NAS-Bench-1Shot1: parents and operations of cells with a fixed number of parents.

Vertex 0 is the input of a cell, the last its output; each vertex but the input takes the sum of a
fixed number of earlier ones, its parents, and each between input and output carries one of three
operations. What does not reach the output is left out; several paths can be one cell.

Reference: Zela et al., NAS-Bench-1Shot1, ICLR 2020, arXiv 2001.10422, section 3.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from harness.errors import ArchError
from harness.spaces.nb101.encoding import OPS, Cell, find_first, find_orders, prune
from harness.spaces.nb101.table import pack

IntArray = npt.NDArray[np.int64]

_FORM = re.compile(r"([0-5]+(?:-[0-5]+)*):([0-2]+)")


@dataclass(frozen=True, order=True)
class Arch:
    """A path.

    Attributes:
        parents: The parents of each vertex but the input, ascending.
        ops: The operation of each vertex between input and output, positions in `OPS`.
    """

    parents: tuple[tuple[int, ...], ...]
    ops: tuple[int, ...]

    def __str__(self) -> str:
        """Return parents and operations, such as `0-0-01-12-234:0120`."""
        return f"{'-'.join(''.join(map(str, own)) for own in self.parents)}:{_join(self.ops)}"

    @cached_property
    def live(self) -> tuple[int, ...]:
        """The vertices between input and output that reach the output, ascending."""
        last = len(self.parents)
        used = {last}
        for v in range(last, 0, -1):
            if v in used:
                used.update(self.parents[v - 1])
        return tuple(v for v in range(1, last) if v in used)

    @cached_property
    def canonical(self) -> Arch:
        """The same with the first choice for what does not reach the output."""
        dead = set(range(1, len(self.parents))) - set(self.live)
        return Arch(
            tuple(
                tuple(range(len(own))) if v in dead else own
                for v, own in enumerate(self.parents, start=1)
            ),
            tuple(0 if v in dead else op for v, op in enumerate(self.ops, start=1)),
        )

    @cached_property
    def cell(self) -> Cell:
        """The cell of NAS-Bench-101, the one that stands for its isomorphism class."""
        return find_first(prune(_matrix(self.parents), self.ops))


def _join(digits: tuple[int, ...]) -> str:
    return "".join(map(str, digits))


def _matrix(parents: tuple[tuple[int, ...], ...]) -> list[list[bool]]:
    """Return whether there is an edge, by source and target."""
    vertices = range(len(parents) + 1)
    return [[y > 0 and x in parents[y - 1] for y in vertices] for x in vertices]


@dataclass(frozen=True)
class Layout:
    """How many parents each vertex has.

    Attributes:
        n_parents: Of each vertex but the input.
    """

    n_parents: tuple[int, ...]

    @property
    def n_ops(self) -> int:
        """Vertices that carry an operation."""
        return len(self.n_parents) - 1

    @cached_property
    def choices(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The sets of parents that each vertex can have."""
        sizes = enumerate(self.n_parents, start=1)
        return tuple(tuple(itertools.combinations(range(v), n)) for v, n in sizes)

    @property
    def size(self) -> int:
        """How many paths there are."""
        n_structures: int = math.prod(map(len, self.choices))
        return n_structures * int(len(OPS) ** self.n_ops)

    def check(self, arch: Arch) -> None:
        """Raise an ArchError if a path is not one of this layout."""
        fits = len(arch.parents) == len(self.n_parents) and len(arch.ops) == self.n_ops
        if not fits or any(
            own not in known for own, known in zip(arch.parents, self.choices, strict=True)
        ):
            wanted = ", ".join(map(str, self.n_parents))
            raise ArchError(
                f"'{arch!s:.60}' is not a path of this space: the vertices after the input have "
                f"{wanted} parents, ascending and each before the vertex, and those before the "
                f"output {self.n_ops} operations."
            )

    def parse(self, text: str) -> Arch:
        """Parse a path.

        Raises:
            ArchError: If it is anything else.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ArchError(
                f"'{text:.60}' is not a path of NAS-Bench-1Shot1. The form is the parents of each "
                "vertex after the input (0) and the operations between input and output, such as "
                "0-0-01-12-234:0120 (0 conv 3x3, 1 conv 1x1, 2 max pool 3x3)."
            )
        arch = Arch(
            tuple(tuple(map(int, own)) for own in match[1].split("-")), tuple(map(int, match[2]))
        )
        self.check(arch)
        return arch

    def find_cells(self) -> IntArray:
        """Return the cell of every path, as `pack` gives it, by key: structures, then operations.

        Whatever the operations, a structure has the same live vertices, graph and orders; so cells
        are found once for each graph, and paths look theirs up.
        """
        digits = _digits(self.n_ops)
        cells = []
        for live, n, graph in self._structures():
            place = np.zeros(len(digits), dtype=np.int64)
            for v in live:
                place = place * len(OPS) + digits[:, v]
            cells.append(_cells_of_graph(n, graph)[place])
        return np.concatenate(cells)

    def _structures(self) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Yield, for each choice of parents, the live vertices with operations and their graph."""
        for parents in itertools.product(*self.choices):
            # vertices stand in for their operations, so that those that are left can be told
            cell = prune(_matrix(parents), range(self.n_ops))
            yield cell.ops, cell.n, cell.graph


@cache
def _digits(n: int) -> IntArray:
    """Return all operations of n vertices, in the order of their digits, [3^n, n]."""
    found = list(itertools.product(range(len(OPS)), repeat=n))
    return np.array(found, dtype=np.int64).reshape(-1, n)


@cache
def _cells_of_graph(n: int, graph: int) -> IntArray:
    """Return the cells that stand for those of a graph, packed, by the digits of the operations."""
    smallest, orders = find_orders(n, graph)
    digits = _digits(n - 2)
    weights = len(OPS) ** np.arange(n - 3, -1, -1)
    first: IntArray = np.min([digits[:, order] @ weights for order in orders], axis=0)
    return first + pack(Cell(n, smallest, (0,) * (n - 2)))

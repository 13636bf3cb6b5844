"""NAS-Bench-101 as a space: all that the rest of the harness may rely on.

Reference: Ying et al., NAS-Bench-101: Towards Reproducible Neural Architecture Search, 2019, arXiv
1902.09635.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from harness.seeding import make_rng
from harness.spaces.kinds import Listed
from harness.spaces.nb101.cost import BENCHMARK_SHAPE, count
from harness.spaces.nb101.encoding import (
    CONV_3X3,
    MAX_POOL,
    N_CELLS,
    OPS,
    Cell,
    find_first,
    parse_cell,
)
from harness.spaces.nb101.table import Cells
from harness.spaces.values import Baseline, Cost, Fact, Features, Graph, NetworkShape, Trait

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.supernet.base import Networks


class NB101(Listed):
    """The cells of NAS-Bench-101: 423,624 graphs, each isomorphism class once.

    It has no supernet: cells of all graphs share no weights. An architecture's key is its row in
    the published table, `nb101_index`, whose rows ascend by the published hash.
    """

    name = "nb101"
    size = N_CELLS
    has_supernet = False
    index_column = "nb101_index"
    floor = "conv3x3"
    shapes: ClassVar[Mapping[str, NetworkShape]] = {"cifar10": BENCHMARK_SHAPE}
    baseline_shape = BENCHMARK_SHAPE
    presets: ClassVar[Mapping[str, Mapping[str, object]]] = {"smoke": {}, "quick": {}}

    @cached_property
    def archs(self) -> Cells:
        """All cells, in the order of the table."""
        return Cells()

    def key(self, arch: Cell) -> int:
        """Return the row of the published table."""
        return self.archs.find(arch)

    @cached_property
    def _permutation(self) -> tuple[int, ...]:
        """The rows in an order of a fixed seed: it takes no strings, and so no list of cells."""
        rows = make_rng(0, "canonical permutation", self.name).permutation(N_CELLS)
        return tuple(rows.tolist())

    def parse(self, text: str) -> Cell:
        """Parse a cell; of isomorphic ones, return the one that stands for all."""
        return find_first(parse_cell(text))

    def canonical(self, arch: Cell) -> Cell:
        """Return the same: each isomorphism class is there once."""
        return arch

    def identity(self, arch: Cell) -> Cell:
        """Return the same."""
        return arch

    def is_live(self, arch: Cell) -> bool:
        """Say yes: every vertex is on a path from input to output."""
        return True

    def weights(self, arch: Cell) -> frozenset[Hashable]:
        """Return the vertices with a convolution, as cells of no two graphs share any."""
        return frozenset(
            (arch.graph, vertex, op) for vertex, op in enumerate(arch.ops) if op != MAX_POOL
        )

    def cost(self, arch: Cell, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds, as the benchmark does; all of them are live."""
        return Cost(*count(arch, shape) * 2)

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the stand-alone networks of one size."""
        from harness.spaces.nb101.network import CellNetworks  # torch: only where it is used

        return CellNetworks(shape)

    def counts(self, arch: Cell) -> Mapping[str, int]:
        """Count the vertices of each operation, and the edges."""
        ops = {name: arch.ops.count(op) for op, name in enumerate(OPS)}
        return {**ops, "vertices": arch.n, "edges": len(arch.edges)}

    def graphs(self, arch: Cell, seed: int = 0) -> tuple[Graph, ...]:
        """Return the cell."""
        nodes = ("input", *(OPS[op] for op in arch.ops), "output")
        return (Graph("cell", nodes, tuple((*edge, "") for edge in arch.edges)),)

    def facts(self, arch: Cell) -> tuple[Fact, ...]:
        """Return the published hash and the size of the cell."""
        return (
            Fact(
                {"hash": arch.digest, "vertices": arch.n, "edges": len(arch.edges)},
                f"Published hash {arch.digest}; {arch.n} vertices and {len(arch.edges)} edges.",
            ),
        )

    @property
    def traits(self) -> Mapping[str, Trait]:
        """No populations beside those that every space has."""
        return {}

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """The usual ones, of the benchmark's network, and the number of 3x3 convolutions."""
        return {
            **super().baselines,
            "conv3x3": Baseline(
                "number of 3x3 convolutions of a cell", lambda a: float(a.ops.count(CONV_3X3))
            ),
        }

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """The graph of a cell: counts, degrees and lengths of paths."""
        return {"graf": Features("features of the cell's graph", _describe)}


def _describe(archs: Sequence[Cell]) -> Mapping[str, npt.NDArray[np.float64]]:
    from harness.spaces.nb101.graph import graph_features  # few commands need it

    return graph_features(archs)

"""NAS-Bench-201's cell as a graph of layers, in any order of the layers.

The benchmark's edges become nodes. `none` is no layer, `skip_connect` no layer either: what it
reads is read by what reads it. The remaining layers take the first of six places, the others are
empty. Any order of the places describes the same cell.

Reference: Liu et al., Homogeneous Architecture Augmentation for Neural Predictor, ICCV 2021, arXiv
2107.13153 (HAAP), sections 3.1 and 3.2, and the authors' code for NAS-Bench-201. Deviation: an
architecture without a path from input to output is a graph without layers, where theirs leaves it
out.

Axes: n, architectures; node, the input, six places and the output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.spaces.nb201.encoding import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, N_NODES, SKIP, Arch

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

N_PLACES = len(EDGES)
EMPTY = -1
"""The operation of a place without a layer."""

_KINDS = {"1x1": CONV_1X1, "3x3": CONV_3X3, "pool": AVG_POOL, "empty": EMPTY}
_INPUT, _OUTPUT = 0, N_PLACES + 1


class _Layers(NamedTuple):
    """Graphs of layers.

    Attributes:
        ops: The operation at each place, [n, 6].
        reads: Whether the second node reads the first, [n, node, node].
    """

    ops: IntArray
    reads: npt.NDArray[np.bool_]

    def reorder(self, places: IntArray) -> _Layers:
        """Return the same graphs, with another layer at each place, [n, 6]."""
        ends = np.zeros((len(places), 1), dtype=np.int64)
        nodes = np.concatenate([ends, places + 1, ends + _OUTPUT], axis=1)
        arch = np.arange(len(places))[:, None]
        reads = self.reads[arch[:, :, None], nodes[:, :, None], nodes[:, None, :]]
        return _Layers(self.ops[arch, places], reads)

    def to_features(self) -> Mapping[str, FloatArray]:
        """Return zeros and ones by name: what is where, and what reads what."""
        columns = {
            f"place {place}: {name}": self.ops[:, place] == op
            for place in range(N_PLACES)
            for name, op in _KINDS.items()
        }
        for target in range(1, N_PLACES + 2):  # nothing is read by the input, nor from the output
            for source in range(N_PLACES + 1):
                columns[f"node {target} reads {source}"] = self.reads[:, source, target]
        return {name: column.astype(np.float64) for name, column in columns.items()}


def layer_features(archs: Sequence[Arch]) -> Mapping[str, FloatArray]:
    """Describe architectures with their layers in the order of the benchmark's edges."""
    return _find_layers(archs).to_features()


def draw_layer_features(
    archs: Sequence[Arch], rng: np.random.RandomState
) -> Mapping[str, FloatArray]:
    """Describe architectures with their six places in an order that is drawn for each."""
    places = rng.rand(len(archs), N_PLACES).argsort(axis=1)
    return _find_layers(archs).reorder(places).to_features()


def _find_layers(archs: Sequence[Arch]) -> _Layers:
    ops = np.array([arch.ops for arch in archs], dtype=np.int64).reshape(-1, N_PLACES)
    reads = np.repeat(_whole_cell()[None], len(archs), axis=0)
    live = np.zeros((len(archs), N_PLACES), dtype=bool)
    for row, arch in zip(live, archs, strict=True):
        row[list(arch.live_edges)] = True
    for edge in range(N_PLACES):
        node = edge + 1
        skips = live[:, edge] & (ops[:, edge] == SKIP)
        reads |= skips[:, None, None] & reads[:, :, node, None] & reads[:, node, None, :]
        is_gone = ~live[:, edge] | skips
        reads[is_gone, node, :] = False
        reads[is_gone, :, node] = False
        ops[is_gone, edge] = EMPTY
    layers_first = np.argsort(ops == EMPTY, axis=1, kind="stable")
    return _Layers(ops, reads).reorder(layers_first)


def _whole_cell() -> npt.NDArray[np.bool_]:
    """Return which edge's node reads which, if each edge is a layer: [node, node]."""
    reads = np.zeros((N_PLACES + 2, N_PLACES + 2), dtype=bool)
    for node, (target, source) in enumerate(EDGES, start=1):
        reads[_INPUT, node] = source == 0
        reads[node, _OUTPUT] = target == N_NODES - 1
        for other, (_, start) in enumerate(EDGES, start=1):
            reads[node, other] = start == target
    return reads

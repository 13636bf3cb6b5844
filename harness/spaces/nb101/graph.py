"""Graph features of NAS-Bench-101's cells, for all architectures at once.

Reference: Kadlecova et al., Surprisingly strong performance prediction with neural graph features,
2024, arXiv 2404.16551 (GRAF), which describes a cell's graph restricted to each set of operations
in turn. Deviation: the number of paths and the longest are added, as for NAS-Bench-201.

Axes: n, architectures; v and w, seven vertices, of which 0 is the input, 6 the output, and those
that a smaller cell lacks have no edges.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.spaces.nb101.encoding import MOST_VERTICES, OPS, Cell, edges_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SETS = [
    chosen for n in range(1, len(OPS) + 1) for chosen in itertools.combinations(range(len(OPS)), n)
]
"""The non-empty sets of operations."""
NO_PATH = MOST_VERTICES
"""Length that stands for no path: one more edge than the longest has."""

_LAST = MOST_VERTICES - 1
_FAR = 10**6


def graph_features(archs: Sequence[Cell]) -> dict[str, FloatArray]:
    """Compute the graph features.

    Args:
        archs: The architectures.

    Returns:
        By name, [n] each: `vertices` and `edges` of the cell; and for every set of operations
        `count`, its vertices; `paths`, how many lead from input to output through these alone;
        `shortest` and `longest`, the edges of these paths (`NO_PATH` and 0 where there is none);
        `fewest` and `most`, vertices of the set on any path; `out of input`, `into output`, edges
        to and from the set there; `in` and `out`, the edges into and out of its vertices.
    """
    has, ops = _lay_out(archs)
    features = {
        "vertices": np.array([arch.n for arch in archs], dtype=np.float64),
        "edges": has.sum(axis=(1, 2)).astype(np.float64),
    }
    for chosen in SETS:
        belongs = np.isin(ops, chosen)
        ends = np.zeros(MOST_VERTICES, dtype=np.bool_)
        ends[[0, _LAST]] = True
        n_paths, shortest, longest = _measure_paths(has, belongs | ends)
        found = {
            "count": belongs.sum(axis=1),
            "paths": n_paths,
            "shortest": np.where(n_paths > 0, shortest, NO_PATH),
            "longest": np.where(n_paths > 0, longest, 0),
            "fewest": _sum_along(has, belongs, least=True),
            "most": _sum_along(has, belongs, least=False),
            "out of input": (has[:, 0] & belongs).sum(axis=1),
            "into output": (has[:, :, _LAST] & belongs).sum(axis=1),
            "in": (has & belongs[:, None, :]).sum(axis=(1, 2)),
            "out": (has & belongs[:, :, None]).sum(axis=(1, 2)),
        }
        names = "+".join(OPS[op] for op in chosen)
        features |= {f"{what}: {names}": x.astype(np.float64) for what, x in found.items()}
    return features


def _lay_out(archs: Sequence[Cell]) -> tuple[BoolArray, IntArray]:
    """Return the edges, [n, v, w], and the operations, -1 where a vertex has none, [n, v]."""
    has = np.zeros((len(archs), MOST_VERTICES, MOST_VERTICES), dtype=np.bool_)
    ops = np.full((len(archs), MOST_VERTICES), -1, dtype=np.int64)
    sizes = np.array([arch.n for arch in archs], dtype=np.int64)
    graphs = np.array([arch.graph for arch in archs], dtype=np.int64)
    for n in sorted(set(sizes.tolist())):
        rows = np.flatnonzero(sizes == n)
        for bit, (x, y) in enumerate(edges_of(n)):
            has[rows, x, _LAST if y == n - 1 else y] = graphs[rows] >> bit & 1
        if n > 2:
            ops[rows, 1 : n - 1] = [archs[row].ops for row in rows.tolist()]
    return has, ops


def _measure_paths(has: BoolArray, allowed: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """Count the paths through allowed vertices, and the edges of the shortest and the longest."""
    shape = allowed.shape
    number = np.zeros(shape, dtype=np.int64)
    short = np.full(shape, _FAR, dtype=np.int64)
    long = np.full(shape, -_FAR, dtype=np.int64)
    number[:, 0], short[:, 0], long[:, 0] = 1, 0, 0
    for w in range(1, MOST_VERTICES):
        comes = has[:, :w, w] & allowed[:, w, None]
        number[:, w] = (comes * number[:, :w]).sum(axis=1)
        short[:, w] = np.where(comes, short[:, :w] + 1, _FAR).min(axis=1)
        long[:, w] = np.where(comes, long[:, :w] + 1, -_FAR).max(axis=1)
    return number[:, _LAST], short[:, _LAST], long[:, _LAST]


def _sum_along(has: BoolArray, belongs: BoolArray, least: bool) -> IntArray:
    """Return the fewest or the most vertices of a set on a path from input to output."""
    none = _FAR if least else -_FAR
    best = np.full(belongs.shape, none, dtype=np.int64)
    best[:, 0] = 0
    for w in range(1, MOST_VERTICES):
        through = np.where(has[:, :w, w], best[:, :w], none)
        best[:, w] = (through.min(axis=1) if least else through.max(axis=1)) + belongs[:, w]
    return best[:, _LAST]

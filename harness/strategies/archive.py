"""How far apart architectures are, and how novel one is beside an archive of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.spaces.nb201.encoding import EDGES, Arch

FloatArray = npt.NDArray[np.float64]


def measure_distances(archs: Sequence[Arch], others: Sequence[Arch]) -> FloatArray:
    """Measure the share of edges that two architectures differ in.

    Edges count whether they carry a signal or not. Were dead ones to count as `none`, paths with
    few of them would seem novel (measured: a quarter more live convolutions than by chance).

    Args:
        archs: Architectures, [a].
        others: Other ones, [b].

    Returns:
        Distances from 0 (the same architecture) to 1, [a, b].
    """
    first, second = (
        np.array([arch.ops for arch in part], dtype=np.int64).reshape(-1, len(EDGES))
        for part in (archs, others)
    )
    distances: FloatArray = (first[:, None] != second[None]).mean(axis=2)
    return distances


def measure_novelty(archs: Sequence[Arch], archive: Sequence[Arch], neighbours: int) -> FloatArray:
    """Measure the mean distance of architectures to their nearest ones in an archive, 0-1.

    Args:
        archs: Architectures, [a].
        archive: The archive; if it is empty, nothing is novel.
        neighbours: How many of the nearest count, fewer where the archive has fewer.

    Returns:
        Novelties, [a].
    """
    if not archive:
        return np.zeros(len(archs))
    nearest = np.sort(measure_distances(archs, archive), axis=1)[:, :neighbours]
    novelty: FloatArray = nearest.mean(axis=1)
    return novelty

"""Distances between architectures, and novelty with respect to an archive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.spaces.kinds import Grid
from harness.spaces.values import Architecture

FloatArray = npt.NDArray[np.float64]


def measure_distances(
    grid: Grid, archs: Sequence[Architecture], others: Sequence[Architecture]
) -> FloatArray:
    """Measure the share of slots that two architectures differ in.

    Slots count whether they carry a signal or not. If dead edges of NAS-Bench-201 counted as
    `none`, paths with few of them would seem novel (measured: a quarter more live convolutions
    than by chance). Strings of one network (`Space.n_networks`) count as different, likewise.

    Args:
        grid: Their space.
        archs: Architectures, [a].
        others: Other ones, [b].

    Returns:
        Distances from 0 (the same architecture) to 1, [a, b].
    """
    first, second = (
        np.array([grid.choices(arch) for arch in part], dtype=np.int64).reshape(-1, len(grid.slots))
        for part in (archs, others)
    )
    distances: FloatArray = (first[:, None] != second[None]).mean(axis=2)
    return distances


def measure_novelty(
    grid: Grid, archs: Sequence[Architecture], archive: Sequence[Architecture], neighbours: int
) -> FloatArray:
    """Measure the mean distance of architectures to their nearest ones in an archive, 0-1.

    Args:
        grid: Their space.
        archs: Architectures, [a].
        archive: The archive; if it is empty, nothing is novel.
        neighbours: How many of the nearest count, fewer where the archive has fewer.

    Returns:
        Novelties, [a].
    """
    if not archive:
        return np.zeros(len(archs))
    nearest = np.sort(measure_distances(grid, archs, archive), axis=1)[:, :neighbours]
    novelty: FloatArray = nearest.mean(axis=1)
    return novelty

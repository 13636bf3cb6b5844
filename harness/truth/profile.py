"""Everything that a table and the space say about one architecture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harness.errors import TruthError
from harness.spaces.base import NetworkShape
from harness.spaces.nb201.classes import dead_edge_class, isomorphism_class, isomorphism_string
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import N_ARCHS, Arch, canonical_permutation
from harness.truth.query import Group, TruthQuery
from harness.truth.table import TruthTable

_TILES = {"image_size": 16, "image_channels": 1, "classes": 37}


@dataclass(frozen=True)
class Standing:
    """One architecture's rows of one data set, split and length of training.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        trials: (trial, seed or None, accuracy in percent), one a training.
        mean: Mean accuracy, percent, rounded to 1e-6.
        rank: 1 + the architectures of a higher mean.
        n_tied: Other architectures of exactly this mean.
        n_archs: Architectures that have such rows.
        percentile: Percent of the other architectures with a lower mean; None without others.
    """

    dataset: str
    split: str
    epochs: int
    trials: tuple[tuple[int, int | None, float], ...]
    mean: float
    rank: int
    n_tied: int
    n_archs: int
    percentile: float | None


@dataclass(frozen=True)
class Cost:
    """Size of the stand-alone network on one data set.

    Attributes:
        dataset: Data set in the table's spelling.
        params: Parameters.
        flops: Multiply-adds for one image.
    """

    dataset: str
    params: int
    flops: int


@dataclass(frozen=True)
class Profile:
    """What is known about an architecture.

    Attributes:
        nb201_index: Position in the published table.
        arch_str: The benchmark's string form.
        position: Position in the canonical permutation, from 1: it is among the first N
            architectures of anything where N is at least that.
        representative: The member of its dead-edge class whose dead edges are `none`.
        dead_edge_class: `nb201_index` of the members.
        isomorphism_string: The benchmark's label.
        isomorphism_class: `nb201_index` of the architectures with the same label.
        live_edges: Edges that carry a signal from input to output, 0 to 6.
        costs: Size, where the network around the cell is known.
        standings: Its rows.
    """

    nb201_index: int
    arch_str: str
    position: int
    representative: str
    dead_edge_class: tuple[int, ...]
    isomorphism_string: str
    isomorphism_class: tuple[int, ...]
    live_edges: int
    costs: tuple[Cost, ...]
    standings: tuple[Standing, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        names = ("trial", "seed", "accuracy")
        plain = asdict(self)
        for standing in plain["standings"]:
            rows = standing["trials"]
            standing["trials"] = [dict(zip(names, row, strict=True)) for row in rows]
        return plain


def describe_arch(table: TruthTable, arch: Arch) -> Profile:
    """Collect what a table says about an architecture.

    Args:
        table: The table.
        arch: The architecture.

    Returns:
        Its profile.

    Raises:
        TruthError: If the table has no row of it.
    """
    index = arch.nb201_index
    position = canonical_permutation().index(index) + 1
    if not (table.columns.nb201_index == index).any():
        raise TruthError(
            f"Architecture {index}, {arch}, is not in the truth table '{table.name}', which has "
            f"{table.n_archs:,} of the {N_ARCHS:,}. Ask another table with --table ('harness truth "
            "list' names them); 'harness truth build --n-archs N' trains it where N is "
            f"{position:,} or more."
        )
    groups = table.groups()
    standings = [_stand(table, group, index) for group in groups]
    shapes = {group.dataset: _shape_of(table, group.dataset) for group in groups}
    return Profile(
        nb201_index=index,
        arch_str=str(arch),
        position=position,
        representative=str(arch.representative),
        dead_edge_class=dead_edge_class(arch),
        isomorphism_string=isomorphism_string(arch),
        isomorphism_class=isomorphism_class(arch),
        live_edges=len(arch.live_edges),
        costs=tuple(
            Cost(name, count_params(arch, shape), count_flops(arch, shape))
            for name, shape in shapes.items()
            if shape is not None
        ),
        standings=tuple(standing for standing in standings if standing is not None),
    )


def _stand(table: TruthTable, group: Group, index: int) -> Standing | None:
    truth = table.mean(TruthQuery(group.dataset, group.split, group.epochs))
    place = np.flatnonzero(truth.nb201_index == index)
    if len(place) == 0:
        return None
    own = float(truth.accuracy[place[0]])
    n_archs, n_lower = len(truth.accuracy), int((truth.accuracy < own).sum())
    columns = table.columns
    rows = columns.where(group.dataset, group.split, group.epochs)
    rows = rows[columns.nb201_index[rows] == index]
    return Standing(
        *(group.dataset, group.split, group.epochs),
        trials=tuple(
            (int(trial), None if seed < 0 else int(seed), float(accuracy))
            for trial, seed, accuracy in zip(
                columns.trial[rows], columns.seed[rows], columns.accuracy[rows], strict=True
            )
        ),
        mean=own,
        rank=int((truth.accuracy > own).sum()) + 1,
        n_tied=int((truth.accuracy == own).sum()) - 1,
        n_archs=n_archs,
        percentile=100.0 * n_lower / (n_archs - 1) if n_archs > 1 else None,
    )


def _shape_of(table: TruthTable, dataset: str) -> NetworkShape | None:
    """Return the network around the cell: the benchmark's, or what the table says it built."""
    if dataset != "tiles":
        return BENCHMARK_SHAPES.get(dataset)
    try:
        protocol = json.loads(table.metadata.get("protocol", ""))
        return NetworkShape(int(protocol["channels"]), int(protocol["cells"]), **_TILES)
    except (ValueError, KeyError, TypeError):
        return None  # a table from elsewhere need not say how it was made

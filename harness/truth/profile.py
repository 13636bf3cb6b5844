"""Everything that a table and the space say about one architecture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harness.errors import ArchError, TruthError
from harness.files.images import is_own_name
from harness.spaces.lookup import arch_columns, name_archs
from harness.spaces.values import Architecture, Fact, NetworkShape
from harness.truth.metric import ACCURACY, TruthMetric
from harness.truth.query import Group
from harness.truth.sources import BUILT
from harness.truth.table import TruthTable

SHAPE = "shape"
"""Of a built table's metadata: the size of its networks, `NetworkShape` as JSON."""

_TILES = {"image_size": 16, "image_channels": 1, "classes": 37}
"""What tables of `tiles` from before they had `SHAPE` leave out."""


@dataclass(frozen=True)
class Standing:
    """One architecture's rows of one metric, data set, split and length of training.

    Attributes:
        metric: What is measured.
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        trials: (trial, seed or None, value in the metric's unit), one a training.
        mean: Mean value, rounded to 1e-6.
        rank: 1 + the architectures of a better mean.
        n_tied: Other architectures of exactly this mean.
        n_archs: Architectures that have such rows.
        percentile: Percent of the other architectures with a worse mean; None without others.
    """

    metric: TruthMetric
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
class DatasetCost:
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
        names: How files name it, by column (`arch_columns`).
        position: Position in the canonical permutation, from 1: it is among the first N
            architectures of anything where N is at least that. None where a space has no end.
        facts: What its space says about it.
        costs: Size, where the network around the searched part is known.
        standings: Its rows.
    """

    names: Mapping[str, Any]
    position: int | None
    facts: tuple[Fact, ...]
    costs: tuple[DatasetCost, ...]
    standings: tuple[Standing, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        standings = [asdict(standing) for standing in self.standings]
        for standing, own in zip(standings, self.standings, strict=True):
            value = "accuracy" if own.metric == ACCURACY else "value"
            keys = ("trial", "seed", value)
            standing["trials"] = [dict(zip(keys, row, strict=True)) for row in own.trials]
            standing["metric"] = own.metric._asdict()
        plain = {**self.names, "position": self.position}
        for fact in self.facts:
            plain |= fact.values
        return {**plain, "costs": [asdict(cost) for cost in self.costs], "standings": standings}


def describe_arch(table: TruthTable, arch: Architecture) -> Profile:
    """Collect what a table says about an architecture, or about another name of its network.

    Args:
        table: The table.
        arch: The architecture, of the table's space.

    Returns:
        Its profile.

    Raises:
        TruthError: If the table has no row for it.
    """
    space = table.space
    key, text = space.key(arch), space.format(arch)
    position = None if space.size is None else space.prefix(space.size).index(key) + 1
    listed = key
    if space.n_networks is not None and key not in table.columns.key:
        listed = space.key(space.identity(arch))
    if listed not in table.columns.key:
        called = f"{key}, {text}," if arch_columns(space).index else text
        of = "" if space.size is None else f" of the {space.size:,}"
        where = "" if position is None else f" where N is {position:,} or more"
        raise TruthError(
            f"Architecture {called} is not in the truth table '{table.name}', which has "
            f"{table.n_archs:,}{of}. Ask another table with --table ('harness truth list' names "
            f"them); 'harness truth build --n-archs N' trains it{where}."
        )
    groups = table.groups()
    standings = [_stand(table, group, listed) for group in groups]
    shapes = {group.dataset: _shape_of(table, group.dataset) for group in groups}
    costs = {name: space.cost(arch, shape) for name, shape in shapes.items() if shape is not None}
    return Profile(
        names={name: cells[0] for name, cells in name_archs([key], space).items()},
        position=position,
        facts=space.facts(arch),
        costs=tuple(DatasetCost(name, cost.params, cost.flops) for name, cost in costs.items()),
        standings=tuple(standing for standing in standings if standing is not None),
    )


def _stand(table: TruthTable, group: Group, key: int) -> Standing | None:
    truth = table.mean(group.query)
    place = np.flatnonzero(truth.keys == key)
    if len(place) == 0:
        return None
    metric = table.metric(group.metric)
    means = metric.orient(truth.value)
    own = means[place[0]]
    n_archs, n_worse = len(means), int((means < own).sum())
    columns = table.columns
    rows = columns.where(group.dataset, group.split, group.epochs, group.metric)
    rows = rows[columns.key[rows] == key]
    return Standing(
        *(metric, group.dataset, group.split, group.epochs),
        trials=tuple(
            (int(trial), None if seed < 0 else int(seed), float(accuracy))
            for trial, seed, accuracy in zip(
                columns.trial[rows], columns.seed[rows], columns.value[rows], strict=True
            )
        ),
        mean=float(truth.value[place[0]]),
        rank=int((means > own).sum()) + 1,
        n_tied=int((means == own).sum()) - 1,
        n_archs=n_archs,
        percentile=100.0 * n_worse / (n_archs - 1) if n_archs > 1 else None,
    )


def _shape_of(table: TruthTable, dataset: str) -> NetworkShape | None:
    """Return the size of the networks where it is known: a table on tiles may be of any."""
    if _is_built(dataset):
        return built_shape(table)
    try:
        return table.space.shape(dataset)
    except ArchError:
        return None  # a table from elsewhere need not say how it was made


def _is_built(dataset: str) -> bool:
    """Say whether `harness truth build` makes the tables of a data set."""
    return dataset in BUILT or is_own_name(dataset)


def truth_shape(table: TruthTable, dataset: str) -> NetworkShape:
    """Return the size of networks for a truth: what the table says it built, or the space's.

    Args:
        table: The table.
        dataset: Data set in the table's spelling.

    Raises:
        ArchError: If neither says it.
    """
    return (_is_built(dataset) and built_shape(table)) or table.space.shape(dataset)


def built_shape(table: TruthTable) -> NetworkShape | None:
    """Return the size of the networks of a table that was built; None if it does not say."""
    try:
        if SHAPE in table.metadata:
            found = json.loads(table.metadata[SHAPE])
        else:
            protocol = json.loads(table.metadata["protocol"])
            found = {"channels": protocol["channels"], "cells": protocol["cells"], **_TILES}
        size = found.pop("image_size")
        height, width = size if isinstance(size, list) else (size, size)
        size = int(height) if height == width else (int(height), int(width))
        return NetworkShape(image_size=size, **{key: int(value) for key, value in found.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

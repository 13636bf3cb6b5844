"""The rows of a table as arrays: what is held in memory, selected from, and hashed.

Axis: row, sorted by what identifies it (architecture, data set, split, epochs, trial).
Architectures are keys (`Space.key`); their strings follow, so they are made only where somebody
wants to see them. Nothing here imports pandas, which alone takes longer and more memory than
opening the published table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.spaces import DEFAULT, Space, load_space
from harness.spaces.lookup import arch_columns
from harness.truth.metric import ACCURACY, PERCENT, TruthMetric, write_metrics

SCHEMAS = ("truth/1", "truth/2", "truth/3")
"""Of tables of accuracies of `DEFAULT`, and of any other space; and of tables of any metrics."""

SPLITS = ("valid", "test")
ROUNDED_TO = 6
"""Decimals that accuracies are compared at: neither the order of a summation nor a detour through
float32 must make or break ties, or make another table of the same results."""

LARGEST = 1e9
"""Of any value that is no percentage: differences of 1e-6 are exact below it."""

IntArray = npt.NDArray[np.int64]
AnyIntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]


Metrics = tuple[TruthMetric, ...]
"""What a table measures, ascending by name."""

ONLY_ACCURACY: Metrics = (ACCURACY,)


def schema_of(space: Space, metrics: Metrics = ONLY_ACCURACY) -> str:
    """Return the schema of a space's tables."""
    return SCHEMAS[space.name != DEFAULT if metrics == ONLY_ACCURACY else 2]


def row_columns(space: Space, metrics: Metrics = ONLY_ACCURACY) -> tuple[str, ...]:
    """Return the columns of a space's rows: accuracy in percent, seed -1 where it is unknown.

    Rows of other metrics name theirs, and have its value in place of the accuracy.
    """
    names = arch_columns(space).names
    if metrics != ONLY_ACCURACY:
        return (*names, "metric", "dataset", "split", "epochs", "trial", "seed", "value")
    return (*names, "dataset", "split", "epochs", "trial", "seed", "accuracy")


def value_range(metric: TruthMetric) -> tuple[float, float]:
    """Return the smallest and the largest value that a metric may have."""
    return (0.0, 100.0) if metric.unit == PERCENT else (-LARGEST, LARGEST)


def fewest_epochs(metrics: Metrics) -> int:
    """Return the shortest training that rows may name: 0 where nothing was trained."""
    return int(metrics == ONLY_ACCURACY)


def key_kind(space: Space) -> type[np.integer[Any]]:
    """Return the smallest kind of integer that holds all keys of a space."""
    return np.int16 if space.size is not None and space.size <= 2**15 else np.int64


class Labels(NamedTuple):
    """A column of few distinct texts.

    Attributes:
        codes: Positions in `names`, [row].
        names: The texts that occur, ascending.
    """

    codes: AnyIntArray
    names: tuple[str, ...]

    def take(self, rows: IntArray) -> Labels:
        """Return the labels of some rows, and of the names only those that are left."""
        present, codes = np.unique(self.codes[rows], return_inverse=True)
        names = tuple(self.names[code] for code in present.tolist())
        return Labels(codes.astype(self.codes.dtype), names)


def all_accuracies(n: int) -> Labels:
    """Return the metric of rows that name none."""
    return Labels(np.zeros(n, dtype=np.int8), (ACCURACY.name,))


@dataclass(frozen=True, eq=False)
class Columns:
    """All columns of a table but the strings, [row] each.

    Attributes:
        key: Architecture, any kind of integer.
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, int16; 0 for a metric that takes none.
        trial: Number of the training among those of its architecture, int32.
        seed: Its seed, -1 where that is unknown, int64.
        value: Value of the metric, in its unit, float64; percent for accuracy.
        space: The space of the architectures.
        metric: Name of the metric.
        metrics: The metrics that occur.
    """

    key: AnyIntArray
    metric: Labels
    dataset: Labels
    split: Labels
    epochs: AnyIntArray
    trial: AnyIntArray
    seed: AnyIntArray
    value: FloatArray
    space: Space = field(default_factory=load_space)
    metrics: Metrics = ONLY_ACCURACY

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.key)

    def sha256(self, rounded: bool = True) -> str:
        """Hash keys and accuracies: what the table says, wherever its rows came from.

        Args:
            rounded: Whether accuracies that are equal to 1e-6 are equal; they were not in the
                first runs that were recorded.

        Returns:
            The SHA-256 digest, hexadecimal. Seeds are not part of it.
        """
        digest = hashlib.sha256(schema_of(self.space, self.metrics).encode())
        if self.metrics != ONLY_ACCURACY:
            digest.update(write_metrics(self.metrics).encode())
            digest.update(_bytes(self.metric.codes, "<i4"))
        is_default = self.space.name == DEFAULT
        if not is_default:
            digest.update(self.space.name.encode())
        digest.update(_bytes(self.key, "<i4" if is_default else "<i8"))
        for column in (self.dataset, self.split):
            digest.update(json.dumps(list(column.names)).encode())
            digest.update(_bytes(column.codes, "<i4"))
        digest.update(_bytes(self.epochs, "<i4"))
        digest.update(_bytes(self.trial, "<i4"))
        value = self.value.round(ROUNDED_TO) if rounded else self.value
        digest.update(_bytes(value, "<f8"))
        return digest.hexdigest()

    def seeds_sha256(self) -> str:
        """Hash the seeds, by which a query may select; hexadecimal."""
        return hashlib.sha256(_bytes(self.seed, "<i8")).hexdigest()

    def is_sound(self) -> bool:
        """Say whether all values are in range and the rows ascend without a repetition."""
        if len(self) == 0:
            return False
        in_range = (
            self.key.min() >= 0
            and (self.space.size is None or self.key.max() < self.space.size)
            and self.epochs.min() >= fewest_epochs(self.metrics)
            and self.trial.min() >= 0
            and self.seed.min() >= -1
        )
        labels = all(map(_is_sound, (self.metric, self.dataset, self.split)))
        is_known = self.metric.names == tuple(metric.name for metric in self.metrics)
        return (
            in_range
            and labels
            and is_known
            and set(self.split.names) <= set(SPLITS)
            and all(self._is_in_range(number) for number in range(len(self.metrics)))
            and self._ascends()
        )

    def _is_in_range(self, number: int) -> bool:
        """Say whether a metric has values that it may have."""
        low, high = value_range(self.metrics[number])
        own = self.value[self.metric.codes == number]
        # Written so that a NaN, too, is not in range.
        return bool(own.min() >= low) and bool(own.max() <= high)

    def _ascends(self) -> bool:
        ascends = np.zeros(len(self) - 1, dtype=np.bool_)
        labels = (self.metric.codes, self.dataset.codes, self.split.codes)
        key = (self.key, *labels, self.epochs, self.trial)
        for column in reversed(key):
            ascends = (column[1:] > column[:-1]) | ((column[1:] == column[:-1]) & ascends)
        return bool(ascends.all())

    def where(self, dataset: str, split: str, epochs: int, metric: str = ACCURACY.name) -> IntArray:
        """Return the positions of a data set's rows of one split, length of training and metric."""
        chosen = self.epochs == epochs
        for labels, name in ((self.metric, metric), (self.dataset, dataset), (self.split, split)):
            if name not in labels.names:
                return np.zeros(0, dtype=np.int64)
            chosen = chosen & (labels.codes == labels.names.index(name))
        return np.flatnonzero(chosen)

    def take(self, rows: IntArray) -> Columns:
        """Return some rows, whose positions ascend."""
        return Columns(
            key=self.key[rows],
            metric=(metric := self.metric.take(rows)),
            dataset=self.dataset.take(rows),
            split=self.split.take(rows),
            epochs=self.epochs[rows],
            trial=self.trial[rows],
            seed=self.seed[rows],
            value=self.value[rows],
            space=self.space,
            metrics=tuple(each for each in self.metrics if each.name in metric.names),
        )


def _bytes(values: npt.NDArray[Any], kind: str) -> memoryview:
    return np.ascontiguousarray(values, dtype=kind).data


def _is_sound(labels: Labels) -> bool:
    codes, names = labels
    if codes.min() < 0 or codes.max() >= len(names):
        return False
    all_occur = all(bool((codes == code).any()) for code in range(len(names)))
    return list(names) == sorted(set(names)) and all_occur

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

SCHEMAS = ("truth/1", "truth/2")
"""Of tables of `DEFAULT`, and of any other space."""

SPLITS = ("valid", "test")
ROUNDED_TO = 6
"""Decimals that accuracies are compared at: neither the order of a summation nor a detour through
float32 must make or break ties, or make another table of the same results."""

IntArray = npt.NDArray[np.int64]
AnyIntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]


def schema_of(space: Space) -> str:
    """Return the schema of a space's tables."""
    return SCHEMAS[space.name != DEFAULT]


def row_columns(space: Space) -> tuple[str, ...]:
    """Return the columns of a space's rows: accuracy in percent, seed -1 where it is unknown."""
    names = arch_columns(space).names
    return (*names, "dataset", "split", "epochs", "trial", "seed", "accuracy")


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


@dataclass(frozen=True, eq=False)
class Columns:
    """All columns of a table but the strings, [row] each.

    Attributes:
        key: Architecture, any kind of integer.
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, int16.
        trial: Number of the training among those of its architecture, int32.
        seed: Its seed, -1 where that is unknown, int64.
        accuracy: Percent, float64.
        space: The space of the architectures.
    """

    key: AnyIntArray
    dataset: Labels
    split: Labels
    epochs: AnyIntArray
    trial: AnyIntArray
    seed: AnyIntArray
    accuracy: FloatArray
    space: Space = field(default_factory=load_space)

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
        digest = hashlib.sha256(schema_of(self.space).encode())
        is_default = self.space.name == DEFAULT
        if not is_default:
            digest.update(self.space.name.encode())
        digest.update(_bytes(self.key, "<i4" if is_default else "<i8"))
        for column in (self.dataset, self.split):
            digest.update(json.dumps(list(column.names)).encode())
            digest.update(_bytes(column.codes, "<i4"))
        digest.update(_bytes(self.epochs, "<i4"))
        digest.update(_bytes(self.trial, "<i4"))
        accuracy = self.accuracy.round(ROUNDED_TO) if rounded else self.accuracy
        digest.update(_bytes(accuracy, "<f8"))
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
            and self.epochs.min() >= 1
            and self.trial.min() >= 0
            and self.seed.min() >= -1
            # Written so that a NaN, too, is not in range.
            and bool(self.accuracy.min() >= 0.0)
            and bool(self.accuracy.max() <= 100.0)
        )
        labels = all(map(_is_sound, (self.dataset, self.split)))
        return in_range and labels and set(self.split.names) <= set(SPLITS) and self._ascends()

    def _ascends(self) -> bool:
        ascends = np.zeros(len(self) - 1, dtype=np.bool_)
        key = (self.key, self.dataset.codes, self.split.codes, self.epochs, self.trial)
        for column in reversed(key):
            ascends = (column[1:] > column[:-1]) | ((column[1:] == column[:-1]) & ascends)
        return bool(ascends.all())

    def where(self, dataset: str, split: str, epochs: int) -> IntArray:
        """Return the positions of a data set's rows of one split and length of training."""
        if dataset not in self.dataset.names or split not in self.split.names:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(
            (self.dataset.codes == self.dataset.names.index(dataset))
            & (self.split.codes == self.split.names.index(split))
            & (self.epochs == epochs)
        )

    def take(self, rows: IntArray) -> Columns:
        """Return some rows, whose positions ascend."""
        return Columns(
            key=self.key[rows],
            dataset=self.dataset.take(rows),
            split=self.split.take(rows),
            epochs=self.epochs[rows],
            trial=self.trial[rows],
            seed=self.seed[rows],
            accuracy=self.accuracy[rows],
            space=self.space,
        )


def _bytes(values: npt.NDArray[Any], kind: str) -> memoryview:
    return np.ascontiguousarray(values, dtype=kind).data


def _is_sound(labels: Labels) -> bool:
    codes, names = labels
    if codes.min() < 0 or codes.max() >= len(names):
        return False
    all_occur = all(bool((codes == code).any()) for code in range(len(names)))
    return list(names) == sorted(set(names)) and all_occur

"""What is logged while a supernet trains: tables of numbers, saved inside the checkpoint."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.errors import CheckpointError

Columns = dict[str, list[float]]


class TrainingLog:
    """Tables of numbers that grow with training and are saved inside the checkpoint.

    Being part of the checkpoint, they can neither run ahead of the weights nor fall behind.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.tables: dict[str, Columns] = {}
        self._restored: frozenset[str] = frozenset()

    def add(self, table: str, row: dict[str, float]) -> None:
        """Add a row; all rows of a table have the same columns.

        Raises:
            CheckpointError: If the table comes from a checkpoint and has further columns.
        """
        columns = self.tables.setdefault(table, {name: [] for name in row})
        if table in self._restored and (unknown := columns.keys() - row.keys()):
            raise CheckpointError(
                f"The checkpoint's table '{table}' has columns that this version does not log: "
                f"{', '.join(map(repr, sorted(unknown))):.200}. Remove the checkpoint to train "
                "from the start, or give another --out folder."
            )
        for name, column in columns.items():
            column.append(row[name])

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Return the tables as tensors: int64 where all numbers are whole, else float64."""
        return {
            table: {name: _as_tensor(column) for name, column in columns.items()}
            for table, columns in self.tables.items()
        }

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Set the tables."""
        self.tables = {
            table: {name: column.tolist() for name, column in columns.items()}
            for table, columns in state.items()
        }
        self._restored = frozenset(self.tables)


def _as_tensor(column: list[float]) -> Tensor:
    whole = all(type(value) is int for value in column)  # keys may exceed 2**53
    return torch.tensor(column, dtype=torch.int64 if whole else torch.float64)
